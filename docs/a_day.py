"""A day in the life of an audit programme, by the commands that a team would type.

    uv run python docs/a_day.py FOLDER

It makes a small programme whose truth is known and lives one day of it: plan, rank, assign, audit,
go home early, review, dispute, look at exposure, report. People are played from the truth, with the
auditors' own mistakes. All files stay in the folder, which must be new or empty; no service is
started, and nothing runs on afterwards. docs/a-day.md tells the same in words.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

AUDITS = 300
"""Of 3,000 decisions: more than the usual 5 %, so that one day brings enough second reviews."""
FOUND_WRONG, LEFT_RIGHT = 0.92, 0.97
"""Of what is wrong, the share that an auditor overturns; of what is right, the share left alone.
Reviewers are right here: what they add is then the auditors' errors and nothing else."""
CAPS = "graphic_minutes_a_day = 60\ngraphic_items_a_day = 12\n"

_COLUMNS = "auditor_id,hours,languages,opted_out,most_graphic,team"
_ANA = "ana,6,en;es;pt,,3,team-03"
_OTHERS = (
    "ben,6,en;id;ar,,1,",
    "chi,6,en;hi;tr;fr;de,child_safety,3,",
    "dov,6,en;es;pt;ar,,3,team-05",
    "eva,6,en;es;pt;id;hi;fr,,3,",
    "fay,6,en;es;pt;ar;tr;de,self_harm,2,",
)
_GIL = "gil,4,en;th;tr,,3,"
MORNING = (_COLUMNS, _ANA, *_OTHERS)
"""People from 'ana' to 'fay'. Nobody of them reads Thai; 'ben' sees nothing graphic."""
AFTERNOON = (_COLUMNS, *_OTHERS, _GIL)
"""Without 'ana', who went home, and with 'gil', who reads Thai."""


@dataclass(frozen=True, slots=True)
class Day:
    """The folder, when the day begins, and what people of this simulation find.

    Attributes
    ----------
    starts
        Start of the shift, UTC.
    found
        One row a decision, by id: ``today``, whether it is of the day; ``wrong``, whether it is;
        ``truth``, the verdict that is right; ``audit``, the one that an auditor gives.
    """

    folder: Path
    starts: datetime
    found: pd.DataFrame

    @property
    def true_accuracy(self) -> float:
        """Share of the day's decisions that are right, which only a simulation knows."""
        return 1 - float(self.found.loc[self.found["today"], "wrong"].mean())

    def secondlook(self, *words: str | Path, into: Path | None = None) -> None:
        """Run a command on this day's home."""
        secondlook(*words, "--home", self.folder / "home", into=into)

    def assign(self, shift: Sequence[str], name: str, *words: str) -> None:
        """Write a shift file, and assign what waits to its people."""
        file = self.folder / f"{name}.csv"
        file.write_text("\n".join(shift) + "\n", encoding="utf-8")
        begins = f"{self.starts:%Y-%m-%dT%H:%M:%S}"
        to = self.folder / f"{name}.json"
        self.secondlook("assign", "--shift", file, "--to", to, "--starts-at", begins, *words)

    def work(self, name: str, *, share: float = 1.0) -> None:
        """Let people do the first share of what an answer gave them, and load what they found."""
        answer = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
        file = self.folder / f"{name}-outcomes.csv"
        pd.DataFrame(self._outcomes(answer, share)).to_csv(file, index=False)
        self.secondlook("outcomes", file)

    def _outcomes(self, answer: dict[str, Any], share: float) -> Iterator[dict[str, Any]]:
        now = datetime.now(UTC).isoformat()
        for person in answer["people"]:
            theirs = person["assignments"]
            for each in theirs[: round(share * len(theirs))]:
                kind, decision = each["kind"], each["decision_id"]
                yield {
                    "audit_id": f"{kind}-{decision}",
                    "decision_id": decision,
                    "audited_at": now,
                    "verdict": self.found.at[decision, "truth" if kind == "review" else "audit"],
                    "auditor_id": person["auditor_id"],
                    "source": kind,
                    "inclusion_probability": each["inclusion_probability"],
                    "minutes": each["minutes"],
                }


def live(folder: Path, *, seed: int) -> None:
    """Make a programme in a folder and live one day of it."""
    day = make_programme(folder, seed=seed)
    choose_and_assign(day)
    somebody_goes(day)
    review(day)
    dispute(day)
    look_at_exposure(day)
    publish(day)


