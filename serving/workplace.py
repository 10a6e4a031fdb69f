"""With what audits are assigned and exposure is told: by the service, and by the commands."""

from __future__ import annotations

import json
from dataclasses import dataclass

from features.errors import HomeError
from features.home import Home
from features.store import Store, open_store
from models.plan import Plan
from serving.programme import Programme
from serving.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class Workplace:
    """With what audits are assigned.

    Attributes
    ----------
    pseudonym_key
        Keys the pseudonyms of people; null where plain ids are kept.
    """

    store: Store
    rulebook: Rulebook
    pseudonym_key: bytes | None
    model_version: str
    plan_version: str

    @classmethod
    def of(cls, programme: Programme) -> Workplace:
        """Return that of a programme that the service answers for."""
        return cls(
            store=programme.store,
            rulebook=programme.rulebook,
            pseudonym_key=programme.pseudonym_key,
            model_version=programme.ranker.model_version,
            plan_version=programme.plan.version,
        )

    @classmethod
    def at(cls, home: Home) -> Workplace:
        """Return that of a home, for whoever assigns without the service.

        Raises
        ------
        HomeError
            If there is no plan yet, or the keys are damaged.
        StoreError
            If the store is not of this version.
        """
        store = open_store(home.store_url())
        store.require_current()
        document = store.plan_document()
        if document is None:
            raise HomeError("plan: there is none yet; run `secondlook promote`")
        return cls(
            store=store,
            rulebook=Rulebook.of(home),
            pseudonym_key=home.pseudonym_key(),
            model_version=_model_version(home),
            plan_version=Plan.from_json(document).version,
        )


def _model_version(home: Home) -> str:
    """Return the name of the model that serves, which is not opened for it."""
    try:
        return str(json.loads(home.champion_file.read_text(encoding="utf-8"))["model_version"])
    except (OSError, ValueError, KeyError, TypeError):
        return "none"
