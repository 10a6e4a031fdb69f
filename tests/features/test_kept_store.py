from __future__ import annotations

import numpy as np

from features.kept_store import KeptBatch, Manner, add_kept, kept_columns, read_batches, read_sums
from features.kept_sums import KeptSums, SumKey
from features.store import Store

SPAM = SumKey("1", "policy", "spam", "overturn_probability")
NAMELESS = SumKey("1", "language", None, "overturn_probability")
SUMS = {
    SPAM: KeptSums(-90, np.array([[1.0, 2.5], [1 / 3, -1e-17], [7e9, 0.0]]), 3.0, 0.1),
    NAMELESS: KeptSums(4, np.arange(6.0).reshape(6, 1), 1.0, 0.2),
}


def batch(name: str = "b1", day: int = 20_000) -> KeptBatch:
    return KeptBatch(name, day, Manner.RANKED, decisions=4, selected=1, kept_at=5)


def test_sums_come_back_to_the_last_bit(store: Store) -> None:
    with store.transaction() as connection:
        assert add_kept(connection, batch(), SUMS)
    with store.transaction() as connection:
        spam = read_sums(connection, "b1", column="policy", what="overturn_probability")
        nameless = read_sums(connection, "b1", column="language", what="overturn_probability")
    assert list(spam) == [SPAM]
    assert list(nameless) == [NAMELESS]
    for key, sums in (spam | nameless).items():
        assert (sums.sums == SUMS[key].sums).all()
        assert (sums.first_node, sums.decisions, sums.predicted) == (
            SUMS[key].first_node,
            SUMS[key].decisions,
            SUMS[key].predicted,
        )


def test_the_same_batch_again_adds_nothing(store: Store) -> None:
    for expected in (True, False):
        with store.transaction() as connection:
            assert add_kept(connection, batch(), SUMS) is expected
    with store.transaction() as connection:
        assert len(read_sums(connection, "b1", column="policy", what="overturn_probability")) == 1


def test_a_day_may_have_several_batches_and_a_period_ends_before_its_end(store: Store) -> None:
    with store.transaction() as connection:
        for name, day in (("a", 7), ("b", 7), ("c", 8), ("d", 9)):
            add_kept(connection, batch(name, day), {})
        assert [each.batch_id for each in read_batches(connection, since=7, until=9)] == [
            *("a", "b", "c")
        ]


def test_the_columns_of_sums_are_told(store: Store) -> None:
    with store.transaction() as connection:
        add_kept(connection, batch(), SUMS)
        assert kept_columns(connection, ["b1", "b2"]) == {"policy", "language"}
