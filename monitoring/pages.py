"""The pages of a report, from templates: self-contained, and safe whatever a label holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import jinja2
from markupsafe import Markup

from models.estimate import LEAST_EFFECTIVE_AUDITS
from monitoring import charts, wording
from monitoring.auditors import LEAST_REVIEWS
from monitoring.looks import LEAST_AUDITS
from monitoring.period import Period
from monitoring.record import ReportRecord
from monitoring.vega import chart, has_charts, write_charts_script, write_page_scripts
from monitoring.workload import LEAST_AUDITORS

PAGES = (
    ("index.html", "Overview"),
    ("policies.html", "Policies"),
    ("fairness.html", "Languages and groups"),
    ("leads.html", "Leads"),
    ("model.html", "Model"),
    ("drift.html", "Drift"),
    ("plan.html", "Plan"),
    ("auditors.html", "Auditors"),
    ("methods.html", "Methods"),
)
"""File and name of each page, in the order of the meeting; a report need not have all."""
MOST_ROWS = 200
"""Rows of a table on a page; its CSV holds all."""
MOST_LOOKS = 14
_UNBROKEN_PERCENT = "\N{NO-BREAK SPACE}%"
_NAVIGATION = Markup("<!-- navigation -->")


def make_environment() -> jinja2.Environment:
    """Return the templates, with all that is put into them escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for tool in (
        *(wording.percent, wording.between, wording.count, wording.plural, wording.words),
        *(
            wording.moment,
            wording.points,
            charts.axis,
            charts.whisker,
            charts.bar,
            charts.headline,
            charts.sparkline,
            chart,
        ),
    ):
        environment.globals[tool.__name__] = tool
    environment.globals |= {
        "span": wording.days,
        "standings": wording.STANDING_WORDS,
        "against_model": wording.AGAINST_MODEL_WORDS,
        "has_charts": has_charts,
        "most_rows": MOST_ROWS,
        "most_looks": MOST_LOOKS,
        "least_look": LEAST_AUDITS,
        "least_reviews": LEAST_REVIEWS,
        "least_auditors": LEAST_AUDITORS,
        "least_effective": LEAST_EFFECTIVE_AUDITS,
    }
    return environment


class Book:
    """The pages of one period, with what all of them say."""

    def __init__(self, folder: Path, *, period: Period, now: datetime) -> None:
        self.folder = folder
        self._texts: dict[str, str] = {}
        self.environment = make_environment()
        self._navigation = self.environment.get_template("navigation.html")
        write_page_scripts(folder)
        self.environment.globals |= {
            "decided": wording.days(period.decided_from, period.decided_until),
            "ranked": wording.days(period.ranked_from, period.ranked_until),
            "made": wording.moment(now),
            "written": self.has,
        }

    def write(self, name: str, **context: object) -> Path:
        """Write one page from the template of its name, and link it on those written before.

        Parameters
        ----------
        name
            Of the template, and of the file: ``leads.html``.
        context
            What the template reads; a name that it misses is an error.
        """
        text = self.environment.get_template(name).render(
            page=name, navigation=_NAVIGATION, **context
        )
        self._texts[name] = text.replace(" %", _UNBROKEN_PERCENT)
        if has_charts(text):
            write_charts_script(self.folder)
        linked = self._linked()
        for page, whole in self._texts.items():
            navigation = self._navigation.render(page=page, linked=linked)
            path = self.folder / page
            path.write_text(whole.replace(_NAVIGATION, navigation), encoding="utf-8")
        return self.folder / name

    def has(self, name: str) -> bool:
        """Tell whether a page stands in the folder; of a link, what follows ``#`` is left away."""
        name = name.partition("#")[0]
        return name in self._texts or (self.folder / name).is_file()

    def _linked(self) -> list[tuple[str, str]]:
        return [(file, title) for file, title in PAGES if self.has(file)]


def write_contents(folder: Path, reports: Sequence[ReportRecord]) -> Path:
    """Write the list of all reports, the latest first."""
    path = folder / "index.html"
    write_page_scripts(folder)
    text = make_environment().get_template("reports.html").render(page="", reports=reports)
    path.write_text(text, encoding="utf-8")
    return path
