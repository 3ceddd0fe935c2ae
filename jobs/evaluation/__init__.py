"""Detectors on data with a known truth, side by side: `sachawatch evaluate CONFIG`."""
