"""Drift: whether what is decided now still looks like what the champion learned from."""
