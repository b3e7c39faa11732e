"""EventBridge Scheduler: the template's schedules, fired by a clock of ours."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from botocore.exceptions import BotoCoreError, ClientError

from framesift_local.aws.events import Targets, is_retryable
from framesift_local.aws.records import Records

TICK_S = 1.0
_MINUTE = dt.timedelta(minutes=1)
_UNIVERSAL = "arn:aws:scheduler:::aws-sdk:sfn:startExecution"
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_NAMES = {
    "month": {name: number for number, name in enumerate(_MONTHS, start=1)},
    "weekday": {name: number for number, name in enumerate(_WEEKDAYS, start=1)},
}
_FIELDS = (
    ("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 1, 7),
    ("year", 1970, 2199),
)  # fmt: skip

Clock = Callable[[], dt.datetime]


class ScheduleError(ValueError):
    """A schedule's expression is not one that is implemented here."""


class Cron:
    """An expression `cron(minute hour day month weekday year)` of AWS in a time zone.

    Args:
        expression: With `*`, `?`, lists, ranges, steps and names; `L`, `W` and `#` are not implemented.
        timezone: IANA name.

    Raises:
        ScheduleError: It is not such an expression.
    """

    def __init__(self, expression: str, timezone: str) -> None:
        parts = expression.removeprefix("cron(").removesuffix(")").split()
        if not expression.startswith("cron(") or len(parts) != len(_FIELDS):
            raise ScheduleError(f"{expression!r} is not cron(minute hour day month weekday year).")
        self.zone = ZoneInfo(timezone)
        self._allowed = {
            name: _values(text, name, low, high) for text, (name, low, high) in zip(parts, _FIELDS, strict=True)
        }

    def matches(self, moment: dt.datetime) -> bool:
        """Return whether it fires in the minute of a moment."""
        local = moment.astimezone(self.zone)
        actual = {
            "minute": local.minute,
            "hour": local.hour,
            "day": local.day,
            "month": local.month,
            "weekday": local.isoweekday() % 7 + 1,
            "year": local.year,
        }
        return all(actual[name] in allowed for name, allowed in self._allowed.items())

    def latest(self, after: dt.datetime, until: dt.datetime) -> dt.datetime | None:
        """Return the last time that it fires in (after, until]; None when it does not.

        Searches at most two days back.
        """
        minute = until.replace(second=0, microsecond=0)
        earliest = max(after, until - dt.timedelta(days=2))
        while minute > earliest:
            if self.matches(minute):
                return minute
            minute -= _MINUTE
        return None

    def upcoming(self, after: dt.datetime) -> dt.datetime | None:
        """Return the first time after a moment that it fires, within eight days; None when it does not."""
        minute = after.replace(second=0, microsecond=0) + _MINUTE
        for _ in range(8 * 24 * 60):
            if self.matches(minute):
                return minute.astimezone(self.zone)
            minute += _MINUTE
        return None


def _values(text: str, name: str, low: int, high: int) -> set[int]:
    """Return the numbers that a field allows."""
    found: set[int] = set()
    for part in text.upper().split(","):
        span, _, step = part.partition("/")
        if span in {"*", "?"}:
            first, last = low, high
        else:
            start, dash, end = span.partition("-")
            first = _number(start, name)
            last = _number(end, name) if dash else (high if step else first)
        found.update(range(first, last + 1, int(step or 1)))
    return found


def _number(text: str, name: str) -> int:
    named = _NAMES.get(name, {})
    if text in named:
        return named[text]
    if not text.isdigit():
        raise ScheduleError(f"{text!r} is not implemented in a cron expression's {name}.")
    return int(text)


@dataclass(frozen=True)
class Schedule:
    """A schedule of the template; `target` as CloudFormation has it."""

    name: str
    arn: str
    cron: Cron
    target: Mapping[str, Any]


@dataclass(frozen=True)
class Outlook:
    """What a schedule will do.

    Attributes:
        name: The schedule's name.
        start: The input of the execution that it starts, or of the function that it calls.
        next_at: When it fires next, in its time zone; None: not within eight days.
        missed_at: When it was due today before it was first seen, which is not started late; None: it was not.
    """

    name: str
    start: Mapping[str, Any]
    next_at: dt.datetime | None
    missed_at: dt.datetime | None


