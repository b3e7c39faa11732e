from __future__ import annotations

import doctest
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

import framesift.catalog.tags
from framesift.catalog.tags import MAX_TAG_LENGTH, MAX_TAGS, change_tags, fold, normalize_tag, normalize_tags
from framesift.errors import InvalidTagError, TooManyTagsError

any_text = st.text(st.characters(exclude_categories=()))
decomposed = unicodedata.normalize("NFD", "강아지")


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(framesift.catalog.tags).failed == 0


@given(any_text)
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(any_text)
def test_unicode_forms_fold_to_the_same(text: str) -> None:
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    assert len({fold(form) for form in forms}) == 1


@given(any_text)
def test_a_kept_tag_stays_as_it_is(text: str) -> None:
    try:
        tag = normalize_tag(text)
    except InvalidTagError:
        return
    assert normalize_tag(tag) == tag
    assert unicodedata.is_normalized("NFC", tag)
    assert fold(tag) == fold(text)
    assert 0 < len(tag) <= MAX_TAG_LENGTH
    assert "\n" not in tag
    assert "\0" not in tag


def test_forms_agree_where_marks_change_places() -> None:
    text = "\u1fb3\uff9e"  # Only the compatibility form of the second mark belongs before the first one's iota.
    assert {fold(unicodedata.normalize(form, text)) for form in ("NFC", "NFD", "NFKC", "NFKD")} == {fold(text)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Dog", "dOG"),
        ("ＤＯＧ", "dog"),
        (decomposed, "강아지"),
        ("Straße", "strasse"),
        ("❤", "❤\ufe0f"),
        ("a\u00a0b", "a  b"),
        ("ﬁne", "fine"),
        ("ΟΔΟΣ", "οδος"),
    ],
)
def test_what_is_the_same_tag(one: str, other: str) -> None:
    assert fold(one) == fold(other)
    assert len(normalize_tags([one, other])) == 1


def test_a_tag_keeps_its_case_and_joined_emoji_and_is_composed() -> None:
    assert normalize_tag(" New  York\t") == "New York"
    assert normalize_tag(decomposed) == "강아지"
    assert normalize_tag("👩\u200d👩\u200d👧") == "👩\u200d👩\u200d👧"


@pytest.mark.parametrize("text", ["a\0b", "a\nb", "a\x7f", "a\u202eb", "\ud800", "\ue000", "a\u2028b", "\ufffe"])
def test_characters_that_cannot_be_seen_are_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidTagError, match=r"U\+[0-9A-F]{4,}, which is not printable"):
        normalize_tag(text)


@pytest.mark.parametrize("text", ["", "  ", "\u200d", "\u00a0"])
def test_an_empty_tag_is_refused(text: str) -> None:
    with pytest.raises(InvalidTagError, match="empty"):
        normalize_tag(text)


def test_a_long_tag_is_refused_with_its_length() -> None:
    assert normalize_tag("가" * 100)
    with pytest.raises(InvalidTagError, match="1,000 characters: a tag has at most 100"):
        normalize_tag("가" * 1000)


def test_tags_are_added_at_the_end_and_removed_whatever_their_case() -> None:
    assert change_tags(["Dog", "Park"], add=["DOG", "Cat"], remove=["park", "nothing"]) == ["Dog", "Cat"]
    assert change_tags(["Dog"], add=["dog"], remove=["DOG"]) == ["dog"]


def test_an_item_has_only_so_many_tags() -> None:
    full = normalize_tags(str(number) for number in range(MAX_TAGS))
    assert len(change_tags(full, add=["5"])) == MAX_TAGS
    with pytest.raises(TooManyTagsError, match="1,000 tags; this would give it 1,001"):
        change_tags(full, add=["one more"])
