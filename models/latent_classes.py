"""What the truth and everybody's errors would be, from verdicts alone, where nothing is agreed.

Dawid and Skene (1979): each decision has a true verdict, and each auditor a table of how they name
each truth; both are found together by expectation and maximisation. It is a cross-check of second
reviews and golden items, not a replacement: it takes auditors to judge independently given the
truth, so that whoever saw another's verdict, or is misled by the same things, passes for right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.errors import EstimateError
from models.arrays import Floats, Positions, Texts, total_by

_SMOOTHING = 0.5
"""Verdicts' worth of doubt for each truth in an auditor's table, so that none is infallible."""


@dataclass(frozen=True, slots=True)
class LatentClasses:
    """The fitted truth and errors.

    Attributes
    ----------
    decisions, auditors, verdicts
        Ids and names, sorted; the axes of what follows.
    truth
        Probability of each true verdict, shape (decisions, verdicts).
    share
        Of each true verdict among the decisions, shape (verdicts,).
    named
        Chance that an auditor gives a verdict where another, or the same, is true, shape (auditors,
        true verdicts, given verdicts).
    rounds, converged
        Of the fit.
    """

    decisions: Texts
    auditors: Texts
    verdicts: Texts
    truth: Floats
    share: Floats
    named: Floats
    rounds: int
    converged: bool


def fit_latent_classes(
    decision_ids: Texts,
    auditors: Texts,
    verdicts: Texts,
    *,
    rounds: int = 200,
    tolerance: float = 1e-6,
) -> LatentClasses:
    """Find the truth of each decision and the errors of each auditor.

    Begins with each decision's own shares of verdicts, so that the majority settles which class is
    which: auditors who are mostly wrong together cannot be told from ones who are right.

    Raises
    ------
    EstimateError
        There is no decision with two verdicts.

    Examples
    --------
    >>> ids = np.repeat(np.arange(60), 3)
    >>> given = np.where(np.arange(60) % 4 == 0, "over", "correct").repeat(3).astype(object)
    >>> given[::30] = "over"
    >>> found = fit_latent_classes(ids, np.tile(["a", "b", "c"], 60), given)
    >>> found.share.round(2).tolist(), found.converged
    ([0.75, 0.25], True)
    """
    given = _Given.of(decision_ids, auditors, verdicts)
    truth = given.shares()
    share, named = given.maximise(truth)
    done = 0
    change = np.inf
    while done < rounds and change > tolerance:
        before, truth = truth, given.expect(share, named)
        share, named = given.maximise(truth)
        change, done = float(np.abs(truth - before).max()), done + 1
    return LatentClasses(
        *(given.decisions, given.auditors, given.verdicts, truth, share, named, done),
        converged=change <= tolerance,
    )


@dataclass(frozen=True, slots=True)
class _Given:
    """The verdicts by number."""

    decisions: Texts
    auditors: Texts
    verdicts: Texts
    decision: Positions
    auditor: Positions
    verdict: Positions

    @staticmethod
    def of(decision_ids: Texts, auditors: Texts, verdicts: Texts) -> _Given:
        columns = [np.asarray(each).astype(str) for each in (decision_ids, auditors, verdicts)]
        (ids, decision), (people, auditor), (names, verdict) = (
            np.unique(each, return_inverse=True) for each in columns
        )
        if not len(decision) or np.bincount(decision).max() < 2:
            raise EstimateError(
                f"latent classes: none of the {len(ids):,} decisions has two verdicts; expected "
                "decisions that several auditors judged, as in a calibration session"
            )
        return _Given(ids, people, names, decision, auditor, verdict)

    def shares(self) -> Floats:
        """Return the shares of verdicts on each decision."""
        size = len(self.verdicts)
        ones = np.ones(len(self.decision))
        counts = total_by(self.decision * size + self.verdict, ones, len(self.decisions) * size)
        counts = counts.reshape(-1, size)
        shares: Floats = counts / counts.sum(axis=1, keepdims=True)
        return shares

    def maximise(self, truth: Floats) -> tuple[Floats, Floats]:
        """Return the share of each truth, and each auditor's table, that make this most likely."""
        size = len(self.verdicts)
        cell = self.auditor * size + self.verdict
        cells = len(self.auditors) * size
        by_truth = [total_by(cell, truth[self.decision, k], cells) for k in range(size)]
        counts = np.stack(by_truth).reshape(size, -1, size).transpose(1, 0, 2) + _SMOOTHING / size
        return truth.mean(axis=0), counts / counts.sum(axis=2, keepdims=True)

    def expect(self, share: Floats, named: Floats) -> Floats:
        """Return how likely each truth of each decision is under these tables."""
        log = np.log(named)[self.auditor, :, self.verdict]
        summed = [
            total_by(self.decision, log[:, k], len(self.decisions)) for k in range(len(share))
        ]
        likely = np.stack(summed, axis=1) + np.log(np.maximum(share, 1e-300))
        likely = np.exp(likely - likely.max(axis=1, keepdims=True))
        chances: Floats = likely / likely.sum(axis=1, keepdims=True)
        return chances
