"""Emissions and their reductions: areas times factors, with what is not known of either carried to the end."""
