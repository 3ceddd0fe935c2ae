"""Degraded land: SDG indicator 15.3.1 and the national definitions, parts of the report of restoration."""
