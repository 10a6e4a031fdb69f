"""The commands of the QA lead: drift, quality, and the report."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from commands.options import DEFAULT_HOME, HomeOption, SinceOption, UntilOption, out, utc
from features.home import open_home


def monitor(
    home: HomeOption = DEFAULT_HOME, since: SinceOption = None, until: UntilOption = None
) -> None:
    """Measure drift and quality of what was ranked."""
    from monitoring.monitor import monitor as run

    result = run(open_home(home), since=utc(since), until=utc(until), now=datetime.now(UTC))
    out.print_json(json.dumps(result.document()))


def report(
    home: HomeOption = DEFAULT_HOME, since: SinceOption = None, until: UntilOption = None
) -> None:
    """Write the QA lead's report; it opens offline."""
    from monitoring.report import write_report

    page = write_report(open_home(home), since=utc(since), until=utc(until), now=datetime.now(UTC))
    out.print(f"Report: {page.as_uri()}")
