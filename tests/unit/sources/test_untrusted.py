"""The gate for values from outside: whatever comes in, a usable value, nothing, or a fault by name comes out."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesift.errors import BadValueError
from framesift.sources.counts import MAX_COUNT
from framesift.sources.untrusted import (
    MAX_JSON_BYTES,
    MAX_TEXT_CHARS,
    join_url,
    read_count,
    read_id,
    read_json,
    read_list,
    read_mapping,
    read_moment,
    read_retry_after_s,
    read_text,
    read_web_url,
    show,
    split_url,
)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["http://[", "9" * 50]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no JSON"),
        (b"<html>", "no JSON"),
        (b"\xff\xfe\xff", "no JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b"[" + b" " * MAX_JSON_BYTES + b"]", "at most 20,000,000"),
    ],
)
def test_an_answer_that_cannot_be_read_is_named(body: bytes, why: str) -> None:
    with pytest.raises(BadValueError, match=why):
        read_json(body)


def test_a_number_of_thousands_of_digits_spoils_only_its_own_item() -> None:
    answer = read_json(b'{"itemList": [{"playCount": ' + b"9" * 5_000 + b'}, {"playCount": 7}]}')
    assert answer["itemList"][1]["playCount"] == 7
    with pytest.raises(BadValueError, match="playCount"):
        read_count(answer["itemList"][0]["playCount"], "playCount")


def test_what_json_does_not_have_is_nothing() -> None:
    assert read_json(b"[NaN, Infinity, -Infinity]") == [None, None, None]


@pytest.mark.parametrize(
    ("value", "count"),
    [(0, 0), (7, 7), ("1.2M", 1_200_000), (MAX_COUNT, MAX_COUNT), (-1, None), (True, None), (1.5, None), ("x", None)],
)
def test_counts(value: Any, count: int | None) -> None:
    assert read_count(value, "views") == count


@pytest.mark.parametrize("value", [10**40, MAX_COUNT + 1, str(10**40), "9" * 300, str(MAX_COUNT + 1)])
def test_a_count_that_can_be_none_is_named(value: Any) -> None:
    with pytest.raises(BadValueError, match=r"views is .*more than any count"):
        read_count(value, "views")


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (1_763_625_600, dt.datetime(2025, 11, 20, 8, tzinfo=dt.UTC)),
        ("1763625600", dt.datetime(2025, 11, 20, 8, tzinfo=dt.UTC)),
        ("2025-11-20T08:00:00Z", dt.datetime(2025, 11, 20, 8, tzinfo=dt.UTC)),
        ("2025-11-20T08:00:00", dt.datetime(2025, 11, 20, 8, tzinfo=dt.UTC)),
        ("9999-12-31T23:59:59-12:00", None),
        ("yesterday", None),
        (10**20, None),
        (None, None),
    ],
)
def test_moments(value: Any, moment: dt.datetime | None) -> None:
    assert read_moment(value) == moment


@pytest.mark.parametrize("value", [None, "", "/a", "data:image/png;base64,x", 7, [], "ftp://host/a"])
def test_what_is_no_web_url_is_nothing(value: Any) -> None:
    assert read_web_url(value, "cover") is None


@pytest.mark.parametrize("value", ["http://[", "https://[::1", "http://h:99999999/", "https://h/" + "a" * 5_000])
def test_a_web_url_that_cannot_be_used_is_named(value: str) -> None:
    with pytest.raises(BadValueError):
        read_web_url(value, "cover")


@pytest.mark.parametrize("location", ["http://[", "//[", "https://[::1/x", "http://[/@a/video/1"])
def test_a_redirect_that_cannot_be_parsed_is_named(location: str) -> None:
    with pytest.raises(BadValueError, match="cannot be parsed"):
        split_url(join_url("https://host/a", location))


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [("7", 7.0), ("0", 0.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", None), ("", None), ("-5", None)],
)
def test_pauses_that_hosts_ask_for(text: str, wait_s: float | None) -> None:
    assert read_retry_after_s(text) == wait_s


@pytest.mark.parametrize(
    "text",
    [
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 -1200",
        "Fri, 31 Dec 9999 23:59:59",
        "9" * 400,
    ],
)
def test_a_pause_of_thousands_of_years_is_a_long_pause(text: str) -> None:
    wait_s = read_retry_after_s(text)
    assert wait_s is not None
    assert wait_s > 86_400


@pytest.mark.parametrize(
    "value",
    [10**5_000, json.loads("[" * 900 + "]" * 900), "가" * 10_000, "\x1b[2J\n"],
    ids=["digits", "depth", "length", "controls"],
)
def test_anything_can_be_shown_on_one_short_line(value: Any) -> None:
    assert show(value).isprintable()
    assert len(show(value)) < 100


def test_texts_are_cut_and_can_be_written() -> None:
    assert len(read_text("가" * 10_000)) == MAX_TEXT_CHARS
    assert read_text("  춤 \ud83d ").encode()


@given(ANYTHING)
def test_nothing_else_is_ever_raised(value: Any) -> None:
    assert isinstance(read_text(value), str)
    assert isinstance(read_id(value), str)
    assert isinstance(read_mapping(value), dict)
    assert isinstance(read_list(value), list)
    assert show(value).isascii()
    assert show(value).isprintable()
    moment = read_moment(value)
    assert moment is None or moment.utcoffset() == dt.timedelta(0)
    for read in (read_count, read_web_url):
        with contextlib.suppress(BadValueError):
            read(value, "name")


@given(st.binary(max_size=200) | ANYTHING.map(lambda value: json.dumps(value).encode()))
def test_answers_are_read_or_named(body: bytes) -> None:
    with contextlib.suppress(BadValueError):
        read_json(body)


@given(st.text(max_size=60) | st.dates().map(lambda day: f"{day:%a, %d %b %Y} 00:00:00 GMT"))
def test_a_pause_is_a_number_or_nothing(text: str) -> None:
    wait_s = read_retry_after_s(text)
    assert wait_s is None or wait_s >= 0
