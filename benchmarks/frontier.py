"""Capture against width: what each design finds, and how wide it leaves the figure.

Expected values from the worlds' true probabilities, so without simulation noise. Capture is the
severity-weighted harm found, relative to auditing the highest expected harm only; width is the
standard error of the difference estimate relative to that of a uniform sample of the same size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.worlds import Day, fit_score, make_world
from models.arrays import Floats
from models.plan import DIALS, RiskFrame, bonus, fit_plan
from models.threshold import inclusion_probability, solve_threshold


@dataclass(frozen=True, slots=True)
class ScoredDay:
    """A day with what a model fitted on earlier days says of it."""

    day: Day
    probability: Floats

    @property
    def harm(self) -> Floats:
        """Expected harm, per row."""
        return self.probability * self.day.severity

    @property
    def risk(self) -> RiskFrame:
        """The frame as selection takes it."""
        ids = np.arange(len(self.probability)).astype(str)
        return RiskFrame(ids, self.probability, self.harm, self.day.policy.astype(str))


def score_days(
    name: str, seed: int, *, rows: int, days: int = 2, shock: float = 0.0
) -> list[ScoredDay]:
    """Train on four days of 15,000 audits, then score later days; ``shock`` strikes the last."""
    world, rng = make_world(name, seed), np.random.default_rng([seed, 5])
    past = [world.draw(day, 15_000, rng, 0.0) for day in range(4)]
    features = past[0].features.iloc[:0]
    features = type(features)(
        {c: np.concatenate([day.features[c].to_numpy() for day in past]) for c in features}
    )
    model = fit_score(features, np.concatenate([day.wrong for day in past]))
    drawn = [
        world.draw(4 + day, rows, rng, shock if day == days - 1 else 0.0) for day in range(days)
    ]
    return [ScoredDay(day, model.predict(day.features)) for day in drawn]


def designs(scored: ScoredDay, audits: int) -> dict[str, Floats]:
    """Inclusion probabilities of each design on one day."""
    rows = len(scored.probability)
    top = np.argsort(-scored.harm)
    chances = {"uniform": np.full(rows, audits / rows)}
    chances["stratified"] = _stratified(scored, audits)
    chances["greedy"] = np.zeros(rows)
    chances["greedy"][top[:audits]] = 1.0
    greedy = round(0.8 * audits)
    chances["80/20"] = np.full(rows, (audits - greedy) / (rows - greedy))
    chances["80/20"][top[:greedy]] = 1.0
    chances["active sqrt(p(1-p))"] = _active(scored, audits)
    for dial, ratio in DIALS.items():
        chances[f"second look {dial}"] = ours(scored, audits, ratio=ratio)
        overall = ours(scored, audits, ratio=ratio, smoothing=0.0, rho=0.1)
        chances[f"second look {dial}, a=0 rho=.1"] = overall
    return chances


def ours(
    scored: ScoredDay, audits: int, *, ratio: float, smoothing: float = 0.5, rho: float = 0.3
) -> Floats:
    """Our inclusion probabilities at the plan's threshold."""
    risk = scored.risk
    plan = fit_plan(
        risk, capacity=audits, ratio=ratio, smoothing=smoothing, rho=rho, key_id="benchmark"
    )
    price = bonus(plan, risk.overturn_probability, risk.stratum)
    return inclusion_probability(risk.expected_harm, price, plan.threshold)


def _stratified(scored: ScoredDay, audits: int) -> Floats:
    """Audits in proportion to the square root of the policy's volume, drawn uniformly within."""
    size = np.bincount(scored.day.policy).astype(np.float64)
    root = np.sqrt(size)
    share: Floats = np.minimum(audits * root / root.sum() / np.maximum(size, 1), 1.0)
    return np.asarray(share[scored.day.policy], dtype=np.float64)


def _active(scored: ScoredDay, audits: int) -> Floats:
    """Active inference: chances in proportion to sqrt(p (1 - p)), a tenth kept uniform."""
    p = scored.probability
    price = p * (1 - p)
    floor = 0.1 * audits / len(p)
    mu = solve_threshold(np.zeros(len(p)), price, 0.9 * audits)
    return np.maximum(inclusion_probability(np.zeros(len(p)), price, mu), floor)


