from __future__ import annotations

import math
from dataclasses import replace

import pytest

from models.estimate import Estimate
from models.nonresponse import Nonresponse
from models.planner import Achieved
from monitoring.attention import Finding, find_attention
from monitoring.bands import Band
from monitoring.groups import Grouping, Segment
from monitoring.promised import Promise
from monitoring.quality import Quality


def estimate(domain: str, rate: float = 0.05, *, needed: int = 0) -> Estimate:
    return Estimate(domain, rate, rate / 2, rate * 2, 0.01, 1_000, 100, 5, 80.0, needed)


def quality(*segments: Segment, column: str = "policy") -> Quality:
    return Quality(
        overall=estimate("all"),
        by_severity=estimate("severity-weighted"),
        uniform=None,
        directions=(),
        groupings=(Grouping(column, column.capitalize(), segments, 0),),
        days=(),
        weeks=(),
        looks=(),
        bands=(Band(0.0, 0.01, 0.3, estimate("0", 0.3), 0.2, "alike"),),
        nonresponse=unfinished(0),
        audits_beside=0,
        earlier_audits=0,
        recalibrated=0,
    )


def unfinished(count: int, *, risk: float = 0.2) -> Nonresponse:
    return Nonresponse(100, 100 - count, 0.2, risk, "The unfinished are like the finished.")


CALM = quality(Segment(estimate("spam"), "alike"), Segment(estimate("hate", 0.01), "better"))


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    return finding


def test_an_ordinary_period_needs_no_attention() -> None:
    assert find_attention(CALM) == []


def test_a_group_below_the_programme_is_named_with_its_figure() -> None:
    worse = quality(Segment(estimate("hate", 0.2), "worse"), Segment(estimate("spam"), "alike"))
    finding = only(find_attention(worse))
    assert finding.title == "Policy hate: accuracy 80.0 %"
    assert "from 100 audits" in finding.detail
    assert finding.page == "policies.html#policy"


def test_many_audits_left_undone_come_first() -> None:
    worse = quality(Segment(estimate("hate", 0.2), "worse"))
    findings = find_attention(replace(worse, nonresponse=unfinished(30)))
    assert findings[0].title == "30 selected decisions without an audit"
    assert "30 %" in findings[0].detail


def test_that_the_risky_ones_were_left_is_said() -> None:
    left = replace(CALM, nonresponse=unfinished(30, risk=0.4))
    detail = only(find_attention(left)).detail
    assert "mean risk is 40.0 %, that of the finished 20.0 %" in detail
    assert "The risky ones were left" in detail
    alike = replace(CALM, nonresponse=unfinished(30))
    assert "The risky ones were left" not in only(find_attention(alike)).detail


def promise(achieved_ratio: float, anticipated: float = 1.5) -> Promise:
    return Promise("all", estimate("all"), Achieved(achieved_ratio, anticipated, 0.01, 0.01))


def test_a_figure_far_wider_than_promised_is_told() -> None:
    finding = only(find_attention(CALM, promise=promise(2.1)))
    assert finding.title == "The figure is less sure than the plan promised"
    assert "2.10 times" in finding.detail


@pytest.mark.parametrize(
    "kept", [promise(1.6), promise(3.0, math.nan), Promise("all", estimate("all"), None)]
)
def test_a_promise_kept_or_not_known_is_ordinary(kept: Promise) -> None:
    assert find_attention(CALM, promise=kept) == []


def test_a_few_audits_left_undone_are_ordinary() -> None:
    assert find_attention(replace(CALM, nonresponse=unfinished(5))) == []


@pytest.mark.parametrize(("standing", "word"), [("worse", "fewer"), ("better", "more")])
def test_a_model_that_disagrees_with_the_audits_is_told(standing: str, word: str) -> None:
    band = replace(CALM.bands[0], standing=standing)
    finding = only(find_attention(replace(CALM, bands=(band,))))
    assert finding.title == f"The model expects {word} errors than audits find"
    assert "riskiest 1 %" in finding.detail


def test_policies_with_too_few_audits_are_told_together() -> None:
    short = [Segment(estimate(f"p{n}", needed=7), "unknown") for n in range(8)]
    finding = only(find_attention(quality(*short)))
    assert finding.title == "Too few audits to speak of 8 policies"
    assert "p0 (about 7 more)" in finding.detail
    assert "and 2 others" in finding.detail


def test_small_teams_with_too_few_audits_are_ordinary() -> None:
    short = Segment(estimate("team-1", needed=7), "unknown")
    assert find_attention(quality(short, column="moderator_team")) == []


def test_audits_beside_the_selection_are_told() -> None:
    finding = only(find_attention(replace(CALM, audits_beside=12)))
    assert finding.title == "12 audits beside the selection"
