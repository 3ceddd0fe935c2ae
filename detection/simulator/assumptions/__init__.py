"""The classes of `world.toml`, a file for each part of the world; `detection.simulator.parameters` gathers and reads them."""
