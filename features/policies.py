"""The policies file: what an error costs under each policy, and the least that is audited.

::

    [default]
    over_enforcement = 1.0     # harm of one wrong removal
    under_enforcement = 1.0    # harm of one violation left up
    wrong_selection = 0.5
    reach = 0.0                # 0: views do not count; 1: harm grows with log10 of the views
    minimum_audits = 0         # in each closed batch
    graphic_level = 0          # 0 harmless to 3 extreme
    actions = []               # from the mildest to the strictest

    [policy.child_safety]
    under_enforcement = 8.0
    minimum_audits = 20

Everything defaults, so that a team can start without the file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from features.columns import AnyTable, codes, labels, numbers
from features.contract import DIRECTIONS
from features.errors import SettingsError

Weight = Annotated[float, msgspec.Meta(ge=0, le=1e6)]


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an error under one policy costs, in units of the lead's choosing."""

    over_enforcement: Weight = 1.0
    under_enforcement: Weight = 1.0
    wrong_selection: Weight = 0.5
    reach: Annotated[float, msgspec.Meta(ge=0, le=10)] = 0.0
    minimum_audits: Annotated[int, msgspec.Meta(ge=0)] = 0
    graphic_level: Annotated[int, msgspec.Meta(ge=0, le=3)] = 0
    actions: list[str] = msgspec.field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies by name, with what holds for all others."""

    default: Policy = field(default_factory=Policy)
    by_name: dict[str, Policy] = field(default_factory=dict)

    def get(self, name: str) -> Policy:
        """Return the policy of this name, or the default."""
        return self.by_name.get(name, self.default)

    def minimums(self, present: Iterable[str] = ()) -> dict[str, int]:
        """Return the least number of audits of a closed batch, by policy.

        A default minimum holds for the policies that are `present` and not named in the file.

        Examples
        --------
        >>> policies = Policies(Policy(minimum_audits=2), {"spam": Policy(minimum_audits=5)})
        >>> policies.minimums(["fraud"])
        {'spam': 5, 'fraud': 2}
        """
        rows = self.by_name | {str(name): self.get(str(name)) for name in present}
        return {name: row.minimum_audits for name, row in rows.items() if row.minimum_audits}

    def harm(self, policy: np.ndarray, views: np.ndarray) -> np.ndarray:
        """Return the harm of an error of each direction, shape (rows, 3), at least 0.

        Columns are over-enforcement, under-enforcement and wrong selection. Views scale a row by
        ``1 + reach * log10(1 + views)``; where views are null the row is not scaled.

        Examples
        --------
        >>> Policies().harm(np.array(["spam"]), np.array([np.nan])).tolist()
        [[1.0, 1.0, 0.5]]
        """
        return self._harm(*codes(policy), np.asarray(views, dtype=float))

    def harm_of(self, decisions: AnyTable) -> np.ndarray:
        """Return what `harm` does, of a table's ``policy`` and ``views``."""
        return self._harm(*labels(decisions, "policy"), numbers(decisions, "views"))

    def _harm(self, code: np.ndarray, names: list[str], views: np.ndarray) -> np.ndarray:
        rows = [*(self.get(str(name)) for name in names), self.default]  # null is -1: the last
        weight = np.array([[getattr(row, d) for d in DIRECTIONS] for row in rows])
        reach = np.array([row.reach for row in rows])
        seen = np.log10(1 + np.nan_to_num(views))
        return np.asarray(weight[code] * (1 + reach[code] * seen)[:, None])


def parse_policies(text: str, name: str) -> Policies:
    """Read policies from TOML text; `name` is for messages.

    Raises
    ------
    SettingsError
        If it is not TOML or holds something that is not known.
    """
    try:
        document: dict[str, Any] = tomllib.loads(text)
        unknown = sorted(set(document) - {"default", "policy"})
        if unknown:
            raise SettingsError(
                f"policies {name!r}: saw table {unknown[0]!r}; expected [default] or [policy.NAME]"
            )
        default = msgspec.convert(document.get("default", {}), dict[str, Any])
        given = msgspec.convert(document.get("policy", {}), dict[str, dict[str, Any]])
        rows = {policy: {**default, **row} for policy, row in given.items()}
        return Policies(msgspec.convert(default, Policy), msgspec.convert(rows, dict[str, Policy]))
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"policies {name!r}: {error}") from error


def read_policies(path: Path) -> Policies:
    """Read a policies file; without one, every policy is the default.

    Raises
    ------
    SettingsError
        If it cannot be read, is not TOML or holds something that is not known.
    """
    if not path.is_file():
        return Policies()
    try:
        return parse_policies(path.read_text(encoding="utf-8-sig"), path.name)
    except (UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"policies {str(path)!r}: cannot be read: {error}") from error
