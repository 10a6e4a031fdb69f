"""The page of leads: a chart of their rates, a table, and a card each, most harm first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monitoring.interval_chart import interval_chart, interval_height
from monitoring.leads.conditions import FEWEST_MODERATORS
from monitoring.leads.found import Lead, Leads
from monitoring.leads.tables import LEADS_TABLE, NOTES_TABLE
from monitoring.pages import Book
from monitoring.wording import between, count, percent


def write_leads(book: Book, leads: Leads) -> Path:
    """Write the page.

    Parameters
    ----------
    book
        Of the period; the tables of `monitoring.leads.tables` belong into its folder.

    Returns
    -------
    Path
        Of ``leads.html``.
    """
    return book.write(
        "leads.html",
        leads=leads,
        rates=rates_chart(leads),
        rates_words=chart_words(leads),
        rates_height=interval_height(len(leads.leads)),
        fewest=FEWEST_MODERATORS,
        files=(LEADS_TABLE, NOTES_TABLE),
    )


def rates_chart(leads: Leads) -> dict[str, Any]:
    """Return a Vega-Lite specification of the rate of each lead beside the programme's."""
    return interval_chart(
        [_value(lead) for lead in leads.leads],
        reference=leads.programme.overturn_rate,
        title="Wrong decisions",
        tooltip={
            "name": "Lead",
            "said": "Overturn rate",
            "interval": "95 % interval",
            "n": "n",
        },
    )


def chart_words(leads: Leads) -> str:
    """Return what the chart shows, for those who do not see it."""
    rows = "; ".join(
        f"{lead.name}: {percent(lead.estimate.overturn_rate)} "
        f"({between(lead.estimate.low, lead.estimate.high)})"
        for lead in leads.leads
    )
    programme = percent(leads.programme.overturn_rate)
    return f"Overturn rate of each lead; the programme stands at {programme}. {rows}"


def _value(lead: Lead) -> dict[str, object]:
    estimate = lead.estimate
    return {
        "name": lead.name,
        "figure": estimate.overturn_rate,
        "low": estimate.low,
        "high": estimate.high,
        "said": percent(estimate.overturn_rate),
        "interval": between(estimate.low, estimate.high),
        "n": f"{count(estimate.decisions)} decisions, {count(estimate.audits)} audits",
    }
