"""Names: whatever a title holds, what comes out is a name on every file system, and differs from the others."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from framesift.names import safe_id, safe_name, unique_names

FORBIDDEN = set('<>:"/\\|?*')
DEVICE = re.compile(r"^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\.|$)", re.IGNORECASE)
ANY_TEXT = st.text(st.characters(codec=None), max_size=300)
MAX_BYTES = st.integers(8, 255)


@given(ANY_TEXT, MAX_BYTES)
@example("CON", 8)
@example("nul.txt", 120)
@example("aux.", 120)
@example("... ...", 120)
@example("\ud800", 120)
@example("가" * 200, 255)
@example("com¹.jpg", 120)
@example("한\u200d글🔥", 120)
def test_a_name_is_safe(text: str, max_bytes: int) -> None:
    name = safe_name(text, max_bytes=max_bytes)
    assert name
    assert len(name.encode()) <= max_bytes
    assert not FORBIDDEN & set(name)
    assert not any(unicodedata.category(character)[0] == "C" for character in name)
    assert name[0] != " "
    assert name[-1] not in ". "
    assert name not in {".", ".."}
    assert not DEVICE.match(name)
    assert unicodedata.is_normalized("NFC", name)


@given(ANY_TEXT, MAX_BYTES)
def test_a_safe_name_stays_as_it_is(text: str, max_bytes: int) -> None:
    name = safe_name(text, max_bytes=max_bytes)
    assert safe_name(name, max_bytes=max_bytes) == name


@given(st.lists(st.one_of(ANY_TEXT, st.sampled_from(["a", "A", "À", "A\u0300", "ß", "SS", "a~2", ""])), max_size=30))
@example(["a", "a", "a~2", "A~2"])
@example(["가" * 100, "가" * 101])
def test_names_differ_where_case_and_accents_do_not_count(texts: list[str]) -> None:
    names = unique_names(texts, max_bytes=40)
    folded = {unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold()) for name in names}
    assert len(folded) == len(texts)
    assert all(safe_name(name, max_bytes=40) == name for name in names)


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_a_file_can_be_made_under_a_name(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "names"
    folder.mkdir(exist_ok=True)
    path = folder / f"{safe_name(text)}.jpg"
    path.write_bytes(b"")
    assert path.name in {found.name for found in folder.iterdir()}
    assert path.parent == Path(folder)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("역대급 🔥🔥 먹방!! 👨‍👩‍👧", "역대급 먹방!!"),
        ("1️⃣위: 레전드/직캠 <4K>", "1위 레전드직캠 4K"),
        ("\u200b\u0007ASMR\t\n tapping", "ASMR tapping"),
        ("CON", "_CON"),
        ("lpt1.jpg", "_lpt1.jpg"),
        ("👍🏽", "unnamed"),
        ("각".encode().decode(), "각"),
        ("Wait...", "Wait"),
    ],
)
def test_a_name_stays_readable(title: str, name: str) -> None:
    assert safe_name(title) == name


@given(st.text(st.characters(codec=None), max_size=80), st.text(st.characters(codec=None), max_size=80))
def test_ids_are_safe_and_differ(one: str, other: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", safe_id(one))
    assert (safe_id(one) == safe_id(other)) == (one == other)
