"""Jobs of kind history: a whole archive in, maps and polygons of what changed in which year out."""
