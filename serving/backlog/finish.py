"""What is made of each part of a backlog once the draw is known: reasons, sums, selected rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.contract import DIRECTIONS
from features.kept_sums import OVERTURN, SumsByKey
from models.arrays import Floats, Positions
from models.bundle import Bundle
from models.kept_sums import RankedRows, add_sums, labels_of_rows, sum_rows
from serving.backlog.draw import Drawn
from serving.backlog.output import Reasons
from serving.backlog.scores import Records, reasons_of


@dataclass(frozen=True, slots=True)
class Finished:
    """What was made of a part, or of several.

    Attributes
    ----------
    rows
        Positions of the selected decisions in the backlog, ascending.
    chosen
        The selected decisions, labelled by their position.
    texts
        Why each of them is risky.
    sums
        Of all decisions, by `models.kept_sums`; empty where they are kept as rows.
    """

    rows: Positions
    chosen: pd.DataFrame
    texts: tuple[str, ...]
    sums: SumsByKey


@dataclass(frozen=True, slots=True)
class Finish:
    """What every part is finished with.

    Attributes
    ----------
    past
        Of all rows, as `serving.backlog.past.past_of` returned it.
    harm
        Of each decision if it is wrong; null where no sums are taken.
    """

    bundle: Bundle
    records: Records
    past: pd.DataFrame
    drawn: Drawn
    harm: Floats | None

    def part(self, decisions: pd.DataFrame) -> Finished:
        """Finish a part, its decisions labelled by their position."""
        rows = decisions.index.to_numpy()
        rows = rows[self.drawn.selection.selected[rows]]
        chosen = decisions.loc[rows]
        texts = reasons_of(self.bundle, chosen, self.records, self.past.iloc[rows])
        sums = {} if self.harm is None else _sums(decisions, self.drawn, self.harm)
        return Finished(rows, chosen, tuple(texts), sums)


def reasons_in(finished: Sequence[Finished]) -> Reasons:
    """Return the reasons of all parts, given in the order of the backlog."""
    return Reasons.joined([(each.rows, each.texts) for each in finished])


def sums_in(finished: Sequence[Finished]) -> SumsByKey:
    """Return the sums of all parts together."""
    return add_sums([each.sums for each in finished])


def _sums(decisions: pd.DataFrame, drawn: Drawn, harm: Floats) -> SumsByKey:
    rows = decisions.index.to_numpy()
    by_direction = drawn.risks.by_direction[rows]
    risk = {name: np.ascontiguousarray(by_direction[:, i]) for i, name in enumerate(DIRECTIONS)}
    risk[OVERTURN] = drawn.risks.overturn_probability[rows]
    return sum_rows(
        RankedRows(
            drawn.versions["model_version"],
            labels_of_rows(decisions),
            risk,
            drawn.selection.inclusion_probability[rows],
            harm[rows],
        )
    )
