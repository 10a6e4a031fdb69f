"""The demonstration: a month of decisions, from raw tables to ranked audits and an honest figure.

On simulated decisions the truth is known, so that the ranking can be set against the best one
possible. On a team's own files the later part plays the day to rank: its outcomes are held back,
and only those of the decisions that were selected are handed over.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from features.contract import DECISIONS, DIRECTIONS, OUTCOMES, check
from features.errors import HomeError, ServiceError
from features.files import load_checked
from features.history import groups_of
from features.home import Home, make_home
from features.intake import add_decisions, add_outcomes
from features.mapping import read_mapping
from features.simulate import audit, simulate
from features.store import open_store
from monitoring.monitor import monitor
from monitoring.report import write_report
from serving.access import create_key
from serving.launch import service
from training.promotion import promote
from training.train import train

EARLIER_SHARE = 0.7
_ROWS_A_CALL = 20_000
_CALL_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Material:
    """What a demonstration runs on.

    Attributes
    ----------
    earlier, earlier_outcomes
        What is known before the day to rank.
    later
        The decisions to rank.
    later_outcomes
        What an audit of each of them would find; handed over only for those selected.
    ideal_order
        Positions in `later`, most worth auditing first, by the truth that is known.
    ideal
        What that truth is, in words.
    """

    earlier: pd.DataFrame
    earlier_outcomes: pd.DataFrame
    later: pd.DataFrame
    later_outcomes: pd.DataFrame
    ideal_order: np.ndarray
    ideal: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What a demonstration came to.

    Attributes
    ----------
    summary
        The figures, as ``--summary`` writes them.
    queue
        The first rows of the audit queue.
    report
        The report's first page.
    """

    summary: dict[str, Any]
    queue: list[dict[str, Any]]
    report: Path
    key: str
    url: str


@dataclass(slots=True)
class Stopwatch:
    """Seconds by step, each told as it begins."""

    tell: Callable[[str], None]
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str, words: str) -> Iterator[None]:
        """Time one step."""
        self.tell(words)
        start = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - start, 2)


def simulated_material(*, days: int, decisions_per_day: int, seed: int) -> Material:
    """Return a simulated month, whose last day is to be ranked."""
    world = simulate(days=days, decisions_per_day=decisions_per_day, seed=seed)
    last_day = world.decisions["decided_at"].max().normalize()
    earlier = (world.decisions["decided_at"] < last_day).to_numpy()
    later = world.decisions[~earlier].reset_index(drop=True)
    truth = world.truth[~earlier].reset_index(drop=True)
    found = audit(
        truth,
        truth["decision_id"].tolist(),
        audited_at=last_day.to_pydatetime() + pd.Timedelta(days=2),
        seed=seed,
    )
    return Material(
        world.decisions[earlier],
        world.outcomes,
        later,
        found.drop(columns="inclusion_probability"),
        np.argsort(-truth["overturn_probability_true"].to_numpy(), kind="stable"),
        "ranking by the true error probability",
    )


def own_material(decisions: Path, outcomes: Path, *, mapping: Path | None = None) -> Material:
    """Return a team's own files: the earlier part is known, the later part is to be ranked.

    Of the later part only decisions of item groups that the earlier part does not have are
    ranked, and only those whose outcome the file holds, as nothing could be checked of the others.
    """
    rules = read_mapping(mapping) if mapping else None
    all_decisions = load_checked(decisions, DECISIONS, mapping=rules).require()
    all_outcomes = load_checked(outcomes, OUTCOMES, mapping=rules).require()
    place = all_decisions["decided_at"].rank(method="first", pct=True)
    early = (place <= EARLIER_SHARE).to_numpy()
    group = groups_of(all_decisions)
    fresh = ~early & ~group.isin(group[early]).to_numpy()
    source = all_outcomes.get("source", pd.Series("audit", index=all_outcomes.index))
    audits = all_outcomes[source.fillna("audit") == "audit"]
    audits = audits.drop_duplicates("decision_id", keep="last")
    later = all_decisions[fresh & all_decisions["decision_id"].isin(audits["decision_id"])]
    if later.empty:
        raise HomeError(
            "demo: no later decision has both an outcome and an item group that is new; expected "
            "decisions over a longer time, with outcomes of the later ones"
        )
    earlier = all_decisions[early]
    found = audits.set_index("decision_id").loc[later["decision_id"]].reset_index()
    found = found.drop(columns="inclusion_probability", errors="ignore")
    wrong = found["verdict"].isin(DIRECTIONS).to_numpy()
    return Material(
        earlier,
        all_outcomes[all_outcomes["decision_id"].isin(earlier["decision_id"])],
        later.reset_index(drop=True),
        found[[c.name for c in OUTCOMES.columns if c.name in found]],
        np.argsort(~wrong, kind="stable"),
        "knowing every outcome beforehand",
    )


