"""Alarms: what changed, since when, how sure that is, and what to do next."""
