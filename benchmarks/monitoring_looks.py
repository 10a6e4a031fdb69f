"""What each monitoring system says of watched days, day by day, each with what had arrived by then.

Second Look looks 23 hours after a day ended: the day is ranked, and half of its audits are done.
Evidently compares each day's inputs with the model's training profile by its ``DataDriftPreset`` as
it comes. NannyML judges each day against the 30 watched days before the change, in an environment
of its own; it is given the audits of a day as soon as the second half is done. An alert is a name
and the watched days, from 1, at whose looks it stands.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks.monitoring_programme import LOOKED_AFTER, Programme, RankedDay
from features.contract import DIRECTIONS
from monitoring.alarms.find import find_alarms
from monitoring.alarms.limits import AlarmLimits
from monitoring.alarms.watched import Watched as AlarmsWatched
from monitoring.drift.counted import DayCounts, count_days
from monitoring.drift.measure import judge_days
from monitoring.drift.reference import reference_of
from monitoring.ranked import Ranked, join_ranked, latest_findings, ranked_of
from monitoring.recalibrated import Recalibrated

with warnings.catch_warnings():
    # Evidently reaches for a name that numpy has moved; only its import says so.
    warnings.simplefilter("ignore", DeprecationWarning)
    from evidently import Dataset, Report
    from evidently.presets import DataDriftPreset

RIVAL = Path(__file__).with_name("nannyml_rival.py")
NANNYML = ("uv", "run", "--isolated", "--no-project", "--with", "nannyml==0.13.1")
DATASET = "dataset"
_SAMPLED_A_DAY = 5_000
_DATASET_SHARE = 0.5

Days = Sequence[RankedDay]


@dataclass(frozen=True, slots=True)
class Alerts:
    """What one system said of one run.

    Attributes
    ----------
    days
        Watched days at whose looks an alert stood, by its name.
    seconds
        That the looks took.
    """

    days: Mapping[str, tuple[int, ...]]
    seconds: float


@dataclass(slots=True)
class _Heard:
    """Alerts as they come."""

    days: dict[str, list[int]] = field(default_factory=dict)
    began: float = field(default_factory=time.perf_counter)

    def add(self, name: str, day: int) -> None:
        standing = self.days.setdefault(name, [])
        if day not in standing:
            standing.append(day)

    def end(self) -> Alerts:
        days = {name: tuple(sorted(days)) for name, days in self.days.items()}
        return Alerts(days, time.perf_counter() - self.began)


@dataclass(frozen=True, slots=True)
class OurLooks:
    """Second Look as its commands run: alarms with default limits over all that was watched.

    Attributes
    ----------
    programme
        That is watched.
    counted
        Days that were counted for drift, by day and the fingerprint of its features: a run shares
        the days before its change with the others.
    """

    programme: Programme
    counted: dict[tuple[int, int], tuple[DayCounts, ...]] = field(default_factory=dict)

    def __call__(
        self, days: Days, first: int, enough: Callable[[str, int], bool] = lambda *_: False
    ) -> Alerts:
        """Look at each watched day from `first` on, until an alert on a day is `enough`."""
        heard, whole = _Heard(), joined(days)
        reference, counts = reference_of(self.programme.bundle.profile), self._counts(days)
        for number in range(first, len(days) + 1):
            ended = self.programme.world.start_of(days[number - 1].day + 1)
            now = ended + LOOKED_AFTER
            period = Recalibrated(as_of(whole, now))
            drift = judge_days(reference, [each for day in counts[:number] for each in day])
            watched = AlarmsWatched(recalibrated=period, drift=drift)
            alarms = find_alarms(watched, AlarmLimits(), now=now.to_pydatetime())
            for alarm in alarms:
                heard.add(alarm.key, number)
            if any(enough(alarm.key, number) for alarm in alarms):
                break
        return heard.end()

    def _counts(self, days: Days) -> list[tuple[DayCounts, ...]]:
        reference = reference_of(self.programme.bundle.profile)
        found = []
        for day in days:
            sample = _sampled(day)
            key = (day.day, int(pd.util.hash_pandas_object(sample, index=False).sum()))
            if key not in self.counted:
                self.counted[key] = count_days(reference, sample)
            found.append(self.counted[key])
        return found


@dataclass(frozen=True, slots=True)
class EvidentlyLooks:
    """Evidently's drift preset with its own tests and thresholds, one day at a time.

    Attributes
    ----------
    profile
        The model's training profile.
    judged
        Columns that were judged, by name, day and content: a run changes only some of them.
    """

    profile: pd.DataFrame
    judged: dict[tuple[str, int, int], bool] = field(default_factory=dict)

    def __call__(self, days: Days, first: int) -> Alerts:
        """Look at each watched day from `first` on."""
        heard = _Heard()
        for number in range(first, len(days) + 1):
            drifted = self._drifted(days[number - 1])
            for name in (column for column, hit in drifted.items() if hit):
                heard.add(name, number)
            if np.mean(list(drifted.values())) >= _DATASET_SHARE:
                heard.add(DATASET, number)
        return heard.end()

    def _drifted(self, day: RankedDay) -> dict[str, bool]:
        frame, old = day.features, self.profile
        names = [
            str(n) for n in old if n in frame and old[n].notna().any() and frame[n].notna().any()
        ]
        keys = {name: (name, day.day, _content(frame[name])) for name in names}
        new = [name for name in names if keys[name] not in self.judged]
        if new:
            for name, hit in preset_verdicts(old[new], frame[new]).items():
                self.judged[keys[name]] = hit
        return {name: self.judged[keys[name]] for name in names}


def preset_verdicts(reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, bool]:
    """Return which columns drifted by Evidently's ``DataDriftPreset`` as it comes.

    Its tests depend on a column alone, so that columns may be judged in parts.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> old = pd.DataFrame({"views": rng.normal(size=2_000), "skips": rng.normal(size=2_000)})
    >>> preset_verdicts(old, old.assign(skips=old["skips"] + 1))
    {'views': False, 'skips': True}
    """
    sides = (Dataset.from_pandas(side.reset_index(drop=True)) for side in (current, reference))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of its own dependencies, at every call
        told = Report([DataDriftPreset(columns=list(reference))]).run(*sides).dict()
    verdicts = {}
    for metric in told["metrics"]:
        if metric["config"]["type"].endswith(":ValueDrift"):
            verdicts[metric["config"]["column"]] = _drifts(metric)
    return verdicts


def _drifts(metric: Mapping[str, object]) -> bool:
    """Read a verdict: a p-value drifts below its threshold, a distance from it on."""
    config, value = metric["config"], metric["value"]
    assert isinstance(config, dict)
    assert isinstance(value, float)
    limit = float(config["threshold"])
    return bool(value < limit if "p_value" in config["method"] else value >= limit)


def nannyml_looks(days: Days) -> Alerts:
    """Let NannyML judge the days, in an environment of its own.

    Its alerts are named ``drift COLUMN``, ``target overturned``, ``estimated METRIC`` and
    ``realised METRIC``. What needs audits is told a day later, when all of the day are done.
    """
    heard = _Heard()
    with TemporaryDirectory() as folder:
        source, target = Path(folder) / "days.parquet", Path(folder) / "alerts.json"
        for_nannyml(days).to_parquet(source)
        environment = {**os.environ, "NML_DISABLE_USAGE_LOGGING": "1"}
        command = (*NANNYML, "--with", "statsmodels", "python", str(RIVAL), str(source))
        subprocess.run(  # noqa: S603
            [*command, str(target)], check=True, cwd=folder, env=environment, capture_output=True
        )
        found = json.loads(target.read_text(encoding="utf-8"))
    heard.began = time.perf_counter() - sum(found.pop("seconds").values())
    for kind, by_name in found.items():
        later = int(kind in ("target", "realised"))
        for name, alerted in by_name.items():
            for day in alerted:
                if day + later <= len(days):
                    heard.add(f"{kind} {name}", day + later)
    return heard.end()


def for_nannyml(days: Days) -> pd.DataFrame:
    """Return the days as its script reads them, columns that are never known left out."""
    verdicts = pd.concat([day.audits for day in days]).set_index("decision_id")["verdict"]
    parts = []
    for day in days:
        verdict = verdicts.reindex(day.decisions["decision_id"])
        wrong = verdict.isin(DIRECTIONS).astype(float).where(verdict.notna())
        at = day.decisions["decided_at"].dt.tz_localize(None)
        parts.append(day.features.assign(overturned=wrong.to_numpy(), at=at.to_numpy()))
    frame = pd.concat(parts, ignore_index=True)
    return frame.loc[:, frame.notna().any().to_numpy()]


def joined(days: Days) -> Ranked:
    """Return the days as `monitoring.ranked` has them, with all audits there will be, and when."""
    offers, decisions, audits = (
        pd.concat([getattr(day, part) for day in days], ignore_index=True)
        for part in ("offers", "decisions", "audits")
    )
    numbered = offers.assign(selection_id=np.arange(len(offers)))
    ranked = join_ranked(numbered, decisions, audits)
    when = latest_findings(audits, "audit").set_index("decision_id")["audited_at"]
    at = when.reindex(ranked.table["decision_id"]).to_numpy()
    return replace(ranked, table=ranked.table.assign(audited_at=pd.to_datetime(at, utc=True)))


def as_of(whole: Ranked, now: pd.Timestamp) -> Ranked:
    """Return what was ranked by a moment, with the audits that had arrived by then."""
    table = whole.table
    if not (table["selected_at"] <= now).all():
        table = table[table["selected_at"] <= now].reset_index(drop=True)
    known = table["audited"].to_numpy(dtype=bool) & (table["audited_at"] <= now).to_numpy()
    masked = table.assign(
        audited=known,
        verdict=table["verdict"].where(known),
        audited_at=table["audited_at"].where(known),
        overturned=table["overturned"].where(known),
    )
    return ranked_of(masked)


def _sampled(day: RankedDay) -> pd.DataFrame:
    frame = day.features.assign(
        policy=day.decisions["policy"], day=f"{day.decisions['decided_at'].iloc[0]:%Y-%m-%d}"
    )
    if len(frame) <= _SAMPLED_A_DAY:
        return frame
    chosen = np.random.default_rng(day.day).choice(len(frame), _SAMPLED_A_DAY, replace=False)
    return frame.iloc[np.sort(chosen)].reset_index(drop=True)


def _content(column: pd.Series) -> int:
    return int(pd.util.hash_pandas_object(column, index=False).sum())
