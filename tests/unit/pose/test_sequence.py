import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from framesift.errors import NotASequenceError
from framesift.pose.files import atomic_path
from framesift.pose.sequence import confidence, read_sequence, write_sequence
from tests.unit.videos import make_sequence


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("people", [1, 2])
def test_what_is_written_is_read_back_bit_for_bit(tmp_path, dtype, people):
    sequence = replace(make_sequence(people=people, dtype=dtype), refinement=[{"step": "one_euro", "beta": 0.5}])
    sequence.filled[3, 0] = True
    write_sequence(sequence, tmp_path / "a.pose.parquet")
    back = read_sequence(tmp_path / "a.pose.parquet")
    for name in ("landmarks", "world", "source_frame", "pts", "time_s", "filled"):
        ours, theirs = getattr(sequence, name), getattr(back, name)
        assert ours.dtype == theirs.dtype
        assert ours.tobytes() == theirs.tobytes()
    assert (back.video, back.model, back.settings) == (sequence.video, sequence.model, sequence.settings)
    assert (back.refinement, back.counts) == (sequence.refinement, sequence.counts)


def test_a_file_of_an_older_or_a_newer_version_is_read(tmp_path):
    sequence = make_sequence()
    write_sequence(sequence, tmp_path / "a.pose.parquet")
    table = pq.read_table(tmp_path / "a.pose.parquet")
    header = json.loads(table.schema.metadata[b"framesift.pose"])
    del header["video"]["frame_count"], header["video"]["timing"], header["counts"]["stored"]
    header["video"]["mood"] = "from the future"
    older = table.drop(["source_frame"]).replace_schema_metadata({b"framesift.pose": json.dumps(header).encode()})
    pq.write_table(older, tmp_path / "b.pose.parquet")
    back = read_sequence(tmp_path / "b.pose.parquet")
    assert back.source_frame.tolist() == list(range(40))  # From times and the frame rate.
    assert (back.video, back.counts) == (sequence.video, sequence.counts)


def test_the_file_is_read_without_our_code(tmp_path):
    sequence = make_sequence()
    write_sequence(sequence, tmp_path / "a.pose.parquet")
    table = pq.read_table(tmp_path / "a.pose.parquet")
    row = table.filter((table["frame"].to_numpy() == 12) & (table["person"].to_numpy() == 1)).to_pylist()[0]
    assert row["x"] == pytest.approx(sequence.landmarks[12, 1, :, 0].tolist())
    assert row["world_z"] == pytest.approx(sequence.world[12, 1, :, 2].tolist())
    assert row["time_s"] == sequence.time_s[12]
    assert b"framesift.pose" in table.schema.metadata


@pytest.mark.parametrize("content", [b"", b"PAR1 not really", b"\x80\x04}."])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.pose.parquet").write_bytes(content)
    with pytest.raises(NotASequenceError, match="extract it again"):
        read_sequence(tmp_path / "a.pose.parquet")


def test_another_parquet_file_is_refused(tmp_path):
    pq.write_table(pq.read_table(_written(tmp_path)).drop(["x"]).replace_schema_metadata(None), tmp_path / "b.parquet")
    with pytest.raises(NotASequenceError):
        read_sequence(tmp_path / "b.parquet")


def test_a_damaged_file_is_refused(tmp_path):
    path = _written(tmp_path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(NotASequenceError):
        read_sequence(path)


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")

    def interrupted():
        with atomic_path(path) as scratch:
            scratch.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_confidence_is_the_best_persons_mean_visibility():
    landmarks = np.full((3, 2, 33, 5), np.nan, np.float32)
    landmarks[0, 0, :, 3], landmarks[0, 1, :, 3] = 0.2, 0.6
    landmarks[1, 1, :, 3] = 0.3
    assert confidence(landmarks) == pytest.approx([0.6, 0.3, 0.0])


def _written(folder):
    write_sequence(make_sequence(), folder / "a.pose.parquet")
    return folder / "a.pose.parquet"
