"""A decision offered more than once: its chance over its whole window of offers.

A queue that is drawn from again and again gives a waiting decision several chances with the same
random number. "The chance at the moment of taking" would count only the last of them, and is biased
by some 15 %. What counts is the least priority that would have been enough in *any* draw of the
window, also in those after it was taken: had it not been taken then, a later draw might have.

For a fixed risk this module gives that priority exactly. Taken away, a decision would have left its
place to the first one left out; that one is then followed through the later draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.arrays import Floats, Positions, Texts
from models.threshold import inclusion_probability


@dataclass(frozen=True, slots=True)
class QueueDraw:
    """What must be kept of each draw from a rolling queue.

    Attributes
    ----------
    last_taken
        Priority of the last decision taken; 0 where places were left over.
    first_left_out
        Priority of the first decision left out; 0 where none was.
    left_out
        Position (in the frame of the window) of that decision; -1 where none was.
    """

    last_taken: float
    first_left_out: float
    left_out: int


@dataclass(frozen=True, slots=True)
class Window:
    """The draws for which each decision was in the queue, numbered from 0.

    Attributes
    ----------
    first, last
        First and last draw at which it was, or but for being taken would have been, eligible.
        Fixed beforehand, never by what was drawn.
    taken
        Draw that took it; -1 where none did.
    """

    first: Positions
    last: Positions
    taken: Positions


def window_threshold(draws: Sequence[QueueDraw], window: Window) -> Floats:
    """Least priority with which each decision would have been taken within its window.

    Examples
    --------
    One draw takes decision 0 and leaves out decision 1, the next takes decision 1.

    >>> draws = [QueueDraw(5.0, 3.0, 1), QueueDraw(3.0, 2.0, 2)]
    >>> window = Window(np.array([0, 0, 0]), np.array([1, 1, 1]), np.array([0, 1, -1]))
    >>> window_threshold(draws, window)
    array([2., 2., 3.])
    """
    last_taken = np.array([draw.last_taken for draw in draws])
    waiting = _running_minimum(np.tile(last_taken, (len(draws), 1)))
    absent = _running_minimum(
        np.stack([_had_it_not_been_taken(draws, window, at) for at in range(len(draws))])
    )
    was_taken = window.taken >= 0
    threshold = waiting[window.first, window.last]
    taken = window.taken[was_taken]
    after = absent[taken, window.last[was_taken]]
    before = np.where(
        taken > window.first[was_taken],
        waiting[window.first[was_taken], np.maximum(taken - 1, 0)],
        np.inf,
    )
    threshold[was_taken] = np.minimum(before, after)
    return threshold


def window_chance(
    harm: Floats, price: Floats, *, draws: Sequence[QueueDraw], window: Window
) -> Floats:
    """Inclusion probability over the whole window, for decisions whose risk did not change.

    Parameters
    ----------
    harm, price
        Expected harm and ``eta c`` (``models.plan.bonus``), one a decision.
    """
    return inclusion_probability(harm, price, window_threshold(draws, window))


def largest_chance(decision_ids: Texts, inclusion_probability: Floats) -> tuple[Texts, Floats]:
    """Largest chance over a decision's offers; one row an offer.

    Exact under admission, whose thresholds do not depend on the draw, also when the risk was scored
    anew, provided every offer of the window is there, those after it was taken too.

    Returns
    -------
    tuple
        Decision ids in order of first offer, and the chance of each.

    Examples
    --------
    >>> ids, chance = largest_chance(np.array(["a", "b", "a"]), np.array([0.1, 0.2, 0.3]))
    >>> ids.tolist(), chance.tolist()
    (['a', 'b'], [0.3, 0.2])
    """
    codes, ids = pd.factorize(np.asarray(decision_ids, dtype=object))
    largest = np.zeros(len(ids))
    np.maximum.at(largest, codes, inclusion_probability)
    return np.asarray(ids), largest


def _had_it_not_been_taken(draws: Sequence[QueueDraw], window: Window, at: int) -> Floats:
    """Follow what a decision taken in draw ``at`` would have had to beat, then and later."""
    needed = np.full(len(draws), np.inf)
    needed[at] = draws[at].first_left_out
    promoted = draws[at].left_out
    for later in range(at + 1, len(draws)):
        needed[later] = draws[later].last_taken
        if promoted >= 0 and window.last[promoted] < later:
            promoted = -1  # its window has closed: both courses are the same again
        elif promoted >= 0 and window.taken[promoted] == later:
            needed[later] = draws[later].first_left_out
            promoted = draws[later].left_out
    return needed


def _running_minimum(table: Floats) -> Floats:
    """Least value from the row's own draw to each later one."""
    rows, columns = np.indices(table.shape)
    running: Floats = np.minimum.accumulate(np.where(columns >= rows, table, np.inf), axis=1)
    return running
