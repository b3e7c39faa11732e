"""Random catalogs and random queries about them, of the same few words, so that they meet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from framesift.catalog.query import Query
from framesift.catalog.query.fields import FIELDS, FLAGS, Kind
from framesift.catalog.query.tree import (
    Between,
    Choice,
    Compare,
    Everything,
    Match,
    Not,
    Pattern,
    Words,
    all_of,
    any_of,
)
from framesift.catalog.query.values import Period, Size, read_number, read_period, read_size
from framesift.catalog.tags import normalize_tags
from framesift.contracts.catalog import Annotation, CatalogItem, Health, NearDuplicate, Prediction

HOSTILE = (
    "'; DROP TABLE items; --",
    '"',
    "?",
    "$1",
    "100%",
    "a_b",
    "!",
    "\\",
    "*",
    "AND",
    "-x",
    "a:b",
    "(",
    "x\ny",
    "{}",
)
WORDS = ("dog", "Dog park", "강아지", "한강", "A", "ﬁne", "Straße", "split:val", "golden retriever", "3", *HOSTILE)
NUMBERS = (0.0, -5.0, 0.5, 3.0, 20.5, 640.0, 1e300)
SCORES = (0.0, 0.5, 0.8, 0.8 + 1e-9, 0.81, 1.0)
IDS = tuple(f"{number:032x}" for number in (0, 1, 0xABC, 1 << 127))
MOMENTS = tuple(
    datetime(2026, 1, 1, tzinfo=UTC) + shift
    for shift in (timedelta(0), timedelta(seconds=-1), timedelta(hours=9), timedelta(days=1), timedelta(days=31))
)
METADATA_KEYS = ("line", "라인", "Line No", 'a"b\\', "x.y", "?")
METADATA_TEXTS = (
    "2026-01-01",
    "2026-01-31",
    "2026-01",
    "2026-02-30",
    "nan",
    "inf",
    "-inf",
    "1e5",
    "1_000",
    "３",
    "٣",
    " 3 ",
)

words = st.sampled_from(WORDS)
moments = st.sampled_from(MOMENTS)
annotations = st.builds(Annotation, label=words)
predictions = st.builds(
    Prediction, model=st.sampled_from(["ResNet50@1", "ssd@2"]), label=words, score=st.sampled_from(SCORES)
)
healths = st.builds(
    Health,
    sharpness=st.sampled_from([0.0, 3.0, 640.0]),
    brightness=st.sampled_from([0.0, 0.5, 1.0]),
    contrast=st.sampled_from([0.0, 0.5, 1.0]),
    entropy_bits=st.sampled_from([0.0, 0.5, 3.0]),
    flags=st.lists(st.sampled_from(FLAGS), unique=True),
)
metadata = st.dictionaries(
    st.sampled_from(METADATA_KEYS),
    st.one_of(st.booleans(), st.sampled_from(NUMBERS), words, st.sampled_from(METADATA_TEXTS)),
    max_size=3,
)


@st.composite
def catalog_items(draw: st.DrawFn, item_id: str) -> CatalogItem:
    return CatalogItem(
        id=item_id,
        sha256=item_id * 2,
        key=f"collections/c/originals/{item_id}.jpg",
        names=draw(st.lists(words, min_size=1, max_size=2)),
        content_type=draw(st.sampled_from(["image/jpeg", "image/png", "image/tiff", "video/jpeg"])),
        size_bytes=draw(st.sampled_from([0, 3, 300, 2_000_000, 2_000_001])),
        width=draw(st.sampled_from([1, 3, 640])),
        height=draw(st.sampled_from([1, 3, 640])),
        source=draw(st.sampled_from(["upload", "import", "tiktok"])),
        taken_at=draw(st.none() | moments),
        added_at=draw(moments),
        added_by=draw(st.sampled_from(["", "A", "a"])),
        batch=draw(st.sampled_from(["", "B-1", "b-1"])),
        health=draw(st.none() | healths),
        duplicate=draw(
            st.none() | st.builds(NearDuplicate, of=st.sampled_from(IDS), method=st.just("pdq"), score=st.just(1.0))
        ),
        predictions=draw(st.lists(predictions, max_size=3)),
        annotations=draw(st.lists(annotations, max_size=2)),
        tags=draw(st.lists(words.filter(lambda word: "\n" not in word), max_size=3).map(normalize_tags)),
        metadata=draw(metadata),
    )


catalogs = st.lists(st.sampled_from(IDS), unique=True, max_size=4).flatmap(
    lambda ids: st.tuples(*map(catalog_items, ids)).map(list)
)

# --- queries ---

plain = words.map(lambda word: Pattern((word,)))


@st.composite
def wildcards(draw: st.DrawFn) -> Pattern:
    """A word with some of its characters replaced by wildcards."""
    word = draw(words)
    cuts = sorted(draw(st.lists(st.integers(0, len(word)), min_size=2, max_size=4)))
    kept = zip(cuts[::2], cuts[1::2], strict=False)
    return Pattern((draw(st.sampled_from(["", word[: cuts[0]]])), *(word[a:b] for a, b in kept), word[cuts[-1] :]))


patterns = plain | wildcards()
numbers = st.sampled_from([*NUMBERS, 1e22, 1 / 3]).map(lambda value: read_number(repr(value)))
sizes = st.integers(0, 3_000_000).map(Size) | st.sampled_from(["300", "2MB", "2.000001MB", "1KiB"]).map(read_size)
periods = st.sampled_from(
    ["2025", "2026", "2026-01", "2026-02", "2026-01-01", "2025-12-31", "2026-01-01T00:00Z", "2026-01-01T09:00:00+09:00"]
).map(read_period)
days = st.sampled_from(["2026-01", "2026-01-01", "2026-01-31", "2026-02"]).map(read_period)
orders = st.sampled_from(["=", "<", "<=", ">", ">="])
keys = st.sampled_from(METADATA_KEYS)
VALUES = {Kind.NUMBER: numbers, Kind.SIZE: sizes, Kind.DATE: periods, Kind.METADATA: numbers | days}
TEXT_FIELDS = [name for name, field in FIELDS.items() if field.kind in {Kind.FOLDED, Kind.EXACT} and name != "split"]
ORDERED_FIELDS = [name for name, field in FIELDS.items() if field.kind in VALUES]


@st.composite
def comparisons(draw: st.DrawFn) -> Query:
    field = draw(st.sampled_from(ORDERED_FIELDS))
    key = draw(keys) if field == "meta" else ""
    value = draw(VALUES[FIELDS[field].kind])
    if draw(st.booleans()):
        return Compare(field, draw(orders), value, key)
    other = draw(VALUES[FIELDS[field].kind])
    if type(value) is not type(other):
        return Between(field, value, None, key)
    low, high = sorted([value, other], key=sort_key)
    return draw(st.sampled_from([Between(field, low, high, key), Between(field, None, high, key)]))


def sort_key(value: object) -> object:
    if isinstance(value, Period):
        return value.start
    return value.size_bytes if isinstance(value, Size) else value.value


metadata_texts = st.sampled_from(METADATA_TEXTS).map(lambda text: Pattern((text,)))
id_patterns = st.sampled_from([*((item_id,) for item_id in IDS), ("0", "")]).map(Pattern)
type_patterns = st.sampled_from([("jpg",), ("JPEG",), ("image/png",), ("", "jpeg"), ("t", ""), ("image/", "")]).map(
    Pattern
)
matches = st.one_of(
    st.builds(Match, st.sampled_from(TEXT_FIELDS), patterns),
    st.builds(Match, st.just("split"), st.sampled_from([("train",), ("val",)]).map(Pattern)),
    st.builds(Match, st.just("label"), patterns, st.just(""), st.tuples(orders, st.sampled_from(SCORES))),
    st.builds(Match, st.just("meta"), patterns | metadata_texts, keys),
    st.builds(Match, st.just("id"), id_patterns),
    st.builds(Match, st.just("type"), type_patterns),
)
choices = st.one_of(
    *(st.builds(Choice, st.just(name), st.sampled_from(sorted(FIELDS[name].choices))) for name in ("is", "has")),
    st.builds(Choice, st.just("has"), st.just("meta"), keys),
)
terms = st.one_of(st.just(Everything()), st.builds(Words, patterns), matches, comparisons(), choices)
queries: st.SearchStrategy[Query] = st.recursive(
    terms.filter(lambda term: term != Everything()),
    lambda parts: st.one_of(
        parts.map(Not),
        st.lists(parts, min_size=2, max_size=3).map(all_of),
        st.lists(parts, min_size=2, max_size=3).map(any_of),
    ),
    max_leaves=6,
) | st.just(Everything())
