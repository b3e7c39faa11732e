"""View counts as sites write them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framesift.sources.counts import parse_count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("1.2M", 1_200_000),
        ("98.7K", 98_700),
        ("12만", 120_000),
        ("3.4천", 3_400),
        ("1,234,567", 1_234_567),
        ("1.2억", 120_000_000),
        ("2B", 2_000_000_000),
        ("1조", 10**12),
        ("2천만", 20_000_000),
        ("1억 2,300만", 123_000_000),
        ("12만 3,456", 123_456),
        (" 12 만 ", 120_000),
        ("1.5 k", 1_500),
        ("１２만", 120_000),
        ("１，２３４", 1_234),
        ("1.2Ｍ", 1_200_000),
        ("조회수 12만회", 120_000),
        ("조회수: 1,234회", 1_234),
        ("1.2M views", 1_200_000),
        ("1 view", 1),
        ("1.5K+", 1_500),
        ("1.234.567", 1_234_567),
        ("1 234 567", 1_234_567),
        ("1.234M", 1_234_000),
        ("1.221.222M", 1_221_222_000_000),
        ("1,2M", 1_200_000),
        ("0.1천", 100),
        ("4.35M", 4_350_000),  # As a float, it would be one too few.
    ],
)
def test_reads_counts(text: str, count: int) -> None:
    assert parse_count(text) == count


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "abc", "views", "No views", "-5", "1.2", "1.2.3", "1,23", "1,2345", "12만만", "1KK", "1K 2M",
        "3천 4만", "1e5", "12:34", "2 days ago", "만", "K", "١٢", "NaN", "inf", "9" * 41,
    ],
)  # fmt: skip
def test_takes_nothing_else_for_a_count(text: str) -> None:
    assert parse_count(text) is None


@settings(deadline=None)  # A busy machine is no failure.
@given(st.integers(min_value=0, max_value=10**15))
def test_reads_back_what_it_was_written_from(count: int) -> None:
    assert parse_count(str(count)) == count
    assert parse_count(f"{count:,}") == count
    assert parse_count(f"조회수 {count:,}회") == count


@settings(deadline=None)  # A busy machine is no failure.
@given(st.integers(0, 9_999), st.integers(0, 9), st.sampled_from([("K", 3), ("만", 4), ("M", 6), ("억", 8), ("B", 9)]))
def test_reads_back_rounded_counts(whole: int, tenth: int, unit: tuple[str, int]) -> None:
    sign, power = unit
    assert parse_count(f"{whole}.{tenth}{sign}") == (10 * whole + tenth) * 10 ** (power - 1)


@settings(deadline=None)  # A busy machine is no failure.
@given(st.text(max_size=60))
def test_never_fails(text: str) -> None:
    count = parse_count(text)
    assert count is None or count >= 0
