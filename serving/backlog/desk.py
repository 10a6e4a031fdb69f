"""What files of a home are ranked with: model, plan, keys and store, the same as the service's."""

from __future__ import annotations

from dataclasses import dataclass

from features.errors import ContractError, HomeError
from features.home import Home
from features.mapping import Mapping, read_mapping
from features.store import Store, open_store
from features.track_record import TrackRecord
from models.compiled import open_serving
from models.plan import plan_for
from models.publication import Published
from models.sampling_key import KeyRing
from serving.admission import DailyCapacity, threshold_at
from serving.backlog.asked import Asked, Keep
from serving.backlog.draw import Terms
from serving.budget import budget_of
from serving.followed_records import FollowedRecords
from serving.sampling_keys import key_ring


@dataclass(frozen=True, slots=True)
class Desk:
    """What a file is ranked with.

    Attributes
    ----------
    published
        With its trees compiled, where the home has them.
    columns
        How the file's columns map to the contract; null = they have its names.
    """

    home: Home
    asked: Asked
    columns: Mapping | None
    published: Published
    store: Store
    keys: KeyRing
    terms: Terms


def open_desk(home: Home, asked: Asked) -> Desk:
    """Open what a file is ranked with.

    Raises
    ------
    HomeError
        If no model serves yet, or there is no plan.
    MappingError
        If the mapping cannot be used.
    StoreError
        If the store is of another version.
    ContractError
        If the capacity is not in the plan's unit, or is lacking where only what is selected is
        kept.
    """
    columns = read_mapping(asked.mapping) if asked.mapping else None
    published, store = open_serving(home), open_store(home.store_url())
    store.require_current()
    plan = plan_for(store.plan_documents(), published.bundle.fingerprint)
    if plan is None:
        raise HomeError("plan: there is none yet; run `secondlook promote`")
    budget = budget_of(plan, capacity=asked.capacity, minutes=asked.minutes)
    _check_kept(asked.keep, budget)
    threshold = None
    if budget is None:
        daily = DailyCapacity.of(home.settings())
        threshold = threshold_at(asked.now, plan=plan, capacity=daily, store=store)
    terms = Terms(plan, published.model_version, budget, threshold)
    return Desk(home, asked, columns, published, store, key_ring(home.secrets()), terms)


def _check_kept(keep: Keep, budget: float | None) -> None:
    """Refuse to keep the selected alone of what is judged by admission."""
    if keep is Keep.SELECTED and budget is None:
        raise ContractError.of(
            "rank",
            -1,
            "capacity",
            seen="none, and only what is selected to be kept",
            expected="`capacity` or `minutes`: admission reads from the store what was offered",
        )


def records_of(desk: Desk) -> TrackRecord:
    """Return the track records as they stand, made of all outcomes that the store holds."""
    settings = desk.published.bundle.record_settings
    followed = FollowedRecords(desk.store)
    followed.keep(settings)
    return followed.held(settings)
