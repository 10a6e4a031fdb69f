"""The commands of who leads the auditors: golden set, calibration sessions, third looks, skill."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from commands.options import DEFAULT_HOME, HomeOption, SinceOption, UntilOption, out, utc
from features.home import Home, open_home
from features.pseudonym import pseudonym

if TYPE_CHECKING:
    import pandas as pd

    from models.agreement import AlphaInterval
    from models.auditor_skill import Figure, OwnSkill, Skills
    from models.calibration_session import CalibrationSession
    from models.sampling_key import SamplingKey

ToOption = Annotated[Path, typer.Option("--to", help="Where the table goes, CSV or Parquet.")]


def golden(to: ToOption, home: HomeOption = DEFAULT_HOME) -> None:
    """List the golden items: decisions whose verdict is agreed, and which of them can be used.

    Agreed is what two people found alike, and what a panel settled in golden.csv of the home.
    """
    from features.files import write_table
    from features.golden_panel import read_panel
    from features.store import open_store
    from models.golden import agree_verdicts, judge_items

    opened = open_home(home)
    store = open_store(opened.store_url())
    outcomes = store.outcomes()
    agreed = agree_verdicts(outcomes, read_panel(opened))
    items = judge_items(agreed, store.decisions(), outcomes, now=datetime.now(UTC))
    write_table(items, to)
    states = ", ".join(
        f"{count:,} {state}" for state, count in items["state"].value_counts().items()
    )
    out.print(f"{len(items):,} golden items{': ' + states if states else ''}: {to}")


def calibration(
    home: HomeOption = DEFAULT_HOME,
    since: SinceOption = None,
    until: UntilOption = None,
    draw: Annotated[
        int | None, typer.Option(min=1, help="Draw so many decisions for a session; needs --to.")
    ] = None,
    name: Annotated[
        str, typer.Option(help="Of the session: the same name draws the same decisions.")
    ] = "",
    to: Annotated[Path | None, typer.Option("--to", help="Where the drawn decisions go.")] = None,
) -> None:
    """Tell how far people agreed in a calibration session, or draw the decisions for one.

    Ratings are outcomes with the source `calibration`, of a period; they count for nobody's skill.
    """
    from features.store import open_store
    from models.calibration_session import measure_session

    opened = open_home(home)
    store = open_store(opened.store_url())
    if draw is None:
        tell_session(measure_session(store.outcomes(since=utc(since), until=utc(until))))
    else:
        decisions = store.decisions(since=utc(since), until=utc(until))
        _draw_session(decisions, oldest_key(opened), size=draw, name=name, to=to)


def _draw_session(
    decisions: pd.DataFrame, key: SamplingKey, *, size: int, name: str, to: Path | None
) -> None:
    from features.errors import SettingsError
    from features.files import write_table
    from models.calibration_session import choose_for_session

    if to is None:
        raise SettingsError("calibration: --draw without --to; say where the decisions go")
    ids, policy = (decisions[each].to_numpy(dtype=object) for each in ("decision_id", "policy"))
    chosen = choose_for_session(ids, policy, size=size, name=name, key=key)
    drawn = decisions[decisions["decision_id"].isin(chosen)][["decision_id", "policy"]]
    write_table(drawn, to)
    out.print(f"{len(drawn):,} decisions for a session: {to}")


def third_looks(to: ToOption, home: HomeOption = DEFAULT_HOME) -> None:
    """List the second reviews that a third person should look at, blind, to grade the reviewers.

    Send what they find as outcomes with the source `review` and the other columns of this list.
    """
    from features.files import write_table
    from features.store import open_store
    from models.third_look_list import draw_third_looks

    opened = open_home(home)
    listed = draw_third_looks(open_store(opened.store_url()).outcomes(), oldest_key(opened))
    write_table(listed, to)
    out.print(f"{len(listed):,} reviews to look at again: {to}")


def skill(
    home: HomeOption = DEFAULT_HOME,
    auditor: Annotated[
        str | None, typer.Option(help="Whose own figures: theirs to see, and yours if they ask.")
    ] = None,
    with_ids: Annotated[
        bool, typer.Option("--with-ids", help="Everybody by id, for who may see it; needs --to.")
    ] = False,
    to: Annotated[Path | None, typer.Option("--to", help="Where everybody's figures go.")] = None,
) -> None:
    """Tell how right auditors are: how it is spread, or one person's own figures."""
    from features.errors import SettingsError
    from features.files import write_table

    opened = open_home(home)
    skills = _skills(opened)
    if with_ids:
        if to is None:
            raise SettingsError("skill: --with-ids without --to; say where the table goes")
        write_table(skills.individuals(with_ids=True), to)
        out.print(f"{len(skills.evidence.auditors):,} auditors: {to}")
    elif auditor is not None:
        key = opened.pseudonym_key()
        tell_own(skills.own(auditor if key is None else pseudonym(auditor, key)))
    else:
        tell_spread(skills)


