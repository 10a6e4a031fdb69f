"""Leads: where errors concentrate, found by search and confirmed on audits it did not see."""
