"""Worlds of moderation decisions whose true error probabilities are known.

``logistic`` draws a day as the prototype on which the design was chosen did, with the same seeds
giving the same days. ``frail`` and ``bursts`` are built otherwise, so that the design is measured
on worlds it was not chosen on: gamma-frail moderators and multiplicative risks over twenty
policies; and campaigns of near-duplicates whose errors come together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, logit

from models.arrays import Floats, Positions


@dataclass(frozen=True, slots=True)
class Day:
    """One day's decisions.

    Attributes
    ----------
    features
        What a model may see.
    true_risk
        The probability from which ``wrong`` was drawn, given all that the features can say.
    wrong
        1 where an audit would overturn.
    severity
        Harm of an error.
    policy, language, team
        Numbers from 0.
    """

    features: pd.DataFrame
    true_risk: Floats
    wrong: Floats
    severity: Floats
    policy: Positions
    language: Positions
    team: Positions


DrawDay = Callable[[int, int, np.random.Generator, float], Day]
"""(day, decisions, generator, shock) -> Day."""


@dataclass(frozen=True, slots=True)
class World:
    """A named source of days; ``shock`` is added to the log-odds of a few policies."""

    name: str
    draw: DrawDay


def make_world(name: str, seed: int) -> World:
    """Build one of the worlds: ``logistic``, ``frail`` or ``bursts``."""
    makers = {"logistic": _logistic, "frail": _frail, "bursts": _bursts}
    return World(f"{name}-{seed}", makers[name](seed))


def _logistic(seed: int) -> DrawDay:
    r = np.random.default_rng(seed)
    policies, languages, moderators, teams = 12, 10, 300, 10
    volume = 1 / np.arange(1, policies + 1) ** 1.2
    volume = volume / volume.sum()
    volume = np.append(volume[:-1] * (1 - 0.006) / volume[:-1].sum(), 0.006)
    base = logit(r.permutation(np.geomspace(0.01, 0.15, policies)))
    harm = r.choice([1, 1, 2, 2, 3, 5, 8], policies).astype(float)
    slope = r.uniform(0.6, 1.4, policies)
    tongue = 1 / np.arange(1, languages + 1) ** 1.1
    tongue = tongue / tongue.sum()
    language_effect = np.sort(r.normal(0, 0.35, languages))
    language_effect -= (language_effect * tongue).sum()
    speaks = r.choice(languages, moderators, p=tongue)
    member = r.integers(0, teams, moderators)
    skill = r.normal(0, 0.5, moderators) + 0.15 * r.normal(0, 1, teams)[member]
    fatigue = r.lognormal(-2.6, 0.5, moderators)
    tenure = r.exponential(300, moderators)
    rate = r.gamma(4, 1, moderators)
    expertise = r.normal(0, 0.35, (moderators, policies))

    def draw(day: int, decisions: int, rng: np.random.Generator, shock: float) -> Day:
        pol = rng.choice(policies, decisions, p=volume)
        mod = rng.choice(moderators, decisions, p=rate / rate.sum())
        foreign = rng.random(decisions) >= 0.85
        lang = np.where(~foreign, speaks[mod], rng.choice(languages, decisions, p=tongue))
        hours = rng.uniform(0, 9, decisions)
        difficulty = rng.normal(0, 1, decisions)
        rush = rng.normal(0, 1, decisions)
        chance = rng.random(decisions)
        remove = (chance < expit(-0.5 + 0.3 * rng.normal(0, 1, decisions))).astype(int)
        views = rng.lognormal(4, 1.6, decisions)
        shocked = np.zeros(policies)
        shocked[[1, 4, 7]] = shock
        score = (base + 0.04 * day * np.sin(np.arange(policies) * 1.7) + shocked)[pol] - 0.95
        score += language_effect[lang] + skill[mod] + fatigue[mod] * hours
        score += 1.1 * slope[pol] * difficulty * 0.9 + 0.35 * rush + expertise[mod, pol]
        score += -0.15 * np.minimum(tenure[mod] / 300, 2) + 0.4 * (lang != speaks[mod])
        risk, wrong, opinion = _with_second_opinion(expit(score), rng)
        features = pd.DataFrame(
            {
                "policy": pol,
                "language": lang,
                "team": member[mod],
                "moderator": mod,
                "tenure": tenure[mod],
                "hours": hours,
                "margin": -0.8 * difficulty + 0.6 * rng.normal(0, 1, decisions),
                "handle": np.exp(
                    3 + 0.25 * difficulty - 0.35 * rush + 0.3 * rng.normal(0, 1, decisions)
                ),
                "opinion": opinion,
                "reports": rng.poisson(np.exp(0.2 + 0.25 * difficulty)),
                "length": rng.normal(5, 1, decisions),
                "views": np.log(views),
                "remove": remove,
                "history": expit(logit(0.05) + skill[mod] + 0.25 * np.sin(mod)),
            }
        )
        severity = harm[pol] * np.where(views > 1000, 2.0, 1.0)
        return Day(features, risk, wrong, severity, pol, lang, member[mod])

    return draw


def _with_second_opinion(
    prior: Floats, rng: np.random.Generator, *, sees: float = 0.33, alarms: float = 0.12
) -> tuple[Floats, Floats, Positions]:
    """Draw errors, and an opinion that disagrees more often where there is one."""
    wrong = (rng.random(len(prior)) < prior).astype(np.float64)
    says = (rng.random(len(prior)) < np.where(wrong == 1, sees, alarms)).astype(np.int64)
    ratio = np.where(says == 1, sees / alarms, (1 - sees) / (1 - alarms))
    odds = prior / (1 - prior) * ratio
    return odds / (1 + odds), wrong, says


def _frail(seed: int) -> DrawDay:
    """Risks multiply; a few moderators make most errors; twenty policies of 0.3 to 20 %."""
    r = np.random.default_rng([seed, 71])
    policies, languages, moderators, teams = 20, 12, 180, 8
    volume = r.dirichlet(np.full(policies, 0.8)) * 0.85 + 0.15 / policies
    base = r.permutation(np.geomspace(0.003, 0.2, policies))
    harm = r.choice([1.0, 2.0, 4.0, 10.0], policies, p=[0.4, 0.3, 0.2, 0.1])
    tongue = r.dirichlet(np.full(languages, 1.0)) * 0.8 + 0.2 / languages
    frailty = r.gamma(0.9, 1 / 0.9, moderators)
    member = r.integers(0, teams, moderators)
    foreign = r.uniform(0.7, 1.6, languages)
    history = np.round(frailty * r.lognormal(0, 0.3, moderators), 2)

    def draw(day: int, decisions: int, rng: np.random.Generator, shock: float) -> Day:
        pol = rng.choice(policies, decisions, p=volume)
        lang = rng.choice(languages, decisions, p=tongue)
        mod = rng.integers(0, moderators, decisions)
        ambiguous = rng.beta(0.7, 3.0, decisions)
        queue_length = rng.gamma(2.0, 1.0, decisions)
        shocked = np.where(np.isin(pol, [2, 5, 11]), np.exp(shock), 1.0)
        rate = base[pol] * frailty[mod] * foreign[lang] * shocked
        rate *= (0.15 + 4.5 * ambiguous) * np.exp(0.08 * (queue_length - 2)) * (1 + 0.02 * day)
        prior = np.clip(1 - np.exp(-rate), 1e-5, 0.95)
        risk, wrong, opinion = _with_second_opinion(prior, rng, sees=0.4, alarms=0.06)
        noise = rng.normal(0, 0.12, decisions)
        features = pd.DataFrame(
            {
                "policy": pol,
                "language": lang,
                "team": member[mod],
                "moderator": mod,
                "margin": ambiguous + noise,
                "queue": queue_length,
                "opinion": opinion,
                "history": history[mod],
            }
        )
        severity = harm[pol] * rng.choice([1.0, 1.5, 3.0], decisions, p=[0.7, 0.2, 0.1])
        return Day(features, risk, wrong, severity, pol, lang, member[mod])

    return draw


def _bursts(seed: int) -> DrawDay:
    """Errors come in campaigns that share a hidden risk; the model sees little of it."""
    r = np.random.default_rng([seed, 72])
    policies, languages, teams = 10, 15, 12
    volume = np.array([0.3, 0.2, 0.15, 0.1, 0.08, 0.06, 0.05, 0.03, 0.02, 0.01])
    base = logit(r.permutation(np.geomspace(0.008, 0.12, policies)))
    harm = r.choice([1.0, 3.0, 6.0], policies)
    tongue = 1 / np.arange(1, languages + 1)
    tongue = tongue / tongue.sum()
    team_skill = r.normal(0, 0.4, teams)

    def draw(day: int, decisions: int, rng: np.random.Generator, shock: float) -> Day:
        campaigns = max(decisions // 12, 20)
        which = rng.integers(0, campaigns, decisions)
        pol = rng.choice(policies, campaigns, p=volume)[which]
        lang = rng.choice(languages, campaigns, p=tongue)[which]
        hidden = rng.normal(0, 0.9, campaigns)[which]
        seen = rng.normal(0, 1.0, campaigns)[which]
        team = rng.integers(0, teams, decisions)
        hard = rng.exponential(1.0, decisions)
        shocked = np.where(np.isin(pol, [0, 3, 6]), shock, 0.0)
        score = base[pol] - 1.4 + hidden + 0.8 * seen + team_skill[team] + 0.45 * hard + shocked
        score += 0.05 * day * np.cos(pol)
        risk, wrong, opinion = _with_second_opinion(expit(score), rng)
        features = pd.DataFrame(
            {
                "policy": pol,
                "language": lang,
                "team": team,
                "campaign": seen + 0.5 * rng.normal(0, 1, decisions),
                "hard": hard * rng.lognormal(0, 0.3, decisions),
                "opinion": opinion,
            }
        )
        severity = harm[pol] * np.where(rng.random(decisions) < 0.2, 2.0, 1.0)
        return Day(features, risk, wrong, severity, pol, lang, team)

    return draw


@dataclass(frozen=True, slots=True)
class RiskScore:
    """A small LightGBM, calibrated on a quarter of its training rows."""

    booster: lgb.Booster
    intercept: float
    slope: float

    def predict(self, features: pd.DataFrame) -> Floats:
        """Overturn probability, per row."""
        raw = np.clip(self.booster.predict(features), 1e-9, 1 - 1e-9)
        predicted: Floats = expit(self.intercept + self.slope * logit(raw))
        return predicted


def fit_score(features: pd.DataFrame, wrong: Floats, *, rounds: int = 160) -> RiskScore:
    """Fit on audited decisions, unweighted."""
    held = np.random.default_rng(0).random(len(wrong)) < 0.25
    parameters = {
        "objective": "binary",
        "learning_rate": 0.06,
        "num_leaves": 15,
        "min_data_in_leaf": 60,
        "feature_fraction": 0.8,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "verbose": -1,
        "num_threads": 1,
        "seed": 1,
        "deterministic": True,
    }
    rows = lgb.Dataset(
        features[~held],
        label=wrong[~held],
        categorical_feature=["policy", "language", "team"],
        free_raw_data=False,
    )
    booster = lgb.train(parameters, rows, num_boost_round=rounds)
    score = logit(np.clip(booster.predict(features[held]), 1e-9, 1 - 1e-9))

    def loss(beta: Floats) -> float:
        z = beta[0] + beta[1] * score
        fit = np.sum(np.logaddexp(0, z) - wrong[held] * z)
        return float(fit + 0.5 * (beta[1] - 1) ** 2)

    intercept, slope = minimize(loss, [0.0, 1.0], method="BFGS").x
    return RiskScore(booster, float(intercept), float(slope))
