"""The alarm on a figure that is less sure than the plan promised."""

from __future__ import annotations

from collections.abc import Iterator

from monitoring.alarms.alarm import Alarm, Severity
from monitoring.alarms.limits import WidthLimits
from monitoring.promised import Promise
from monitoring.wording import plural, points


def width_alarms(promise: Promise | None, limits: WidthLimits) -> Iterator[Alarm]:
    """Yield the alarm where the standard error came out larger than anticipated."""
    came = None if promise is None else promise.achieved
    if promise is None or came is None or promise.estimate.audits < limits.fewest_audits:
        return
    if not came.achieved_ratio > limits.times * came.anticipated_ratio:  # null compares as no
        return
    times = came.achieved_ratio / came.anticipated_ratio
    yield Alarm(
        kind="width",
        segment="everything",
        title="The figure is less sure than the plan promised",
        since=None,
        detail=(
            f"Its standard error is {points(came.standard_error)}, {came.achieved_ratio:.2f} times "
            f"that of a uniform sample of the same size; {came.anticipated_ratio:.2f} times was "
            "anticipated."
        ),
        sure=(
            f"Measured over the whole period, on {plural(promise.estimate.audits, 'audit')}; "
            f"{times:.2f} times what was promised, and {limits.times:.2f} is the limit."
        ),
        next_step=(
            "Look for a model that is off where it is sure of itself (Model), and for unfinished "
            "audits (Auditors); train again, or turn the dial towards precision."
        ),
        page="plan.html#promised",
        value=came.achieved_ratio,
        limit=limits.times * came.anticipated_ratio,
        severity=Severity.WATCH,
    )
