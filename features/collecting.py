"""How often a process looks for garbage that only a circle keeps: the rows of a table hold none."""

from __future__ import annotations

import gc


def collect_rarely() -> None:
    """Let the collector run after 50,000 new objects in place of 700, for the whole process.

    With its own thresholds it took two of the five seconds in which half a million rows are read.
    """
    gc.set_threshold(50_000, 20, 50)
