"""A lead: a segment whose decisions are more often wrong than the rest, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from models.estimate import Estimate
from monitoring.leads.conditions import Condition, in_words
from monitoring.wording import DIRECTION_WORDS, percent

KINDS = ("clarify policy", "train team", "automated score", "language", "source", "mixed")
"""What a lead asks for, by what it is described by."""

Counted = tuple[tuple[str, int], ...]
"""Values with how often they occur, the commonest first."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the overturned audits of a lead say.

    Attributes
    ----------
    directions
        Share of the errors in each direction, largest first; audits weighted by one over their
        chance.
    root_causes, corrected_policies, corrected_actions
        As the auditors noted them; what a policy or action was changed *to*.
    reasons
        What raised the risk of these decisions most, in words, with the number of those explained
        for which it did; empty without a bundle. None tells of a moderator, or repeats a condition.
    explained
        Number of decisions that reasons were asked of.
    examples
        Ids of up to five overturned decisions, those with the largest harm first.
    """

    directions: tuple[tuple[str, float], ...]
    root_causes: Counted
    corrected_policies: Counted
    corrected_actions: Counted
    reasons: Counted
    explained: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lead:
    """A segment in which errors concentrate.

    Attributes
    ----------
    conditions
        One to three pairs of a column and the value that it has; each of them adds.
    apart_from
        Leads found before it that share decisions with it; those decisions are counted there only.
    kind
        Of `KINDS`.
    estimate
        Its overturn rate with a 95 % interval, from the half of the audits that the search which
        found it did not see. `audits` and `overturns` in it are of that half.
    decisions, audits, overturns
        Counts over the whole period.
    errors, errors_low, errors_high
        Estimated number of wrong decisions among `decisions`, found or not.
    harm
        Harm undone if all of them were found and corrected, in units of policies.toml.
    share_of_decisions, share_of_errors
        Of the period, 0 to 1.
    evidence
        What its overturned audits say.
    """

    conditions: tuple[Condition, ...]
    apart_from: tuple[tuple[Condition, ...], ...]
    kind: str
    estimate: Estimate
    decisions: int
    audits: int
    overturns: int
    errors: float
    errors_low: float
    errors_high: float
    harm: float
    share_of_decisions: float
    share_of_errors: float
    evidence: Evidence

    @property
    def name(self) -> str:
        """The conditions in words."""
        return in_words(self.conditions)

    @property
    def apart_in_words(self) -> str:
        """The leads whose decisions are counted there, in words; empty where there is none."""
        return "; ".join(in_words(conditions) for conditions in self.apart_from)

    @property
    def main_direction(self) -> str:
        """Direction of most of its errors."""
        return self.evidence.directions[0][0]

    @property
    def next_step(self) -> str:
        """What to do next, in a sentence or two."""
        return next_step(self.kind, self.conditions, self.evidence)


@dataclass(frozen=True, slots=True)
class Leads:
    """The leads of a period.

    Attributes
    ----------
    leads
        Most harm first.
    programme
        The overturn rate of all decisions, to compare with.
    segments
        Number of segments that the search looked at, of one and two conditions.
    tested
        How many looked bad and were tested on the other audits.
    small_teams
        Teams that were never named, having fewer than five people.
    chance
        That any lead is named at all where errors concentrate nowhere, at most.
    """

    leads: tuple[Lead, ...]
    programme: Estimate
    segments: int
    tested: int
    small_teams: int
    chance: float


def kind_of(conditions: Sequence[Condition]) -> str:
    """Return what a lead asks for.

    Examples
    --------
    >>> kind_of([("policy", "hate"), ("language", "hi")])
    'clarify policy'
    >>> kind_of([("policy", "hate"), ("moderator_team", "north")])
    'train team'
    """
    columns = {column for column, _ in conditions}
    if "moderator_team" in columns:
        return "train team"
    if "automated_score" in columns or ("decided_by", "automation") in conditions:
        return "automated score"
    if columns & {"policy", "policy_version"}:
        return "clarify policy"
    if columns <= {"language", "region"}:
        return "language"
    return "source" if columns <= {"source", "content_type"} else "mixed"


def next_step(kind: str, conditions: Sequence[Condition], evidence: Evidence) -> str:
    """Return the next step in words, with what auditors mostly changed the decisions into.

    Examples
    --------
    >>> found = Evidence((("wrong_selection", 0.8),), (), (("harassment", 9),), (), (), 0, ())
    >>> next_step("clarify policy", [("policy", "hate")], found)
    'Clarify this policy (hate): say where the line to harassment lies.'
    """
    named = dict(conditions)
    step = _STEPS[kind](named, evidence.directions[0][0])
    if kind == "clarify policy" and _mostly_elsewhere(named, evidence):
        return f"{step}: say where the line to {evidence.corrected_policies[0][0]} lies."
    return f"{step}. {_what_errors(evidence)}"


def _clarify(named: dict[str, str], direction: str) -> str:
    policy = named.get("policy", f"version {named.get('policy_version', '')}")
    when = f", and when it asks for {named['action']}" if "action" in named else ""
    where = f", as it is applied in language {named['language']}" if "language" in named else ""
    return f"Clarify this policy ({policy}){when}{where}"


def _train(named: dict[str, str], direction: str) -> str:
    about = f" on {named['policy']}" if "policy" in named else ""
    return f"Train this team ({named['moderator_team']}) together{about}"


def _score(named: dict[str, str], direction: str) -> str:
    band = named.get("automated_score")
    if band is None:
        return "Automated decisions are off here: check the rule or the score that they follow"
    if named.get("decided_by") != "automation" and _sides_with_score(band, direction):
        return (
            f"Audits side with the automated score here ({band}): show it before such a decision, "
            "or ask a second person where the two disagree"
        )
    return f"This automated score is off here ({band}): check its threshold, or train it again"


def _sides_with_score(band: str, direction: str) -> bool:
    """Whether the errors went against the score: acted at a low one, left up at a high one."""
    low, high = (float(edge) for edge in band.split(" to "))
    return (high <= 0.4 and direction == "over_enforcement") or (
        low >= 0.6 and direction == "under_enforcement"
    )


def _language(named: dict[str, str], direction: str) -> str:
    return (
        "Check what is lacking here: guidance, examples, or people who read it "
        f"({', '.join(named.values())})"
    )


def _source(named: dict[str, str], direction: str) -> str:
    return (
        f"Look at how these come in ({', '.join(named.values())}), and at what the moderator "
        "is shown"
    )


def _mixed(named: dict[str, str], direction: str) -> str:
    return (
        f"Read the overturned decisions of this segment ({', '.join(named.values())}) together, "
        "and look for what they share"
    )


_STEPS: Mapping[str, Callable[[dict[str, str], str], str]] = {
    "clarify policy": _clarify,
    "train team": _train,
    "automated score": _score,
    "language": _language,
    "source": _source,
    "mixed": _mixed,
}


def _mostly_elsewhere(named: dict[str, str], evidence: Evidence) -> bool:
    """Whether most errors are wrong selections that auditors moved to another policy."""
    moved = evidence.corrected_policies
    selection = dict(evidence.directions).get("wrong_selection", 0.0)
    return bool(moved) and moved[0][0] != named.get("policy") and selection > 0.5


def _what_errors(evidence: Evidence) -> str:
    direction, share = evidence.directions[0]
    errors = f"{DIRECTION_WORDS[direction]} makes up {percent(share, 0)} of the errors"
    if evidence.root_causes:
        cause, times = evidence.root_causes[0]
        return f"{errors}; auditors' commonest root cause is “{cause}” ({times})."
    if evidence.corrected_actions:
        action, times = evidence.corrected_actions[0]
        return f"{errors}; auditors changed the action mostly to {action} ({times})."
    return f"{errors}."
