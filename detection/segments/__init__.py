"""Whole archives cut into segments: `ccdc` of many looks a year, `landtrendr` of one value a year, `recovery` after a loss."""