@contextmanager
def demonstrate(
    path: Path,
    material: Callable[[], Material],
    *,
    port: int | None,
    tell: Callable[[str], None],
) -> Iterator[Findings]:
    """Run the whole path in a home folder; the service runs on while in the block.

    Raises
    ------
    SecondLookError
        Whatever a step refuses, in its own words.
    """
    watch = Stopwatch(tell)
    began = datetime.now(UTC)
    with watch.step("prepare", "Preparing the home folder and the decisions"):
        home = make_home(path)
        open_store(home.store_url()).initialise()
        given = material()
    with watch.step("load", f"Loading {len(given.earlier):,} decisions into the store"):
        add_decisions(home, check(given.earlier, DECISIONS).require())
        add_outcomes(home, check(given.earlier_outcomes, OUTCOMES).require())
    with watch.step("train", "Training on their audits"):
        until = given.later["decided_at"].min().to_pydatetime()
        train(home, until=until, progress=lambda line: tell(f"  {line}"))
    with watch.step("promote", "Publishing the model and fitting the plan"):
        version = promote(home).published.model_version
    key = create_key(open_store(home.store_url()), "admin", began)[1]
    log = home.path / "logs" / "service.log"
    started = time.monotonic()
    tell("Starting the service")
    with service(home, port=port, log=log) as url:
        watch.seconds["serve"] = round(time.monotonic() - started, 2)
        with watch.step("rank", f"Ranking {len(given.later):,} later decisions over HTTP"):
            ranked = _rank(given.later, url, key, home.settings().capacity_share)
        with watch.step("outcomes", "Posting what the audits found"):
            _post_outcomes(given, ranked, url, key)
        with watch.step("monitor", "Measuring drift and quality"):
            monitor(home, since=began, now=datetime.now(UTC))
        with watch.step("report", "Writing the report"):
            report = write_report(home, since=began, now=datetime.now(UTC))
        summary = summarise(home, given, ranked, version, since=began)
        summary["seconds"] = watch.seconds
        yield Findings(summary, _queue(ranked), report, key, url)


def print_findings(findings: Findings, out: Console) -> None:
    """Print the top of the audit queue and the figures."""
    _print_queue(findings.queue, out)
    _print_summary(findings.summary, out)


def summarise(
    home: Home, given: Material, ranked: pd.DataFrame, version: str, *, since: datetime
) -> dict[str, Any]:
    """Return the figures of a demonstration."""
    wrong = given.later_outcomes["verdict"].isin(DIRECTIONS).to_numpy()
    selected = ranked["selected"].to_numpy(dtype=bool)
    capacity = int(selected.sum())
    quality = json.loads((home.reports / "quality.json").read_text(encoding="utf-8"))
    return {
        "decisions": len(given.later),
        "capacity": capacity,
        "errors": int(wrong.sum()),
        "errors_found": int(wrong[selected].sum()),
        "errors_found_uniform": round(float(wrong.mean() * capacity), 1),
        "errors_found_best": int(wrong[given.ideal_order[:capacity]].sum()),
        "best": given.ideal,
        "accuracy": quality["accuracy"],
        "accuracy_low": quality["accuracy_low"],
        "accuracy_high": quality["accuracy_high"],
        "accuracy_true": round(1 - float(wrong.mean()), 4),
        "model_version": version,
    }


