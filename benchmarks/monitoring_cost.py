"""What ``secondlook monitor`` and ``report`` cost on a home of so many ranked decisions.

Each command runs in a process of its own. ``monitor`` runs a second time after the report: it finds
every day counted already.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.monitoring_home import make_ranked_home
from monitoring.alarms.alarm import ALARM_STANDS

STEPS = {"monitor": "monitor", "report": "report", "monitor_again": "monitor"}
_KIB = 1024
_LAUNCHER = """\
import json, os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), time.perf_counter() - began,
                  used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""
# A process counts as large as the one that started it, so that a small one starts it.


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took.

    Attributes
    ----------
    seconds, cpu_seconds
        Elapsed, and of all threads together.
    peak_mb
        Largest resident memory, in MiB.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float


def measure_process(command: list[str], *, allowed: tuple[int, ...] = (0,)) -> Cost:
    """Run a command and return what it took.

    Raises
    ------
    RuntimeError
        If its exit status is none of those allowed.

    Examples
    --------
    >>> cost = measure_process([sys.executable, "-c", "kept = bytearray(50_000_000)"])
    >>> cost.seconds > 0, 48 < cost.peak_mb < 200
    (True, True)
    """
    launcher = [sys.executable, "-c", _LAUNCHER, *command]
    told = subprocess.run(launcher, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    status, seconds, cpu, peak = json.loads(told.stdout)
    if status not in allowed:
        raise RuntimeError(f"{' '.join(command)}: exit status {status}")
    return Cost(seconds, cpu, peak / _KIB)


def measure_home(home: Path) -> dict[str, dict[str, float]]:
    """Monitor a home and write its report; an alarm that stands is no failure."""
    front = [sys.executable, "-m", "secondlook"]
    return {
        step: asdict(
            measure_process([*front, command, "--home", str(home)], allowed=(0, ALARM_STANDS))
        )
        for step, command in STEPS.items()
    }


def measure_rows(rows: int) -> dict[str, dict[str, float]]:
    """Make a home of so many ranked decisions, and measure it."""
    with TemporaryDirectory() as folder:
        home = make_ranked_home(Path(folder) / "home", rows=rows)
        return measure_home(home.path)
