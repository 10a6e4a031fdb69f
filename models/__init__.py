"""Everything fitted or mathematical: second opinion, risk, selection, estimates, and the bundle."""
