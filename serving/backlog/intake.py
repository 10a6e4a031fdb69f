"""A backlog on its way in: read, checked and put under pseudonyms, a part at a time.

While one part is checked, other threads write those before to the scratch folder, keep their light
columns and work out their permanent random numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from features.batches import Batch, checked_batches
from features.contract import DECISIONS
from features.errors import BadValue, ContractError
from features.mapping import Mapping
from features.pseudonym import pseudonymise
from models.arrays import Floats
from models.sampling_key import SamplingKey, uniform_numbers
from serving.backlog.light import joined, light_of, whole
from serving.backlog.parts import Parts

ROWS_A_PART = 250_000
_THREADS = 2
_AHEAD = 3
"""Parts that these may work on or have before them."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file, or a folder of Parquet files, and how it is read.

    Attributes
    ----------
    pseudonym_key
        Null where people keep their ids.
    key
        The sampling key of today.
    """

    path: Path
    mapping: Mapping | None
    pseudonym_key: bytes | None = field(repr=False)
    key: SamplingKey

    def batches(self) -> Iterator[Batch]:
        """Yield its parts after their check."""
        return checked_batches(self.path, DECISIONS, mapping=self.mapping, rows=ROWS_A_PART)


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a backlog.

    Attributes
    ----------
    parts
        Its good rows, on disk.
    light
        Their light columns; see `serving.backlog.light.light_of`.
    uniform
        Their permanent random numbers under the key of today.
    bad_values
        What was wrong with the others.
    rejected
        The others as they were given, with a ``problem`` column.
    """

    parts: Parts
    light: pa.Table
    uniform: Floats
    bad_values: tuple[BadValue, ...]
    rejected: pd.DataFrame

    @property
    def ids(self) -> pa.Array:
        """Ids of the good rows."""
        return whole(self.light["decision_id"])

    def label(self, position: int) -> int:
        """Return the label of a good row in the file."""
        return int(self.light["row"][position].as_py())

    def without(self, positions: list[int]) -> Came:
        """Return it without some good rows, on disk too."""
        kept = np.delete(np.arange(len(self.light)), positions)
        return replace(
            self,
            parts=self.parts.without(positions),
            light=self.light.take(pa.array(kept)).combine_chunks(),
            uniform=self.uniform[kept],
        )


def take_in(source: Source, folder: Path, *, skip_bad: bool) -> Came:
    """Read a backlog.

    Raises
    ------
    ContractError
        If any row is bad and `skip_bad` is not set, or none is good.
    """
    bad: list[BadValue] = []
    rejected: list[pd.DataFrame] = []
    parts = Parts(folder)
    taken: list[Future[_Taken]] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for batch in source.batches():
            bad += batch.checked.bad_values
            if batch.checked.bad_values:
                rejected.append(batch.checked.rejected)
            if good := len(batch.checked.good) if skip_bad or not bad else 0:
                parts = parts.with_next(good)
                taken.append(pool.submit(_take, source, parts, batch.checked.good))
            if len(taken) > _AHEAD:
                taken[-1 - _AHEAD].result()
    if bad and (not skip_bad or not parts.rows):
        raise ContractError(DECISIONS.name, bad)
    each = [one.result() for one in taken]
    return Came(
        parts=parts,
        light=joined([one.light for one in each]),
        uniform=np.concatenate([one.uniform for one in each]),
        bad_values=tuple(bad),
        rejected=pd.concat(rejected) if rejected else pd.DataFrame(),
    )


@dataclass(frozen=True, slots=True)
class _Taken:
    """What stays in memory of a part."""

    light: pa.Table
    uniform: Floats


def _take(source: Source, parts: Parts, good: pd.DataFrame) -> _Taken:
    """Write the last of the parts."""
    decisions = pseudonymise(good, source.pseudonym_key)
    parts.write(len(parts) - 1, decisions)
    light = light_of(decisions)
    return _Taken(light, uniform_numbers(whole(light["decision_id"]), source.key))


def rows_of(source: Source, labels: list[int]) -> pd.DataFrame:
    """Return some rows of a file again, by their labels, as they were before their pseudonyms."""
    found = [_among(batch.checked.good, labels) for batch in source.batches()]
    return pd.concat(found).loc[labels]


def _among(good: pd.DataFrame, labels: list[int]) -> pd.DataFrame:
    return good.loc[good.index.intersection(labels)]
