"""Messages that wait to be sent, kept in a file of the home until they are taken.

A message is written down before the alarm counts as told, and struck out once the receiver has
answered 2xx. So a run that dies, or a receiver that is down, delays a message and never loses it;
it may come twice, with the same id.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from features.errors import HomeError
from features.standing_alarms import Changes, Standing
from monitoring.alarms.webhook import Post

BEGUN, ENDED = "alarm.begun", "alarm.ended"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent of one alarm.

    Attributes
    ----------
    id
        The same for the same alarm, beginning and event.
    event
        ``alarm.begun`` or ``alarm.ended``.
    at
        When monitoring saw it.
    standing
        The alarm with its times.
    """

    id: str
    event: str
    at: datetime
    standing: Standing

    def post(self) -> Post:
        """Return it as it is sent."""
        alarm = self.standing.alarm
        document = {
            "format": _FORMAT,
            "id": self.id,
            "event": self.event,
            "at": self.at,
            "first_seen": self.standing.first_seen,
            "ended": self.standing.ended,
            "alarm": msgspec.to_builtins(alarm),
        }
        return Post(self.id, msgspec.json.encode(document))


def messages_of(changes: Changes, *, now: datetime) -> tuple[Message, ...]:
    """Return what a look has to tell: what began, and what is over."""
    begun = (_message(BEGUN, each, now) for each in changes.begun)
    return (*begun, *(_message(ENDED, each, now) for each in changes.over))


def _message(event: str, standing: Standing, now: datetime) -> Message:
    named = f"{event}|{standing.alarm.key}|{standing.first_seen.isoformat()}"
    return Message(hashlib.sha256(named.encode()).hexdigest()[:32], event, now, standing)


class Outbox:
    """The messages that wait, oldest first.

    Parameters
    ----------
    path
        Of the file; it is made when it is first needed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def waiting(self) -> tuple[Message, ...]:
        """Return what waits.

        Raises
        ------
        HomeError
            If the file is damaged.
        """
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=tuple[Message, ...])
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.DecodeError) as error:
            raise HomeError(
                f"outbox {str(self.path)!r}: cannot be read: {error}; move it away, and what "
                "waited in it is not sent"
            ) from error

    def add(self, messages: tuple[Message, ...]) -> None:
        """Write messages down, but for those that wait already."""
        waiting = self.waiting()
        told = {(each.event, each.standing.alarm.key) for each in waiting}
        new = [m for m in messages if (m.event, m.standing.alarm.key) not in told]
        if new:
            self._write((*waiting, *new))

    def send_all(self, send: Callable[[Post], str | None]) -> Delivery:
        """Send what waits, oldest first; the first that is not taken ends the run.

        Parameters
        ----------
        send
            Returns null where a message was taken, else why not.
        """
        waiting, sent, failure = self.waiting(), 0, None
        for message in waiting:
            failure = send(message.post())
            if failure is not None:
                break
            sent += 1
            self._write(waiting[sent:])
        return Delivery(sent, len(waiting) - sent, failure)

    def _write(self, messages: tuple[Message, ...]) -> None:
        beside = self.path.with_name(f".{self.path.name}.part")
        try:
            with beside.open("wb") as file:
                file.write(msgspec.json.encode(messages))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            raise HomeError(
                f"outbox {str(self.path)!r}: cannot be written: {error.strerror}"
            ) from error


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the messages of a run.

    Attributes
    ----------
    sent, waiting
        Counts; what waits is tried again at the next run.
    failure
        Why the first that was not taken was not; null where all were.
    """

    sent: int = 0
    waiting: int = 0
    failure: str | None = None
