"""What was refused of a file of any length: the first few told, the rest counted."""

from __future__ import annotations

from collections.abc import Sequence

from features.errors import BadValue, ContractError

TOLD = 300
"""Bad values that are kept to be told one by one."""


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
        if self.count:
            raise ContractError(self.table, self.told, count=self.count)
