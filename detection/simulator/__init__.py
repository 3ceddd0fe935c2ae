"""Scenes with known truth: a frontier in the Amazon lowland that never was. Whatever is scored on it is simulated.

Every number is a pure function of (seed, absolute row and column, instant, band), so any tiling gives the same bits.
`parameters` holds all assumptions and is for the simulator alone: a detector that read it would know the answer.
"""
