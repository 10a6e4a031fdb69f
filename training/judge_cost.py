"""Gates on what a bundle costs whoever runs it, and on which version made it."""

from __future__ import annotations

from collections.abc import Iterator

from training.bootstrap import EVERYTHING
from training.compare import Comparison
from training.gates import Judged, ModelLimits, Outcome


def judge_cost(comparison: Comparison, limits: ModelLimits) -> Iterator[Judged]:
    """Judge scoring time, size and version; nothing where they were not measured."""
    measured = comparison.footprint
    if measured is None:
        return
    yield _cost(
        "latency",
        measured.milliseconds,
        most=(limits.milliseconds_per_1000, limits.slower),
        unit="ms to score 1,000 decisions",
    )
    yield _cost(
        "size", measured.megabytes, most=(limits.megabytes, limits.larger), unit="MB on disk"
    )
    others = "; ".join(measured.other_versions)
    yield Judged(
        "version",
        EVERYTHING,
        Outcome.FAILED if others else Outcome.PASSED,
        f"the bundle was made by another version: {others}; train it again"
        if others
        else "the bundle was made by the version that runs here",
    )


def _cost(gate: str, figures: tuple[float, ...], *, most: tuple[float, float], unit: str) -> Judged:
    """Judge a cost against a limit of its own and one in times of the champion's."""
    ours, theirs = figures[0], (figures[1] if len(figures) > 1 else None)
    absolute, times = most
    limit = absolute if theirs is None else min(absolute, times * theirs)
    beside = "" if theirs is None else f", the champion's {theirs:.3g}"
    return Judged(
        gate,
        EVERYTHING,
        Outcome.FAILED if ours > limit else Outcome.PASSED,
        f"{ours:.3g} {unit}{beside}; limit {limit:.3g}",
        champion=theirs,
        challenger=ours,
        difference=None if theirs is None else ours - theirs,
        limit=limit,
    )
