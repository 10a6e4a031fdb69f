"""One programme as the service answers for it: every collaborator given, nothing looked for."""

from __future__ import annotations

from dataclasses import dataclass

from features.store import Store
from models.plan import Plan
from models.sampling_key import SamplingKey
from serving.live_records import LiveRecords
from serving.ranker import Ranker
from serving.settings import Limits


@dataclass(frozen=True, slots=True)
class Programme:
    """What rankings and outcomes are answered with.

    Attributes
    ----------
    records
        Track records, kept as the ranker's model wants them.
    sampling_key
        Keys the permanent random number of each decision.
    pseudonym_key
        Keys the pseudonyms of people; null where plain ids are kept.
    keep_text
        Whether text and embeddings are stored.
    """

    store: Store
    ranker: Ranker
    plan: Plan
    records: LiveRecords
    sampling_key: SamplingKey
    pseudonym_key: bytes | None
    keep_text: bool = False
    limits: Limits = Limits()
