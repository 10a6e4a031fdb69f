"""Days kept as sums: their accuracy stays known when the rows of their decisions are gone."""