def _rank(later: pd.DataFrame, url: str, key: str, share: float) -> pd.DataFrame:
    rows = _records(later)
    answers: list[dict[str, Any]] = []
    for start in range(0, len(rows), _ROWS_A_CALL):
        part = rows[start : start + _ROWS_A_CALL]
        capacity = max(round(share * len(part)), 1)
        answer = _call(f"{url}/v1/rank", key, {"capacity": capacity, "decisions": part})
        answers += answer["decisions"]
    return pd.DataFrame(answers).set_index("decision_id").loc[later["decision_id"]].reset_index()


def _post_outcomes(given: Material, ranked: pd.DataFrame, url: str, key: str) -> None:
    chosen = given.later_outcomes[ranked["selected"].to_numpy(dtype=bool)]
    _call(f"{url}/v1/outcomes", key, {"outcomes": _records(chosen)})


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    plain = frame.astype(object).where(frame.notna(), None)
    for name in frame.select_dtypes(["datetimetz"]):
        plain[name] = frame[name].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return [
        {str(name): value for name, value in row.items() if value is not None}
        for row in plain.to_dict("records")
    ]


def _call(url: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        url,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_CALL_TIMEOUT_S) as answer:
            read: dict[str, Any] = json.load(answer)
            return read
    except urllib.error.HTTPError as error:
        said = error.read().decode(errors="replace")[:500]
        raise ServiceError(f"demo: {url} answered {error.code}: {said}") from error
    except OSError as error:
        raise ServiceError(f"demo: {url} did not answer: {error}") from error


def _queue(ranked: pd.DataFrame, most: int = 10) -> list[dict[str, Any]]:
    """Return the selected decisions, most harm first: within a batch the order is free."""
    selected = ranked[ranked["selected"].astype(bool)]
    queue = selected.sort_values(["expected_harm", "rank"], ascending=[False, True]).head(most)
    return [{str(name): value for name, value in row.items()} for row in queue.to_dict("records")]


def _print_queue(queue: list[dict[str, Any]], out: Console) -> None:
    table = Table(
        title="Audit first (the selected decisions, most harm first)", title_justify="left"
    )
    for name in ("Decision", "Risk", "Harm", "π", "Picked as"):
        table.add_column(name, justify="right" if name in ("Risk", "Harm", "π") else "left")
    table.add_column("Reasons", ratio=1)
    for row in queue:
        reasons = row["reasons"]
        told = "; ".join(r["text"] for r in reasons[:2]) if isinstance(reasons, list) else ""
        table.add_row(
            f"{row['decision_id']}",
            f"{row['overturn_probability']:.0%}",
            f"{row['expected_harm']:.2f}",
            f"{row['inclusion_probability']:.2f}",
            f"{row['reason']}",
            escape(told),
        )
    out.print(table)


def _print_summary(summary: dict[str, Any], out: Console) -> None:
    found, uniform = summary["errors_found"], summary["errors_found_uniform"]
    best = summary["errors_found_best"]
    ratio = f", {float(str(found)) / float(str(uniform)):.1f} times" if uniform else ""
    out.print(
        f"\n{summary['capacity']:,} of {summary['decisions']:,} decisions audited: [bold]{found} "
        f"errors found[/]{ratio} the {uniform} of a uniform sample; {best} is the best possible, "
        f"{summary['best']}."
    )
    out.print(
        f"Accuracy from the same audits: [bold]{summary['accuracy']:.1%}[/] (95 % interval "
        f"{summary['accuracy_low']:.1%} to {summary['accuracy_high']:.1%}); "
        f"the truth here is {summary['accuracy_true']:.1%}."
    )
    out.print(f"Model {summary['model_version']}.")
