"""The bundle: everything that decides a ranking, in one folder that is checked when it is opened.

::

    manifest.json    format, what versions made it, SHA-256 of each part, and the fingerprint
    trees.txt        LightGBM's own text
    usual.txt        that of the usual action; empty where there is none
    arrays.npz       coefficients, scales and weights
    model.json       vocabularies, calibration, shares, settings, policies
    card.json        training window, data fingerprint, metrics
    profile.parquet  a sample of training features, the reference for drift; no content, no identity

There is no pickle in it. What does not check out is refused. A bundle is never changed.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightgbm as lgb
import msgspec
import numpy as np
import pandas as pd

from features.errors import BundleError
from features.frame import FEATURES, Feature
from features.policies import Policies, Policy
from features.track_record import RecordSettings
from models.contributions import Contributions, fit_contributions
from models.encoding import Encoder
from models.recalibration import DomainRecalibration, Recalibration
from models.risk import DirectionShares, RiskModel
from models.second_opinion import SecondOpinion
from models.usual_action import UsualAction

FORMAT = 2
_PARTS = ("trees.txt", "usual.txt", "arrays.npz", "model.json", "card.json", "profile.parquet")
_MAKERS = ("lightgbm", "numpy", "scikit-learn", "secondlook")
_OPINION_ARRAYS = (
    "strictness",
    "rarity",
    "action_weights",
    "action_intercept",
    "error_weights",
    "error_intercept",
)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model as it serves.

    Attributes
    ----------
    fingerprint
        First 12 hex digits of the SHA-256 over all parts; empty before it is saved.
    risk, opinion, usual
        The fitted models; `opinion` is null where training had no content, `usual` where it had
        too few decisions or one action only.
    record_settings
        How track records are kept for this model.
    policies
        Harm of errors, as it was when the bundle was made.
    top_rank
        Rank of the strictest action.
    extras
        The ``x_*`` inputs.
    card
        What a reader should know of it: windows, counts, metrics.
    profile
        Sampled training features with ``overturn_probability``.
    contributions
        The parts of the log-odds by leaf, for reasons.
    """

    fingerprint: str
    risk: RiskModel
    opinion: SecondOpinion | None
    usual: UsualAction | None
    record_settings: RecordSettings
    policies: Policies
    top_rank: float
    extras: tuple[Feature, ...]
    card: dict[str, Any]
    profile: pd.DataFrame
    contributions: Contributions


def built_with() -> dict[str, str]:
    """Return the versions of Second Look and of the libraries that a bundle saved here is made by.

    Examples
    --------
    >>> sorted(built_with())
    ['lightgbm', 'numpy', 'scikit-learn', 'secondlook']
    """
    return {name: version(name) for name in _MAKERS}


def save_bundle(bundle: Bundle, folder: Path) -> str:
    """Write a bundle into a new folder and return its fingerprint."""
    folder.mkdir(parents=True)
    (folder / "trees.txt").write_text(bundle.risk.booster.model_to_string(), encoding="utf-8")
    usual = "" if bundle.usual is None else bundle.usual.booster.model_to_string()
    (folder / "usual.txt").write_text(usual, encoding="utf-8")
    np.savez(folder / "arrays.npz", allow_pickle=False, **_arrays(bundle))
    _write_json(folder / "model.json", _document(bundle))
    _write_json(folder / "card.json", bundle.card)
    bundle.profile.to_parquet(folder / "profile.parquet", index=False)
    manifest = {
        "format": FORMAT,
        "libraries": built_with(),
        "parts": {name: _digest(folder / name) for name in _PARTS},
    }
    manifest["fingerprint"] = _fingerprint(manifest)
    _write_json(folder / "manifest.json", manifest)
    return str(manifest["fingerprint"])


def load_bundle(folder: Path) -> Bundle:
    """Open a bundle after checking every part of it.

    Raises
    ------
    BundleError
        If a part is missing, changed, of another format, or cannot be read.
    """
    manifest = _checked_manifest(folder)
    try:
        document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        with np.load(folder / "arrays.npz", allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        trees = {name: _trees(folder / f"{name}.txt") for name in ("trees", "usual")}
        profile = pd.read_parquet(folder / "profile.parquet")
        return _assemble(manifest["fingerprint"], document, arrays, trees, card, profile)
    except (
        ValueError,
        KeyError,
        TypeError,
        OSError,
        zipfile.BadZipFile,
        lgb.basic.LightGBMError,
    ) as error:
        raise BundleError(f"bundle {folder.name!r}: cannot be read: {error}") from error


def is_whole(folder: Path) -> bool:
    """Whether a folder holds a bundle of this format, each part as it was saved."""
    try:
        return bool(_checked_manifest(folder))
    except BundleError:
        return False


def _checked_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    if not path.is_file():
        raise BundleError(
            f"bundle {folder.name!r}: it has no manifest.json; train and publish again"
        )
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        seen, parts = manifest["format"], manifest["parts"]
        unlike = [
            n for n in _PARTS if not (folder / n).is_file() or _digest(folder / n) != parts[n]
        ]
        whole = manifest["fingerprint"] == _fingerprint(manifest)
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"bundle {folder.name!r}: manifest.json cannot be read") from error
    if seen != FORMAT:
        raise BundleError(
            f"bundle {folder.name!r}: saw format {seen}; expected {FORMAT}; train again"
        )
    if unlike or not whole:
        raise BundleError(
            f"bundle {folder.name!r}: {unlike[0] if unlike else 'manifest.json'} is not what was "
            "saved; restore it or train again"
        )
    return manifest


