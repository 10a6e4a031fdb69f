"""Telling alarms: the record that pages and the service read, and the webhook."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from features.home import Home
from features.standing_alarms import Alarm, AlarmRecord, look_again, read_alarms, write_alarms
from monitoring.alarms.limits import Webhook
from monitoring.alarms.outbox import Delivery, Outbox, messages_of
from monitoring.alarms.webhook import Courier, open_target


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a look's alarms.

    Attributes
    ----------
    record
        What stands, with first seen, and what has ended lately.
    begun, over
        How many this look saw first, and found gone.
    delivery
        Of messages; nothing where no webhook is declared.
    """

    record: AlarmRecord
    begun: int
    over: int
    delivery: Delivery


def outbox_of(home: Home) -> Outbox:
    """Return the messages of a home that wait."""
    return Outbox(home.path / "alarm-messages.json")


def tell_alarms(
    home: Home,
    alarms: Iterable[Alarm],
    webhook: Webhook,
    *,
    now: datetime,
    courier: Courier | None = None,
) -> Told:
    """Write down what stands, and post what began and what is over.

    The messages are written down before the record, and the record before they are sent: whatever
    fails in between, the next run tells what this one could not.

    Parameters
    ----------
    courier
        That sends the messages; null = the usual one.

    Raises
    ------
    SettingsError
        If the webhook cannot be used; the record is written before.
    HomeError
        If record or outbox cannot be read or written.
    """
    changes = look_again(read_alarms(home.standing_alarms_file), alarms, now=now)
    outbox = outbox_of(home)
    if webhook.url is not None:
        outbox.add(messages_of(changes, now=now))
    write_alarms(home.standing_alarms_file, changes.record)
    delivery = _deliver(outbox, webhook, home.path, courier or Courier())
    return Told(changes.record, len(changes.begun), len(changes.over), delivery)


def _deliver(outbox: Outbox, webhook: Webhook, home: Path, courier: Courier) -> Delivery:
    target = open_target(webhook, home)
    if target is None:
        return Delivery()
    return outbox.send_all(lambda post: courier.send(target, post))
