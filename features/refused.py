"""What was refused of a file of any length: the first few told, the rest counted."""

from __future__ import annotations

from collections.abc import Sequence

from features.errors import BadValue, ContractError, SecondLookError

TOLD = 300
"""Bad values that are kept to be told one by one."""
_SHOWN = 10


class ManyBadValuesError(ContractError):
    """A table does not keep the data contract, in more values than are told one by one.

    Examples
    --------
    >>> print(ManyBadValuesError("decisions", [BadValue(3, "policy", "null", "a name")], count=7))
    decisions: 7 values break the contract.
      row 3, column 'policy': saw null; expected a name
      ... and 6 more
    """

    def __init__(self, table: str, told: Sequence[BadValue], *, count: int) -> None:
        super().__init__(table, told)
        shown = self.bad_values[:_SHOWN]
        lines = [f"{table}: {count:,} values break the contract.", *(f"  {bad}" for bad in shown)]
        SecondLookError.__init__(
            self, "\n".join([*lines, f"  ... and {count - len(shown):,} more"])
        )


class Refused:
    """Bad values as they come, in the order of the rows.

    Examples
    --------
    >>> refused = Refused("decisions")
    >>> refused.note([BadValue(row, "policy", "null", "a name") for row in range(1_000)])
    >>> refused.count, len(refused.told)
    (1000, 300)
    """

    def __init__(self, table: str) -> None:
        self.table = table
        self.told: tuple[BadValue, ...] = ()
        self.count = 0

    def note(self, bad_values: Sequence[BadValue]) -> None:
        """Count values that were refused, and keep the first of all."""
        self.told = (*self.told, *bad_values[: TOLD - len(self.told)])
        self.count += len(bad_values)

    def raise_if_any(self) -> None:
        """Raise what was noted.

        Raises
        ------
        ContractError
            If anything was.
        """
        if self.count > len(self.told):
            raise ManyBadValuesError(self.table, self.told, count=self.count)
        if self.count:
            raise ContractError(self.table, self.told)