def capture(scored: ScoredDay, chance: Floats, audits: int) -> float:
    """Harm found relative to greedy."""
    worth = scored.day.severity * scored.day.true_risk
    greedy = worth[np.argsort(-scored.harm)[:audits]].sum()
    return float((chance @ worth) / greedy)


def width(scored: ScoredDay, chance: Floats, audits: int, rows: np.ndarray | None = None) -> float:
    """Give the standard error relative to a uniform sample's; infinite for greedy."""
    pick = slice(None) if rows is None else rows
    q, f, pi = scored.day.true_risk[pick], scored.probability[pick], chance[pick]
    if np.any(pi <= 0):
        return float("inf")
    variance = np.sum((1 / pi - 1) * (q * (1 - f) ** 2 + (1 - q) * f**2))
    share = audits / len(chance)
    uniform = len(q) * (1 / share - 1) * q.mean() * (1 - q.mean())
    return float(np.sqrt(variance / uniform))


def measure_frontier(worlds: list[tuple[str, int]], *, rows: int) -> dict[str, object]:
    """Figures by design and capacity, averaged over worlds and for each; and the duels."""
    tables: dict[str, object] = {}
    duels: dict[str, object] = {}
    for name, seed in worlds:
        scored = score_days(name, seed, rows=rows)[-1]
        for share in (0.02, 0.05):
            audits = round(share * rows)
            table = {
                design: _figures(scored, chance, audits)
                for design, chance in designs(scored, audits).items()
            }
            tables[f"{name}-{seed} K={share:.0%}"] = table
            duels[f"{name}-{seed} K={share:.0%}"] = {
                f"a=0 rho={rho}": duel(scored, audits, rho=rho) for rho in (0.0, 0.1, 0.3)
            }
    return {"frontier": _means(tables), "frontier_by_world": tables, "against_80_20": duels}


def _figures(scored: ScoredDay, chance: Floats, audits: int) -> dict[str, float | None]:
    policy = scored.day.policy
    widths = [width(scored, chance, audits, policy == p) for p in np.unique(policy)]
    smallest = int(np.argmin(np.bincount(policy)))
    found = {
        "capture": capture(scored, chance, audits),
        "width": width(scored, chance, audits),
        "width_median_policy": float(np.median(widths)),
        "width_largest_policy": float(np.max(widths)),
        "width_smallest_policy": width(scored, chance, audits, policy == smallest),
    }
    return {name: value if np.isfinite(value) else None for name, value in found.items()}


def duel(scored: ScoredDay, audits: int, *, rho: float) -> dict[str, float]:
    """Ours with a=0 against 80/20, at its capture and at its width."""
    rival = designs(scored, audits)["80/20"]
    target, its_width = capture(scored, rival, audits), width(scored, rival, audits)

    def at(ratio: float) -> Floats:
        return ours(scored, audits, ratio=ratio, smoothing=0.0, rho=rho)

    same_capture = at(_bisect(lambda r: capture(scored, at(r), audits) - target))
    same_width = at(_bisect(lambda r: width(scored, at(r), audits) - its_width))
    return {
        "capture_80_20": target,
        "width_80_20": its_width,
        "width_at_its_capture": width(scored, same_capture, audits),
        "narrower": 1 - width(scored, same_capture, audits) / its_width,
        "capture_at_its_width": capture(scored, same_width, audits),
        "more_capture": capture(scored, same_width, audits) - target,
    }


def _bisect(rising: Callable[[float], float]) -> float:
    low, high = 0.8, 5.0
    for _ in range(18):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2


def _means(tables: dict[str, object]) -> dict[str, dict[str, dict[str, float | None]]]:
    """Design -> K -> figure, averaged over worlds."""
    means: dict[str, dict[str, dict[str, float | None]]] = {}
    for share in ("K=2%", "K=5%"):
        group = [t for name, t in tables.items() if name.endswith(share) and isinstance(t, dict)]
        for design in group[0]:
            for figure in group[0][design]:
                values = [table[design][figure] for table in group]
                mean = None if any(v is None for v in values) else float(np.mean(values))
                means.setdefault(design, {}).setdefault(share, {})[figure] = mean
    return means
