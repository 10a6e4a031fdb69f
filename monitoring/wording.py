"""Figures and times as a reader reads them."""

from __future__ import annotations

from datetime import UTC, datetime

DIRECTION_WORDS = {
    "over_enforcement": "Over-enforcement",
    "under_enforcement": "Under-enforcement",
    "wrong_selection": "Wrong selection",
}
STANDING_WORDS = {
    "worse": "▼ below the programme",
    "better": "▲ above the programme",
    "alike": "no clear difference",
    "unknown": "too few audits",
}
AGAINST_MODEL_WORDS = {
    "worse": "▲ more errors",
    "better": "▼ fewer errors",
    "alike": "agrees",
    "unknown": "too few audits",
}


def percent(share: float, digits: int = 1) -> str:
    """Return a share in per cent; what is not nought does not read as nought.

    Examples
    --------
    >>> percent(0.9532), percent(0.00012), percent(1.0)
    ('95.3 %', '<0.1 %', '100.0 %')
    """
    least = 0.5 * 10.0 ** -(digits + 2)
    if 0 < share < least:
        return f"<{10.0**-digits:.{digits}f} %"
    if 1 - least < share < 1:
        return f">{100 - 10.0**-digits:.{digits}f} %"
    return f"{100 * share:.{digits}f} %"


def between(low: float, high: float, digits: int = 1) -> str:
    """Return an interval of shares in per cent.

    Examples
    --------
    >>> between(0.931, 0.957)
    '93.1 to 95.7 %'
    """
    return f"{percent(low, digits).removesuffix(' %')} to {percent(high, digits)}"


def count(number: float) -> str:
    """Return a count; an expectation below 10 keeps one digit.

    Examples
    --------
    >>> count(12_345), count(3.26), count(41.7)
    ('12,345', '3.3', '42')
    """
    whole = float(number).is_integer() or abs(number) >= 10
    return f"{number:,.0f}" if whole else f"{number:.1f}"


def points(share: float) -> str:
    """Return a difference of shares in percentage points.

    Examples
    --------
    >>> points(0.0123), points(0.0004)
    ('1.2 pt', '0.04 pt')
    """
    return f"{100 * share:.{1 if share >= 0.001 else 2}f} pt"


def plural(number: float, one: str, many: str | None = None) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> plural(1, "audit"), plural(2500, "audit"), plural(2, "policy", "policies")
    ('1 audit', '2,500 audits', '2 policies')
    """
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def day(time: datetime) -> str:
    """Return a date in UTC.

    Examples
    --------
    >>> day(datetime(2026, 1, 3, tzinfo=UTC))
    '3 January 2026'
    """
    time = time.astimezone(UTC)
    return f"{time.day} {time:%B %Y}"


def short_day(date: str) -> str:
    """Return an ISO date as an axis has room for.

    Examples
    --------
    >>> short_day("2026-01-03")
    '3 Jan'
    """
    time = datetime.fromisoformat(date)
    return f"{time.day} {time:%b}"


def days(first: datetime, last: datetime) -> str:
    """Return a span of dates in UTC, without saying anything twice.

    Examples
    --------
    >>> days(datetime(2026, 1, 3, tzinfo=UTC), datetime(2026, 1, 9, tzinfo=UTC))
    '3 to 9 January 2026'
    """
    first, last = first.astimezone(UTC), last.astimezone(UTC)
    if first.date() == last.date():
        return day(last)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {day(last)}"
    if first.year == last.year:
        return f"{first.day} {first:%B} to {day(last)}"
    return f"{day(first)} to {day(last)}"


def moment(time: datetime) -> str:
    """Return a date and time in UTC.

    Examples
    --------
    >>> moment(datetime(2026, 1, 3, 9, 5, tzinfo=UTC))
    '3 January 2026, 09:05 UTC'
    """
    return f"{day(time)}, {time.astimezone(UTC):%H:%M} UTC"


def words(name: str) -> str:
    """Return a name of the contract, or of a team's own column, in words.

    Examples
    --------
    >>> words("over_enforcement"), words("average_precision")
    ('Over-enforcement', 'Average precision')
    """
    return DIRECTION_WORDS.get(name, name.replace("_", " ").strip().capitalize())
