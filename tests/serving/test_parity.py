"""The same decision through training and through the service: the same features and score."""

from __future__ import annotations

import msgspec
import numpy as np
import pandas as pd
import pytest

from features.contract import DIRECTIONS
from features.track_record import events, replay
from models.bundle import open_champion
from models.scoring import features_of, score
from serving.payload import RankRequest
from serving.rank import rank
from serving.settings import Limits
from serving.standing import open_standing
from tests.serving.conftest import NOW
from tests.serving.small_home import SmallHome

pytestmark = pytest.mark.slow


def test_training_and_serving_see_the_same_features_and_score(small_home: SmallHome) -> None:
    standing, store = open_standing(small_home.home, Limits())
    rows = small_home.later_rows(150)
    wire = msgspec.json.decode(msgspec.json.encode({"decisions": rows, "capacity": 8}))
    programme = standing.programme()
    answer = rank(msgspec.convert(wire, RankRequest), programme, request_id="parity", now=NOW)

    bundle = open_champion(small_home.home).bundle
    ids = [row.decision_id for row in answer.decisions]
    trained_on = store.decisions(with_content=True)
    asked = trained_on.set_index("decision_id", drop=False).loc[ids].reset_index(drop=True)
    assert len(asked) == 150
    text = small_home.later.set_index("decision_id")
    if "text" in text:  # the store keeps none of it, training had it from the file
        asked["text"] = text["text"].reindex(ids).to_numpy()
    records = replay(asked, events(trained_on, store.outcomes()), bundle.record_settings)
    expected = score(bundle, asked, records)

    live = programme.records.look_up(asked, bundle.record_settings)
    pd.testing.assert_frame_equal(features_of(bundle, asked, live), expected.frame, rtol=1e-9)
    for column, direction in enumerate(DIRECTIONS):
        served = [getattr(row.risk, direction) for row in answer.decisions]
        np.testing.assert_allclose(served, expected.by_direction[:, column], rtol=1e-9)
    harm = [row.expected_harm for row in answer.decisions]
    np.testing.assert_allclose(harm, expected.expected_harm, rtol=1e-9)
    store.engine.dispose()
