"""Restoration: what is registered, how it recovers, and the files that its platforms take."""
