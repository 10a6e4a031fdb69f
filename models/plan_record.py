"""The plan as it is kept: frozen, versioned, and what follows from it for a decision.

Priority and inclusion probability of a decision follow from the plan, its own risk and its
permanent random number::

    c        = [(1 - rho) p (1 - p) + rho pbar_g (1 - pbar_g)] (N / N_g)**a
    priority = harm + eta c / u**2
    pi(mu)   = 1 if mu - harm <= eta c, else sqrt(eta c / (mu - harm))  =  P(priority > mu)

``pi`` maximises the harm undone less ``eta`` times the variance of the estimate, for every
threshold ``mu`` at once; that is why any prefix of the ranking is the best of its length.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from features.errors import SettingsError
from models.arrays import Floats, Texts
from models.risk_frame import RiskFrame, numbered_strata

LEAST_MEAN_RISK = 1e-4
"""Floor under a stratum's mean risk, so that none is ever left without a chance."""
LEAST_RISK = 1e-6


@dataclass(frozen=True, slots=True)
class Stratum:
    """What the plan holds of one stratum.

    Attributes
    ----------
    size
        Decisions of the stratum in the frame, N_g.
    mean_risk
        Their mean overturn probability, pbar_g.
    minimum
        Audits promised to the stratum in every closed batch.
    minutes
        Mean minutes of an audit; null where audits are counted.
    threshold
        Admission only: the stratum's own threshold where the common one would bring fewer than
        ``minimum`` audits in expectation; null where the common one does.
    """

    size: float
    mean_risk: float
    minimum: int = 0
    minutes: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A frozen selection plan; ``version`` is a hash of all the rest.

    Attributes
    ----------
    capacity
        Audits for which the plan was fitted.
    ratio
        The dial: standard error asked for, relative to a uniform sample of the same size.
    rho, smoothing
        Weight of the stratum's mean risk in the residual variance; exponent ``a`` by which small
        strata are favoured.
    eta, threshold
        The fitted price of variance; the priority above which admission audits.
    anticipated_ratio
        The ratio reached on the frame: ``ratio``, or the nearest that the frame allows.
    capacity_minutes
        Set where capacity is time: priorities and thresholds are then per minute.
    bundle
        Fingerprint of the bundle whose risks it was fitted on; null = not told.
    """

    version: str
    capacity: int
    frame_size: int
    ratio: float
    rho: float
    smoothing: float
    eta: float
    threshold: float
    strata: Mapping[str, Stratum]
    key_id: str
    anticipated_ratio: float | None = None
    capacity_minutes: float | None = None
    bundle: str | None = None

    @property
    def budget(self) -> float:
        """What may be spent: audits, or minutes where capacity is time."""
        return float(self.capacity) if self.capacity_minutes is None else self.capacity_minutes

    def to_json(self) -> str:
        """Write the plan as JSON text; floats are kept to the last bit."""
        return json.dumps(_as_mapping(self), sort_keys=True)

    @staticmethod
    def from_json(text: str) -> Plan:
        """Read what ``to_json`` wrote.

        Raises
        ------
        SettingsError
            The text is not a plan, or its content does not match its version.
        """
        try:
            content = json.loads(text)
            strata = {name: Stratum(**values) for name, values in content.pop("strata").items()}
            plan = Plan(strata=strata, **content)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise SettingsError(f"This is not a stored plan: {error}. Fit a new one.") from error
        if plan.version != version_of(plan):
            raise SettingsError(
                f"The plan {plan.version!r} was changed after it was fitted: its content hashes "
                f"to {version_of(plan)!r}. Fit a new one."
            )
        return plan


def fitted_for(plan: Plan, bundle: str) -> Plan:
    """Return the plan as that of a bundle, by its fingerprint; the version says so too."""
    told = replace(plan, bundle=bundle)
    return replace(told, version=version_of(told))


def plan_for(documents: Mapping[str, str], bundle: str) -> Plan | None:
    """Return the plan that a bundle selects by; null where there is none at all.

    It is the latest that was not fitted for another bundle, so that what serves and what it
    selects by change at one instant, when another bundle is named; without any, the latest.

    Parameters
    ----------
    documents
        Plans as they are stored, oldest first.

    Raises
    ------
    SettingsError
        If a plan that is looked at is damaged.
    """
    latest = None
    for document in reversed([*documents.values()]):
        plan = Plan.from_json(document)
        if plan.bundle in (bundle, None):
            return plan
        latest = latest or plan
    return latest


def bonus(plan: Plan, overturn_probability: Floats, stratum: Texts) -> Floats:
    """``eta * c`` per row: what the estimate would gain from auditing this decision.

    A stratum that the plan does not know is treated as one of the plan's median size with the
    frame's mean risk: it is explored like a middling stratum, and never left without a chance.
    """
    return plan.eta * variance_weight(plan, overturn_probability, stratum, plan.smoothing)


def minutes_of(plan: Plan, risk: RiskFrame) -> Floats:
    """Audit minutes per row: the frame's own, else the plan's mean for the stratum, else 1.

    A plan whose capacity is counted in audits gives 1 everywhere.
    """
    if plan.capacity_minutes is None:
        return np.ones(len(risk))
    if risk.minutes is not None:
        return np.asarray(risk.minutes, dtype=np.float64)
    known = {name: stratum.minutes or 1.0 for name, stratum in plan.strata.items()}
    return _by_stratum(known, risk.stratum, otherwise=float(np.mean(list(known.values()))))


def variance_weight(
    plan: Plan, overturn_probability: Floats, stratum: Texts, smoothing: float
) -> Floats:
    """``c`` of the module's formula, for a given exponent."""
    strata = plan.strata.values()
    sizes = np.array([each.size for each in strata])
    risks = np.array([each.mean_risk for each in strata])
    typical_risk = float(np.average(risks, weights=sizes))
    table = {name: each.size for name, each in plan.strata.items()}
    size = _by_stratum(table, stratum, otherwise=float(np.median(sizes)))
    table = {name: each.mean_risk for name, each in plan.strata.items()}
    mean_risk = _by_stratum(table, stratum, otherwise=typical_risk)
    mean_risk = np.clip(mean_risk, LEAST_MEAN_RISK, 1.0 - LEAST_MEAN_RISK)
    own = np.clip(overturn_probability, LEAST_RISK, 1.0 - LEAST_RISK)
    variance = (1.0 - plan.rho) * own * (1.0 - own) + plan.rho * mean_risk * (1.0 - mean_risk)
    weight: Floats = variance * (plan.frame_size / size) ** smoothing
    return weight


def _by_stratum(table: Mapping[str, float], stratum: Texts, *, otherwise: float) -> Floats:
    numbers, names = numbered_strata(stratum)
    values = np.array([table.get(name, otherwise) for name in names] + [otherwise])
    found: Floats = values[numbers]  # a null stratum has the number -1 and so takes the last value
    return found


def _as_mapping(plan: Plan) -> dict[str, Any]:
    content = {name: getattr(plan, name) for name in Plan.__slots__ if name != "strata"}
    content["strata"] = {name: asdict(stratum) for name, stratum in plan.strata.items()}
    if plan.bundle is None:  # so that plans of before it was told keep their version
        del content["bundle"]
    return content


def version_of(plan: Plan) -> str:
    """Short hash of all that the plan holds but its version."""
    content = _as_mapping(plan) | {"version": ""}
    text = json.dumps(content, sort_keys=True)
    return "plan-" + hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
