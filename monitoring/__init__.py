"""Drift, fairness and quality, and the pages that tell of them; no other room knows Evidently."""