def _skills(home: Home) -> Skills:
    from features.errors import EstimateError
    from features.golden_panel import read_panel
    from features.store import open_store
    from monitoring.auditor_skill import Judgements, skills_of
    from monitoring.kept.days import first_whole_day
    from monitoring.ranked import read_history
    from monitoring.recalibrated import recalibrated_frame

    store = open_store(home.store_url())
    history = read_history(store, since=first_whole_day(store))
    frame = recalibrated_frame(history.ranked, history.earlier)
    judged = Judgements(history.decisions, history.outcomes, history.outcomes, read_panel(home))
    found = skills_of(frame, history.ranked.table["decision_id"].to_numpy(dtype=object), judged)
    if found is None:
        raise EstimateError(
            "skill: there is neither a second review nor an answer on a golden item; review audits "
            "first (`secondlook reviews`)"
        )
    return found


def oldest_key(home: Home) -> SamplingKey:
    """Return the oldest sampling key that is kept, so that a rotation draws nothing anew."""
    from models.sampling_key import SamplingKey

    secrets = home.secrets()
    for name, secret in secrets.retired.items():
        return SamplingKey(name, secret)
    return SamplingKey(secrets.key_id, secrets.sampling)


def tell_session(session: CalibrationSession) -> None:
    """Print what a session found: agreement, and where people differ; decisions by id."""
    out.print(
        f"{session.people:,} people, {session.decisions:,} decisions, {session.ratings:,} ratings "
        f"({session.finished:.0%} of all); pairs of people agree on {session.agreement:.1%}"
    )
    out.print(f"Alpha of the verdict {_alpha(session.alpha)}")
    out.print(f"Alpha of overturned or not {_alpha(session.overturn_alpha)}")
    if session.confused:
        table = Table("verdict", "taken for", "pairs")
        for pair in session.confused:
            table.add_row(pair.one, pair.other, f"{pair.share:.1%}")
        out.print(table)
    if session.disputed:
        table = Table("decision", "ratings", "pairs that differ", "verdicts")
        for each in session.disputed:
            words = ", ".join(f"{name} {count}" for name, count in each.verdicts)
            table.add_row(
                escape(each.decision_id), f"{each.ratings}", f"{each.differing:.0%}", words
            )
        out.print(table)


def tell_own(own: OwnSkill | None) -> None:
    """Print a person's own figures."""
    if own is None:
        out.print("Nothing is known yet: no review of their audits, and no golden answer.")
        return
    out.print(f"{own.reviews:,} reviewed audits, {own.golden:,} golden answers")
    out.print(f"Wrong decisions overturned: {_figure(own.sensitivity)}")
    out.print(f"Right decisions upheld: {_figure(own.specificity)}")


def tell_spread(skills: Skills) -> None:
    """Print how both rates are spread over people."""
    from monitoring.auditor_skill import SENSITIVITY_FLOOR, SPECIFICITY_FLOOR

    table = Table("rate", "people", "mean", "eight in ten", "clearly below the floor")
    for each in skills.spread(
        sensitivity_floor=SENSITIVITY_FLOOR, specificity_floor=SPECIFICITY_FLOOR
    ):
        if each.clearly_below is None:
            table.add_row(each.of, f"{each.people}", "too few people to tell", "-", "-")
            continue
        below = f"{each.clearly_below} of {each.floor:.0%}"
        table.add_row(
            *(each.of, f"{each.people}", f"{each.mean:.1%}"),
            *(f"{each.lower:.1%} to {each.upper:.1%}", below),
        )
    out.print(table)


def _alpha(found: AlphaInterval) -> str:
    if found.alpha != found.alpha:
        return "is not defined: only one was ever given"
    return f"{found.alpha:.2f} ({found.low:.2f} to {found.high:.2f})"


def _figure(figure: Figure) -> str:
    if figure.needed:
        return f"needs about {figure.needed} more golden items"
    return f"{figure.rate:.1%} ({figure.low:.1%} to {figure.high:.1%}), drawn towards all"
