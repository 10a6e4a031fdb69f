"""The command that shows the main job end to end."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Annotated

import typer

from commands.options import DEFAULT_HOME, HomeOption, MappingOption, out, step


def demo(
    home: HomeOption = DEFAULT_HOME,
    decisions: Annotated[
        Path | None, typer.Option(help="Your own decisions, CSV or Parquet.")
    ] = None,
    outcomes: Annotated[Path | None, typer.Option(help="Their outcomes, CSV or Parquet.")] = None,
    mapping: MappingOption = None,
    days: Annotated[int, typer.Option(min=5, help="Days to simulate.")] = 31,
    decisions_per_day: Annotated[int, typer.Option(min=500, help="Decisions a day.")] = 8_000,
    seed: Annotated[int, typer.Option(help="Another seed, another world.")] = 0,
    port: Annotated[
        int | None, typer.Option(help="Port of the service; default: a free one.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End after the summary.")] = False,
    summary: Annotated[Path | None, typer.Option(help="Write the figures here as JSON.")] = None,
) -> None:
    """Show the main job end to end, on a simulated month or on your own files."""
    if (decisions is None) != (outcomes is None):
        raise typer.BadParameter("give --decisions and --outcomes together, or neither")
    from demonstration import (
        Material,
        demonstrate,
        own_material,
        print_findings,
        simulated_material,
    )

    def material() -> Material:
        if decisions is not None and outcomes is not None:
            return own_material(decisions, outcomes, mapping=mapping)
        return simulated_material(days=days, decisions_per_day=decisions_per_day, seed=seed)

    with demonstrate(home, material, port=port, tell=step) as findings:
        print_findings(findings, out)
        out.print(f"\nReport    {findings.report.as_uri()}")
        out.print(
            f"MLflow    uv run mlflow ui --backend-store-uri sqlite:///{home.resolve()}/mlflow.db"
        )
        if summary is not None:
            summary.parent.mkdir(parents=True, exist_ok=True)
            summary.write_text(json.dumps(findings.summary, indent=2) + "\n", encoding="utf-8")
        if once:
            return
        out.print(f"API page  {findings.url}/v1/docs")
        out.print(f"Reports   {findings.url}/reports/")
        out.print(f"Admin key {findings.key}  (shown once; for a browser it is the password)")
        out.print("Serving until Ctrl-C.")
        _wait_for_interrupt()


def _wait_for_interrupt() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        out.print("Stopped.")
