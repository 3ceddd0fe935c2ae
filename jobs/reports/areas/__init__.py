"""How much forest changed, with an honest interval: areas from a reference sample, never by counting pixels."""
