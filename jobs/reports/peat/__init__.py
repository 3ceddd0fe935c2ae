"""Emissions of disturbed peat: areas times factors, each pool kept apart, with the doubt of both."""