def make_programme(folder: Path, *, seed: int) -> Day:
    """Simulate ten days, load nine of them, and let a model learn from their audits."""
    home = folder / "home"
    tell(
        "1  Nine days of decisions and audits, and a tenth to live through, with the truth beside."
    )
    secondlook(
        *("simulate", folder / "simulated", "--days", "10", "--decisions-per-day", "3000"),
        *("--audit-share", "0.1", "--seed", str(seed)),
    )
    day = Day(folder, datetime.now(UTC).replace(microsecond=0), _divide(folder, seed=seed))
    tell(
        "2  A home for the programme, and limits on what an auditor sees in a day (wellbeing.toml)."
    )
    day.secondlook("init")
    (home / "wellbeing.toml").write_text(CAPS, encoding="utf-8")
    tell("3  What was decided, and what past audits of a random tenth found.")
    day.secondlook("load", folder / "earlier.parquet")
    day.secondlook("outcomes", folder / "outcomes.parquet")
    tell("4  A model learns from those audits, and serves with a plan that is fitted for it.")
    day.secondlook("train")
    day.secondlook("promote")
    return day


def choose_and_assign(day: Day) -> None:
    """Look at the plan, rank the day's decisions, and deal the selected audits out."""
    tell("5  The plan: what is audited, and what other capacities would bring.")
    day.secondlook("plan")
    tell(
        f"6  Yesterday's decisions are ranked, and {AUDITS} selected: the likely wrong ones first, "
        "but each decision has a known chance, which the published figure needs."
    )
    ranked = day.folder / "ranked.parquet"
    day.secondlook("rank", day.folder / "today.parquet", "--to", ranked, "--capacity", str(AUDITS))
    tell(
        "7  The audits go to the people on shift, by language, opt-outs, team and caps. Nobody "
        "reads Thai this morning, so what is in Thai waits; the answer says what would free it. "
        "Some audits of the days before are due for a second, blind look, and go out among them."
    )
    day.assign(MORNING, "morning")


def somebody_goes(day: Day) -> None:
    """Half of the work comes back; then one person goes and another comes."""
    tell("8  By noon everybody has done half, and the findings come back as outcomes.")
    day.work("morning", share=0.5)
    tell(
        "9  Ana goes home; what she has left goes back and is dealt out anew. Gil comes, who reads "
        "Thai. Caps hold over both calls, since the store knows what everybody has seen today."
    )
    day.assign(AFTERNOON, "afternoon", "--gone", "ana")
    tell("10  The rest of the work is done.")
    day.work("afternoon")


def review(day: Day) -> None:
    """Have a known share of the audits judged again, blind, by somebody else."""
    tell(
        "11  Auditors err too. About half of the overturns and a few of the rest are judged again "
        "by somebody else, who is not told that it is a second look. What two people agreed on "
        "comes again here and there, unmarked, as a golden item."
    )
    day.secondlook("reviews", "--to", day.folder / "reviews-due.csv")
    day.assign(AFTERNOON, "reviews")
    day.work("reviews")


def dispute(day: Day) -> None:
    """Let a moderator dispute an overturn, and the lead settle it."""
    decision = _disputed(day)
    right = str(day.found.at[decision, "truth"])
    tell(
        f"12  A moderator says that the overturn of {decision} is wrong. It stands until somebody "
        "else settles it; then the settlement counts, and what was found first is kept."
    )
    audit, claimed = f"audit-{decision}", "correct"
    day.secondlook("dispute", "open", audit, "--claimed", claimed)
    day.secondlook("dispute", "settle", audit, "--verdict", right, "--by", "lead")
    day.secondlook("dispute", "list")


def look_at_exposure(day: Day) -> None:
    """Tell how graphic material was spread, and to whom a look at one person is known."""
    tell("13  How graphic material was spread over people: without names, and nobody over a cap.")
    since = f"{day.starts:%Y-%m-%d}"
    day.secondlook("exposure", "--since", since, "--to", day.folder / "exposure.csv")
    tell("    A look at one person is possible for the role that may, and it is kept who looked.")
    day.secondlook("exposure", "--since", since, "--auditor", "eva")
    day.secondlook("exposure", "--looks")


def publish(day: Day) -> None:
    """Measure, write the report, and set the figure as found beside the corrected one."""
    tell("14  Drift, quality and alarms; then the pages for the meeting.")
    day.secondlook("monitor", "--exit-zero", into=day.folder / "monitored.json")
    day.secondlook("report")
    reports = day.folder / "home" / "reports"
    figures = json.loads((reports / "quality.json").read_text(encoding="utf-8"))
    tell("15  The figure, as the auditors found it and corrected for their own mistakes.")
    print_figure(figures, truth=day.true_accuracy)


