"""Cron expressions of AWS."""

import datetime as dt

import pytest

from framesift_local.aws.schedules import Cron, ScheduleError


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
