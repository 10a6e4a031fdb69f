"""Measurements of speed and quality, each runnable as a module."""
