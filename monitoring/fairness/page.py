"""The page of languages and groups: where moderation, or the model, treats some unlike others."""

from __future__ import annotations

from pathlib import Path

from monitoring.fairness.at_cut import LEAST_SEEN
from monitoring.fairness.chart import chart_height, chart_words, directions_chart, drawn_groups
from monitoring.fairness.found import Fairness
from monitoring.fairness.said import findings_of, least_visible, sayings_of, signed_points
from monitoring.fairness.tables import DIFFERENCES_TABLE, MODEL_TABLE, MODERATION_TABLE
from monitoring.pages import Book

LEAST_DRAWN = 2
"""Groups with enough audits that a chart needs."""


def write_fairness(book: Book, found: Fairness) -> Path:
    """Write the page.

    Parameters
    ----------
    book
        Of the period; the tables of `monitoring.fairness.tables` belong into its folder.

    Returns
    -------
    Path
        Of ``fairness.html``.
    """
    findings, untold = findings_of(found)
    return book.write(
        "fairness.html",
        fairness=found,
        findings=findings,
        untold=untold,
        charts={
            each.column: (directions_chart(each, found), chart_words(each), chart_height(each))
            for each in found.comparisons
            if len(drawn_groups(each)) >= LEAST_DRAWN
        },
        visible={each.column: least_visible(each.groups) for each in found.comparisons},
        sayings_of=sayings_of,
        signed_points=signed_points,
        least_seen=LEAST_SEEN,
        files=(MODERATION_TABLE, MODEL_TABLE, DIFFERENCES_TABLE),
    )
