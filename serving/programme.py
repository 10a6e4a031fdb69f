"""One programme as the service answers for it: every collaborator given, nothing looked for."""

from __future__ import annotations

from dataclasses import dataclass

from features.store import Store
from models.plan import Plan
from models.sampling_key import KeyRing
from serving.admission import DailyCapacity, Thresholds
from serving.live_records import LiveRecords
from serving.ranker import Ranker
from serving.rulebook import Rulebook
from serving.settings import Limits
from serving.shadow import Nobody, Onlooker


@dataclass(frozen=True, slots=True)
class Programme:
    """What rankings and outcomes are answered with.

    Attributes
    ----------
    records
        Track records, kept as the ranker's model wants them.
    keys
        The sampling keys, which give each decision its permanent random number.
    thresholds
        The thresholds of admission, made of what the store holds.
    pseudonym_key
        Keys the pseudonyms of people; null where plain ids are kept.
    capacity
        Audits or minutes a day, for admission.
    keep_text
        Whether text and embeddings are stored.
    shadow
        The challenger that looks on.
    rulebook
        By what audits are assigned to people.
    """

    store: Store
    ranker: Ranker
    plan: Plan
    records: LiveRecords
    keys: KeyRing
    thresholds: Thresholds
    pseudonym_key: bytes | None
    capacity: DailyCapacity = DailyCapacity()
    keep_text: bool = False
    limits: Limits = Limits()
    shadow: Onlooker = Nobody()
    rulebook: Rulebook = Rulebook()
