"""Objects as files: safe names, and writes that a kill cannot tear."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesift_local.aws.objects import Objects, safe_path
from framesift_local.aws.records import Records

HOSTILE = [
    "../../etc/passwd", "/etc/passwd", "a/../../b", ".", "..", "a//b", "a/", "//", "%2e%2e/x", "CON:aux",
    "back\\slash", "nul\x00byte", "tab\tnew\nline", "x" * 1000, "긴이름" * 300, "trailing. ", "a?b*c|d<e>f\"",
    "🙂/춤.jpg",
]  # fmt: skip


@pytest.fixture
def records(tmp_path):
    with contextlib.closing(Records(tmp_path / "state.db")) as records:
        yield records


@pytest.fixture
def objects(tmp_path, records):
    return Objects(tmp_path / "s3", records)


@pytest.mark.parametrize("key", HOSTILE)
def test_hostile_key_stays_in_its_bucket(objects, records, tmp_path, key):
    buffer = objects.write("bucket", key, b"data", {})
    assert (tmp_path / "s3" / "bucket") in buffer.path.resolve().parents
    assert buffer.read() == b"data"
    ((bucket, found, _, again),) = Objects(tmp_path / "s3", records).load()
    assert (bucket, found, again.read()) == ("bucket", key, b"data")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_safe_path_never_leaves_and_every_part_fits(key):
    parts = safe_path(key).split("/")
    assert all(part not in {"", ".", ".."} for part in parts)
    assert all(len(part.encode()) <= 255 for part in parts)


@given(st.text("ab./%\\ 가", max_size=8), st.text("ab./%\\ 가", max_size=8))
def test_different_keys_have_different_paths(one, other):
    assert (safe_path(one) == safe_path(other)) == (one == other)


@pytest.mark.parametrize("keys", [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a/b"), ("Å", "å"), ("é", "é")])
def test_keys_in_each_other_s_way_both_live(objects, records, tmp_path, keys):
    for key in keys:
        objects.write("bucket", key, key.encode(), {})
    found = {key: buffer.read() for _, key, _, buffer in Objects(tmp_path / "s3", records).load()}
    assert found == {key: key.encode() for key in keys}


def test_ordinary_key_is_where_a_person_looks(objects, tmp_path):
    objects.write("bucket", "published/2026-11-20/dance_top10.json", b"{}", {})
    assert (tmp_path / "s3/bucket/published/2026-11-20/dance_top10.json").read_bytes() == b"{}"


def test_reader_of_the_old_version_reads_it_to_the_end(objects):
    old = objects.write("bucket", "key", b"old", {})
    objects.write("bucket", "key", b"newer", {})
    assert old.read() == b"old"


def test_write_killed_before_its_last_step_is_finished_by_the_next_start(objects, records, tmp_path, monkeypatch):
    objects.write("bucket", "key", b"old", {"n": 1})

    def killed(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        objects.write("bucket", "key", b"newer", {"n": 2})
    monkeypatch.undo()
    ((_, _, metadata, buffer),) = Objects(tmp_path / "s3", records).load()
    assert (metadata, buffer.read()) == ({"n": 2}, b"newer")


def test_delete_leaves_no_empty_folders(objects, tmp_path):
    objects.write("bucket", "a/b/c", b"", {})
    objects.delete("bucket", "a/b/c")
    objects.delete("bucket", "never was")
    assert list((tmp_path / "s3" / "bucket").iterdir()) == []
