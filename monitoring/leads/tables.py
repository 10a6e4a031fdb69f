"""The leads as CSV files beside the page: shares 0 to 1 and unrounded, no text and no person."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from monitoring.exports import write_table
from monitoring.leads.found import Lead, Leads

LEADS_TABLE = "leads.csv"
NOTES_TABLE = "leads_noted.csv"
_COLUMNS = (
    *("lead", "kind", "next_step", "apart_from"),
    *("overturn_rate", "overturn_rate_low", "overturn_rate_high", "programme_overturn_rate"),
    *("confirming_decisions", "confirming_audits", "confirming_overturns"),
    *("decisions", "audits", "overturns", "errors", "errors_low", "errors_high"),
    *("harm", "share_of_decisions", "share_of_errors", "main_direction", "examples"),
)


def write_lead_tables(leads: Leads, folder: Path) -> list[Path]:
    """Write a row a lead, and a row for each cause, correction and reason noted of one.

    Parameters
    ----------
    folder
        Of the report; files of the same names are replaced.
    """
    rows = [_row(lead, leads) for lead in leads.leads]
    notes = [note for lead in leads.leads for note in _notes(lead)]
    return [
        write_table(pd.DataFrame(rows, columns=list(_COLUMNS)), folder / LEADS_TABLE),
        write_table(
            pd.DataFrame(notes, columns=["lead", "noted", "value", "times"]), folder / NOTES_TABLE
        ),
    ]


def _row(lead: Lead, leads: Leads) -> dict[str, object]:
    estimate = lead.estimate
    return {
        "lead": lead.name,
        "kind": lead.kind,
        "next_step": lead.next_step,
        "apart_from": lead.apart_in_words,
        "overturn_rate": estimate.overturn_rate,
        "overturn_rate_low": estimate.low,
        "overturn_rate_high": estimate.high,
        "programme_overturn_rate": leads.programme.overturn_rate,
        "confirming_decisions": estimate.decisions,
        "confirming_audits": estimate.audits,
        "confirming_overturns": estimate.overturns,
        "decisions": lead.decisions,
        "audits": lead.audits,
        "overturns": lead.overturns,
        "errors": lead.errors,
        "errors_low": lead.errors_low,
        "errors_high": lead.errors_high,
        "harm": lead.harm,
        "share_of_decisions": lead.share_of_decisions,
        "share_of_errors": lead.share_of_errors,
        "main_direction": lead.main_direction,
        "examples": " ".join(lead.evidence.examples),
    }


def _notes(lead: Lead) -> list[tuple[str, str, str, int]]:
    found = lead.evidence
    return [
        (lead.name, noted, value, times)
        for noted, values in (
            ("root_cause", found.root_causes),
            ("corrected_policy", found.corrected_policies),
            ("corrected_action", found.corrected_actions),
            ("reason", found.reasons),
        )
        for value, times in values
    ]
