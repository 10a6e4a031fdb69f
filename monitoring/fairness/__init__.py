"""Fairness: whether moderation, and the model that picks its audits, treat groups alike."""
