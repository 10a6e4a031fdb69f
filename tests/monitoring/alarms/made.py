"""Made alarms, for whatever comes after finding them."""

from __future__ import annotations

from features.standing_alarms import Alarm, Severity


def alarm(segment: str = "policy=spam", kind: str = "residual", **fields: object) -> Alarm:
    """Return an alarm; `fields` replace those of the usual one."""
    usual: dict[str, object] = {
        "kind": kind,
        "segment": segment,
        "title": f"{segment}: audits find more errors than expected",
        "since": "2026-01-08",
        "detail": "Since 2026-01-08, 90 audits found 30 errors, where the model foretold 12.",
        "sure": "By chance at most once in 90 days.",
        "next_step": "Read the overturned decisions.",
        "page": "policies.html#policy",
        "value": 0.33,
        "limit": 0.13,
        "severity": Severity.SEVERE,
    }
    return Alarm(**(usual | fields))  # type: ignore[arg-type]