def _arrays(bundle: Bundle) -> dict[str, np.ndarray]:
    encoder = bundle.risk.encoder
    arrays = {
        "mean": encoder.mean,
        "scale": encoder.scale,
        "owner": encoder.owner,
        "sign": encoder.sign,
        "coefficients": bundle.risk.coefficients,
    }
    if bundle.opinion is not None:
        arrays |= {f"opinion_{n}": getattr(bundle.opinion, n) for n in _OPINION_ARRAYS}
    if bundle.usual is not None:
        arrays["usual_strictness"] = bundle.usual.strictness
    return arrays


def _document(bundle: Bundle) -> dict[str, Any]:
    risk = bundle.risk
    return {
        "vocabularies": risk.encoder.vocabularies,
        "intercept": risk.intercept,
        "tree_share": risk.tree_share,
        "calibration": {
            "whole": msgspec.to_builtins(risk.calibration.whole),
            "by_domain": msgspec.to_builtins(dict(risk.calibration.by_domain)),
            "incomplete": msgspec.to_builtins(risk.incomplete),
        },
        "expected": list(risk.expected),
        "directions": {
            "by_cell": [[*cell, list(shares)] for cell, shares in risk.directions.by_cell.items()],
            "by_action": {name: list(s) for name, s in risk.directions.by_action.items()},
            "overall": list(risk.directions.overall),
        },
        "opinion_actions": list(bundle.opinion.actions) if bundle.opinion else None,
        "usual": None
        if bundle.usual is None
        else {
            "actions": list(bundle.usual.actions),
            "inputs": list(bundle.usual.inputs),
            "vocabularies": bundle.usual.vocabularies,
        },
        "record_settings": msgspec.to_builtins(bundle.record_settings),
        "policies": msgspec.to_builtins(bundle.policies),
        "top_rank": bundle.top_rank,
        "extras": [{"name": f.name, "kind": f.kind, "meaning": f.meaning} for f in bundle.extras],
    }


def _assemble(
    fingerprint: str,
    document: dict[str, Any],
    arrays: dict[str, np.ndarray],
    trees: dict[str, lgb.Booster | None],
    card: dict[str, Any],
    profile: pd.DataFrame,
) -> Bundle:
    extras = tuple(Feature(family="extra", **extra) for extra in document["extras"])
    risk = _risk(document, arrays, trees["trees"], extras)
    actions = document["opinion_actions"]
    opinion = (
        SecondOpinion(tuple(actions), *(arrays[f"opinion_{n}"] for n in _OPINION_ARRAYS))
        if actions
        else None
    )
    rules = document["policies"]
    return Bundle(
        fingerprint=fingerprint,
        risk=risk,
        opinion=opinion,
        usual=_usual(document["usual"], arrays, trees["usual"]),
        record_settings=RecordSettings(**document["record_settings"]),
        policies=Policies(
            msgspec.convert(rules["default"], Policy),
            msgspec.convert(rules["by_name"], dict[str, Policy]),
        ),
        top_rank=document["top_rank"],
        extras=extras,
        card=card,
        profile=profile,
        contributions=fit_contributions(risk),
    )


def _risk(
    document: dict[str, Any],
    arrays: dict[str, np.ndarray],
    booster: lgb.Booster | None,
    extras: tuple[Feature, ...],
) -> RiskModel:
    vocabularies = {name: tuple(words) for name, words in document["vocabularies"].items()}
    encoder = Encoder(
        (*FEATURES, *extras),
        vocabularies,
        *(arrays[name] for name in ("mean", "scale", "owner", "sign")),
    )
    if booster is None or booster.feature_name() != [f.name for f in encoder.features]:
        raise ValueError("its features are not those of this version of Second Look")
    calibration = document["calibration"]
    return RiskModel(
        encoder,
        booster,
        arrays["coefficients"],
        document["intercept"],
        document["tree_share"],
        DomainRecalibration(
            Recalibration(**calibration["whole"]),
            {name: Recalibration(**own) for name, own in calibration["by_domain"].items()},
        ),
        tuple(document["expected"]),
        Recalibration(**calibration["incomplete"]),
        _directions(document["directions"]),
    )


def _usual(
    document: dict[str, Any] | None, arrays: dict[str, np.ndarray], booster: lgb.Booster | None
) -> UsualAction | None:
    if document is None or booster is None:
        return None
    vocabularies = {name: tuple(words) for name, words in document["vocabularies"].items()}
    actions, inputs = tuple(document["actions"]), tuple(document["inputs"])
    return UsualAction(actions, arrays["usual_strictness"], inputs, vocabularies, booster)


def _trees(path: Path) -> lgb.Booster | None:
    text = path.read_text(encoding="utf-8")
    return lgb.Booster(model_str=text) if text else None


def _directions(document: dict[str, Any]) -> DirectionShares:
    return DirectionShares(
        {(policy, action): tuple(shares) for policy, action, shares in document["by_cell"]},
        {action: tuple(shares) for action, shares in document["by_action"].items()},
        tuple(document["overall"]),
    )


def _write_json(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=1, sort_keys=True), encoding="utf-8")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _fingerprint(manifest: dict[str, Any]) -> str:
    body = {name: manifest[name] for name in ("format", "libraries", "parts")}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:12]
