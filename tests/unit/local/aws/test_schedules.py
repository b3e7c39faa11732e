"""Cron expressions of AWS."""

import datetime as dt

import pytest

from framesift_local.aws.records import Records
from framesift_local.aws.schedules import Cron, Schedule, ScheduleError, Scheduler
from framesift_local.commands.app import describe_schedules


def at(text):
    return dt.datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("expression", "moment", "expected"),
    [
        ("cron(0 0 * * ? *)", "2026-11-19T15:00:30+00:00", True),  # midnight in Seoul
        ("cron(0 0 * * ? *)", "2026-11-20T00:00:00+00:00", False),
        ("cron(0 12 ? * MON-FRI *)", "2026-11-20T12:00:00+09:00", True),  # a Friday
        ("cron(0 12 ? * SUN *)", "2026-11-20T12:00:00+09:00", False),
        ("cron(0/15 3,4 * NOV ? 2026)", "2026-11-20T04:45:00+09:00", True),
        ("cron(0/15 3,4 * NOV ? 2026)", "2026-11-20T04:46:00+09:00", False),
        ("cron(0 0 1 * ? *)", "2026-11-20T00:00:00+09:00", False),
    ],
)
def test_matches_in_its_zone(expression, moment, expected):
    assert Cron(expression, "Asia/Seoul").matches(at(moment)) is expected


@pytest.mark.parametrize("expression", ["cron(0 0 L * ? *)", "cron(0 0 * * ?)", "rate(1 day)", "cron(0 0 ? * 6#3 *)"])
def test_what_is_not_implemented_is_refused(expression):
    with pytest.raises(ScheduleError):
        Cron(expression, "Asia/Seoul")


def test_latest_looks_back_to_the_last_time():
    cron = Cron("cron(0 0,12 * * ? *)", "Asia/Seoul")
    until = at("2026-11-20T13:30:00+09:00")
    assert cron.latest(at("2026-11-20T00:00:00+09:00"), until) == at("2026-11-20T12:00:00+09:00")
    assert cron.latest(at("2026-11-20T12:00:00+09:00"), until) is None


class NoTargets:
    """Takes what a schedule starts."""

    def __init__(self):
        self.inputs = []

    def call(self, arn, text, name):
        self.inputs.append((arn, text))


@pytest.fixture
def scheduler(tmp_path):
    records = Records(tmp_path / "state.db")
    made = Scheduler(NoTargets(), records, clock=lambda: at("2026-11-20T13:30:00+09:00"), time_scale=1)
    target = {"Arn": "arn:state-machine", "Input": '{"source": "tiktok"}'}
    made.schedules.append(Schedule("daily", "arn", Cron("cron(0 0,12 * * ? *)", "Asia/Seoul"), target))
    yield made
    records.close()


def test_the_outlook_has_the_next_time_and_what_was_missed_before_the_first_start(scheduler):
    (outlook,) = scheduler.outlook()
    assert outlook.start == {"source": "tiktok"}
    assert outlook.next_at == at("2026-11-21T00:00:00+09:00")
    assert outlook.missed_at == at("2026-11-20T12:00:00+09:00")
    assert (outlook.next_at.tzname(), outlook.missed_at.tzname()) == ("KST", "KST")


def test_what_was_seen_before_has_missed_nothing_for_good(scheduler):
    assert scheduler.tick() == 0
    (outlook,) = scheduler.outlook()
    assert outlook.missed_at is None


def test_a_person_is_told_what_comes_next_and_how_to_do_what_was_missed(scheduler):
    lines = describe_schedules(scheduler.outlook(), enabled=True)
    assert lines[0].split() == ["next", "Sat", "00:00", "KST", "tiktok"]
    assert lines[1].startswith("Today's 12:00 run of tiktok was missed and is not started")
    assert "`framesift run tiktok`" in lines[1]
    assert len(lines) == 2
    assert describe_schedules(scheduler.outlook(), enabled=True, done={"tiktok"}) == lines[:1], "today is done"
    assert "off" in describe_schedules(scheduler.outlook(), enabled=False)[0]


def test_a_schedule_of_a_function_is_no_run_that_a_person_could_start(scheduler):
    function = "arn:aws:lambda:ap-northeast-2:123456789012:function:maintain"
    target = {"Arn": function, "Input": "{}"}
    scheduler.schedules[:] = [Schedule("hourly", "arn", Cron("cron(30 * * * ? *)", "Asia/Seoul"), target)]
    assert [line.split() for line in describe_schedules(scheduler.outlook(), enabled=True)] == [
        ["next", "Fri", "14:30", "KST", "maintenance", "of", "collections"]
    ]
