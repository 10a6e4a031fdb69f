"""Who audits what, and when: selected audits dealt out to people on shift, without harm to them."""