def print_figure(figures: dict[str, Any], *, truth: float) -> None:
    """Print the raw figure beside the corrected one, and the truth that only a simulation knows."""
    for words, name in (("as found", "accuracy"), ("corrected", "corrected_accuracy")):
        if figures[name] is None:
            say(f"    accuracy, {words}: not known with fewer than 20 second reviews")
            continue
        low, high = figures[f"{name}_low"], figures[f"{name}_high"]
        say(
            f"    accuracy, {words:<9} {figures[name]:6.1%}   95 % interval {low:.1%} to {high:.1%}"
        )
    say(f"    the truth here      {truth:6.1%}")
    found, uniform = figures["errors_found"], figures["errors_found_uniform"]
    say(f"    overturns found {found}; as many audits picked at random: about {uniform:.0f}")


def secondlook(*words: str | Path, into: Path | None = None) -> None:
    """Run a command to its end, shown as one would type it.

    Raises
    ------
    subprocess.CalledProcessError
        If it ends with another status than 0.
    """
    typed = " ".join(str(word) for word in words)
    say(f"$ uv run secondlook {typed}" + (f" > {into}" if into else ""))
    done = subprocess.run(
        [sys.executable, "-m", "secondlook", *(str(word) for word in words)],
        stdout=subprocess.PIPE if into else None,
        check=True,
    )
    if into:
        into.write_bytes(done.stdout)


def tell(words: str) -> None:
    """Tell what a step does, and why."""
    say("\n" + textwrap.fill(words, width=100, subsequent_indent="    "))


def say(line: str) -> None:
    """Print a line before the next command prints its own."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _divide(folder: Path, *, seed: int) -> pd.DataFrame:
    """Write what is known before the day and the day itself; return what people find of it.

    All times are moved so that the simulated days end yesterday.
    """
    decisions, outcomes, truth = (
        pd.read_parquet(folder / "simulated" / f"{name}.parquet")
        for name in ("decisions", "outcomes", "truth")
    )
    midnight = decisions["decided_at"].max().normalize()
    moved = pd.Timestamp(datetime.now(UTC)).normalize() - pd.Timedelta(days=1) - midnight
    today = decisions["decided_at"] >= midnight
    decisions["decided_at"] += moved
    outcomes["audited_at"] += moved
    decisions[~today].to_parquet(folder / "earlier.parquet")
    decisions[today].to_parquet(folder / "today.parquet")
    outcomes.to_parquet(folder / "outcomes.parquet")
    return _findings(truth, decisions["action"], seed=seed).assign(today=today.to_numpy())


def _findings(truth: pd.DataFrame, action: pd.Series, *, seed: int) -> pd.DataFrame:
    """Return what is right of each decision, and what an auditor says of it."""
    wrong = truth["overturned"].to_numpy(dtype=bool)
    errs = np.random.default_rng(seed).random(len(truth)) > np.where(wrong, FOUND_WRONG, LEFT_RIGHT)
    overturn = np.where(action == "keep", "under_enforcement", "over_enforcement")
    mistake = np.where(wrong, "correct", overturn)
    audit = np.where(errs, mistake, truth["verdict"].to_numpy(dtype=object))
    table = {"wrong": wrong, "truth": truth["verdict"].to_numpy(dtype=object), "audit": audit}
    return pd.DataFrame(table, index=pd.Index(truth["decision_id"]))


def _disputed(day: Day) -> str:
    """Return an audited decision that is right and was overturned; else one that was overturned."""
    files = (day.folder / f"{name}-outcomes.csv" for name in ("morning", "afternoon"))
    audited = pd.concat([pd.read_csv(file) for file in files])
    audited = audited[
        (audited["source"] == "audit") & (audited["verdict"].str.contains("_en|_sel"))
    ]
    is_right = ~day.found["wrong"].loc[audited["decision_id"]].to_numpy()
    return str(audited["decision_id"].iloc[int(np.argmax(is_right))])


def main() -> int:
    """Live the day in a folder that is new or empty; exit status 0 if every step was done."""
    parser = argparse.ArgumentParser(description="A day in the life of an audit programme.")
    parser.add_argument("folder", type=Path, help="Where all files go; new or empty.")
    parser.add_argument("--seed", type=int, default=0, help="Another seed, another programme.")
    given = parser.parse_args()
    folder = given.folder
    if folder.exists() and any(folder.iterdir()):
        sys.stderr.write(f"a_day: {folder} holds something; expected a new or empty folder\n")
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    try:
        live(folder, seed=given.seed)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"a_day: the command above ended with status {error.returncode}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
