"""Running it: config files in, committed alerts and products out."""
