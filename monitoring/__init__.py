"""Drift, fairness and quality, and the pages that tell of them. The only room that knows Evidently."""
