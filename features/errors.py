"""Every failure that Second Look names, as one tree.

::

    SecondLookError
    ├── ContractError      a table or payload does not keep the data contract
    ├── MappingError       a mapping file cannot be used
    ├── SettingsError      a setting, policies file or argument cannot be used
    ├── StoreError         the store cannot do what was asked
    │   ├── ConflictError  other content under an id that is already used
    │   └── UnknownDecisionError  an outcome names a decision that the store does not hold
    ├── HomeError          the home folder lacks what the step needs
    ├── TrainingError      there is not enough to learn from
    ├── BundleError        a model bundle does not check out
    ├── PromotionError     a version may not become the one that serves
    ├── CapacityError      the audits asked for do not fit the capacity
    ├── EstimateError      an estimate cannot be made from what was given
    ├── AccessError        no key, a wrong key, or a key without the role
    └── ServiceError       the service could not be started or did not answer

A message names the thing, what was seen, what was expected, and the mend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class SecondLookError(Exception):
    """Base of all failures that a user can mend."""


@dataclass(frozen=True, slots=True)
class BadValue:
    """One value that breaks the contract.

    Attributes
    ----------
    row
        Position in the table as given, 0-based; -1 where the whole column is meant.
    column
        Name of the column.
    seen
        What stood there, shortened; never the content of a ``text`` column.
    expected
        What the contract asks for, and so the mend.
    """

    row: int
    column: str
    seen: str
    expected: str

    def __str__(self) -> str:
        place = f"row {self.row}, " if self.row >= 0 else ""
        return f"{place}column {self.column!r}: saw {self.seen}; expected {self.expected}"


class ContractError(SecondLookError):
    """A table or payload does not keep the data contract.

    Parameters
    ----------
    count
        How many values break it, where only the first of them are given; null = as many as given.

    Examples
    --------
    >>> print(ContractError("decisions", [BadValue(3, "policy", "null", "a name")]))
    decisions: 1 value breaks the contract.
      row 3, column 'policy': saw null; expected a name
    """

    def __init__(
        self,
        table: str,
        bad_values: Sequence[BadValue],
        *,
        shown: int = 10,
        count: int | None = None,
    ) -> None:
        self.table = table
        self.bad_values = tuple(bad_values)
        given = min(shown, len(self.bad_values))
        count = len(self.bad_values) if count is None else count
        verb = "value breaks" if count == 1 else "values break"
        lines = [f"{table}: {count:,} {verb} the contract."]
        lines += [f"  {bad}" for bad in self.bad_values[:shown]]
        if count > given:
            lines.append(f"  ... and {count - given:,} more")
        super().__init__("\n".join(lines))

    @classmethod
    def of(cls, table: str, row: int, column: str, *, seen: str, expected: str) -> ContractError:
        """Return the error of a single value."""
        return cls(table, [BadValue(row, column, seen, expected)])


class MappingError(SecondLookError):
    """A mapping file cannot be used."""


class SettingsError(SecondLookError):
    """A setting, policies file or argument cannot be used."""


class StoreError(SecondLookError):
    """The store cannot do what was asked."""


class ConflictError(StoreError):
    """Other content under an id that is already used."""


class UnknownDecisionError(StoreError):
    """An outcome names a decision that the store does not hold."""


class HomeError(SecondLookError):
    """The home folder lacks what the step needs."""


class TrainingError(SecondLookError):
    """There is not enough to learn from."""


class BundleError(SecondLookError):
    """A model bundle does not check out."""


class PromotionError(SecondLookError):
    """A version may not become the one that serves."""


class CapacityError(SecondLookError):
    """The audits asked for do not fit the capacity."""


class EstimateError(SecondLookError):
    """An estimate cannot be made from what was given."""


class AccessError(SecondLookError):
    """No key, a wrong key, or a key without the role."""


class ServiceError(SecondLookError):
    """The service could not be started or did not answer."""