class Scheduler:
    """Fires schedules.

    Args:
        targets: Calls what they aim at.
        records: Where the last time of each is kept.
        clock: Gives the present, with a time zone.
        time_scale: Factor on the waits between tries.
    """

    def __init__(self, targets: Targets, records: Records, *, clock: Clock, time_scale: float) -> None:
        self.schedules: list[Schedule] = []
        self._targets = targets
        self._records = records
        self._clock = clock
        self._time_scale = time_scale
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="scheduler")

    def start(self) -> None:
        """Begin to fire; what was missed today is started late, once."""
        self._thread.start()

    def stop(self) -> None:
        """Fire nothing more."""
        self._stopping.set()

    def outlook(self) -> list[Outlook]:
        """Return what each schedule will do; to be called before the first tick, which makes schedules known."""
        now = self._clock()
        return [
            Outlook(
                schedule.name,
                _execution_input(schedule.target),
                schedule.cron.upcoming(now),
                self._missed_before_first_seen(schedule, now),
            )
            for schedule in self.schedules
        ]

    def _missed_before_first_seen(self, schedule: Schedule, now: dt.datetime) -> dt.datetime | None:
        if self._records.get("schedule", "", schedule.name) is not None:
            return None
        missed = schedule.cron.latest(self._midnight(schedule, now), now)
        return missed.astimezone(schedule.cron.zone) if missed else None

    def tick(self) -> int:
        """Fire what is due now; return how many fired.

        A schedule that was missed while nothing ran fires late, once, with the time that it was due, when
        that was today in its time zone. What is seen for the first time has missed nothing.
        """
        now = self._clock()
        fired = 0
        for schedule in self.schedules:
            kept = self._records.get("schedule", "", schedule.name)
            if kept is None:
                self._keep(schedule, now)
                continue
            after = max(dt.datetime.fromisoformat(kept), self._midnight(schedule, now))
            due = schedule.cron.latest(after, now)
            if due is not None:
                # Started before it is kept: killed in between, it fires twice; a run is claimed once all the same.
                self._fire(schedule, due)
                fired += 1
                self._keep(schedule, due)
        return fired

    @staticmethod
    def _midnight(schedule: Schedule, now: dt.datetime) -> dt.datetime:
        """Return the last minute of the day before, in the schedule's time zone."""
        return now.astimezone(schedule.cron.zone).replace(hour=0, minute=0, second=0, microsecond=0) - _MINUTE

    def _keep(self, schedule: Schedule, moment: dt.datetime) -> None:
        self._records.put("schedule", "", schedule.name, moment.isoformat())

    def _run(self) -> None:
        while not self._stopping.is_set():
            # The server may be on its way down; the next start fires what was missed.
            with contextlib.suppress(ClientError, BotoCoreError):
                self.tick()
            self._stopping.wait(TICK_S)

    def _fire(self, schedule: Schedule, due: dt.datetime) -> None:
        """Call the target, again as the retry policy says; in the end its dead-letter queue."""
        scheduled_time = due.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        policy = schedule.target.get("RetryPolicy", {})
        attempts = 1 + int(policy.get("MaximumRetryAttempts", 185))
        oldest_s = float(policy.get("MaximumEventAgeInSeconds", 86_400)) * self._time_scale
        began = time.monotonic()
        for attempt in range(1, attempts + 1):
            variables = {
                "aws.scheduler.schedule-arn": schedule.arn,
                "aws.scheduler.scheduled-time": scheduled_time,
                "aws.scheduler.execution-id": str(uuid.uuid4()),
                "aws.scheduler.attempt-number": str(attempt),
            }
            text = schedule.target.get("Input", "{}")
            for name, value in variables.items():
                text = text.replace(f"<{name}>", value)
            try:
                self._call(schedule.target, text)
            except (ClientError, BotoCoreError, ValueError) as error:
                last = attempt == attempts or time.monotonic() - began > oldest_s
                if not last and is_retryable(error) and not self._stopping.is_set():
                    time.sleep(min(2**attempt, 60) * self._time_scale)
                    continue
                self._give_up(schedule, text, scheduled_time, error)
            return

    def _call(self, target: Mapping[str, Any], text: str) -> None:
        if target["Arn"] != _UNIVERSAL:
            self._targets.call(target["Arn"], text, str(uuid.uuid4()))
            return
        request = json.loads(text)
        self._targets.call(
            request["StateMachineArn"],
            request.get("Input", "{}"),
            request.get("Name") or str(uuid.uuid4()),
        )

    def _give_up(self, schedule: Schedule, text: str, scheduled_time: str, error: Exception) -> None:
        queue = schedule.target.get("DeadLetterConfig", {}).get("Arn")
        if queue is None:
            return
        attributes = {
            "SCHEDULE_ARN": schedule.arn,
            "SCHEDULED_TIME": scheduled_time,
            "TARGET_ARN": schedule.target["Arn"],
            "ERROR_MESSAGE": str(error),
        }
        self._targets.send_to_queue(queue, text, attributes)


def _execution_input(target: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input of the execution that a schedule's target starts."""
    request = json.loads(target.get("Input", "{}"))
    if target["Arn"] == _UNIVERSAL:
        request = json.loads(request.get("Input", "{}"))
    return request if isinstance(request, dict) else {}
