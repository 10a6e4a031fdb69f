"""What files of a home are ranked with: model, plan, keys and store, the same as the service's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from features.errors import HomeError
from features.home import Home
from features.store import Store, open_store
from features.track_record import TrackRecord
from models.compiled import open_serving
from models.plan import Plan, plan_for
from models.publication import Published
from models.sampling_key import KeyRing
from serving.admission import DailyCapacity, threshold_at
from serving.followed_records import FollowedRecords
from serving.sampling_keys import key_ring


@dataclass(frozen=True, slots=True)
class Desk:
    """What files of a home are ranked with.

    Attributes
    ----------
    published
        With its trees compiled, where the home has them.
    """

    home: Home
    published: Published
    store: Store
    plan: Plan
    keys: KeyRing


def open_desk(home: Home) -> Desk:
    """Open what a home ranks with.

    Raises
    ------
    HomeError
        If no model serves yet, or there is no plan.
    StoreError
        If the store is of another version.
    """
    published, store = open_serving(home), open_store(home.store_url())
    store.require_current()
    plan = plan_for(store.plan_documents(), published.bundle.fingerprint)
    if plan is None:
        raise HomeError("plan: there is none yet; run `secondlook promote`")
    return Desk(home, published, store, plan, key_ring(home.secrets()))


def threshold_of(desk: Desk, now: datetime) -> float:
    """Return the threshold of admission in the hour in which `now` lies."""
    capacity = DailyCapacity.of(desk.home.settings())
    return threshold_at(now, plan=desk.plan, capacity=capacity, store=desk.store)


def records_of(desk: Desk) -> TrackRecord:
    """Return the track records as they stand, made of all outcomes that the store holds."""
    settings = desk.published.bundle.record_settings
    followed = FollowedRecords(desk.store)
    followed.keep(settings)
    return followed.held(settings)
