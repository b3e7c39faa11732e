"""The whole of it on videos that the test makes: extract, resume, upload, export, overlay, errors."""

import io
import json
import os
from fractions import Fraction
from pathlib import Path
from urllib.error import URLError

import jsonschema
import numpy as np
import pytest
from rich.console import Console
from rich.text import Text
from typer.testing import CliRunner

from framesift.cli.app import load_app
from framesift.cli.pose import app
from framesift.cli.progress import frame_bars
from framesift.errors import ModelMissingError, NoPersonError, NoVideosError
from framesift.pose.decode import probe, read_frames
from framesift.pose.engine import open_engine
from framesift.pose.extract import assemble, count_expected, extract, find_videos, pending
from framesift.pose.manifest import json_schema, read_manifest
from framesift.pose.model import resolve_bundle
from framesift.pose.segments import Segment, Source, follow, plan
from framesift.pose.sequence import read_sequence
from framesift.pose.skeleton import torso_length
from framesift.settings.pose import PoseSettings, load_pose_settings
from tests.unit.videos import drawn_frames, person_frames, write_video

pytestmark = pytest.mark.usefixtures("pose_model")


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path, astronaut) -> Path:
    """A person, nobody, and no video at all."""
    videos = tmp_path / "videos"
    (videos / "b").mkdir(parents=True)
    write_video(videos / "person.mp4", person_frames(astronaut, 24))
    write_video(videos / "b" / "nobody.mp4", drawn_frames(10))
    (videos / "b" / "broken.avi").write_bytes(b"nothing of the kind" * 50)
    (videos / "notes.txt").write_text("not a video")
    return videos


def test_a_folder_from_end_to_end(folder, tmp_path):
    output = tmp_path / "out"
    # When a folder is extracted at half its rate.
    result = run("extract", folder, "-o", output, "--fps", 15, "--workers", 2)
    # Then the person's video is done, and the others are named with what ails them, one line each.
    assert result.exit_code == 1
    lines = [line for line in result.stderr.splitlines() if "Error:" in line]
    assert sorted(line.split(":")[1].strip() for line in lines) == ["NoPersonError", "NotAVideoError"]
    sequence = read_sequence(output / "person.mp4.pose.parquet")
    assert sequence.time_s == pytest.approx(np.arange(12) / 15)
    assert sequence.landmarks.shape == (12, 1, 33, 5)
    assert sequence.landmarks.dtype == np.float16
    assert abs(float(sequence.landmarks[0, 0, 0, 0]) - 0.45) < 0.1  # The nose, where the astronaut's is.
    # And the manifest fits its schema and says all of it.
    content = json.loads((output / "manifest.json").read_text())
    jsonschema.validate(content, json_schema())
    assert content["totals"]["done"] == 1
    assert content["totals"]["failed"] == 2
    assert content["videos"]["person.mp4"]["frames"] == {
        "read": 12, "kept": 12, "no_person": 0, "low_confidence": 0, "filled": 0,
        "stored": 24, "undecoded": 0,
    }  # fmt: skip
    assert content["videos"]["b/nobody.mp4"]["error"] == "NoPersonError"
    assert not [path for path in output.rglob("*") if path.name.endswith(".partial")]
    # When it is asked again, then what is done is not done again, unless other settings are asked for.
    settings = load_pose_settings(options={"video.target_fps": 15.0})
    sources = find_videos(folder, settings)
    assert [source.name for source in pending(sources, output, settings)] == ["b/broken.avi", "b/nobody.mp4"]
    assert len(pending(sources, output, load_pose_settings())) == 3
    assert (
        len(pending(sources, output, load_pose_settings(options={"video.target_fps": 15.0, "output.overwrite": True})))
        == 3
    )
    # When the sequence is exported and drawn, then there is a file of each.
    for to in ("coco17", "openpose", "parquet", "pickle-gzip"):
        assert run("export", output, "--to", to, "-o", tmp_path / "exports").exit_code == 0
    assert len(list((tmp_path / "exports").iterdir())) == 4
    drawn = tmp_path / "drawn.mp4"
    made = run("overlay", output / "person.mp4.pose.parquet", "--video", folder / "person.mp4", "-o", drawn)
    assert made.exit_code == 0, made.output
    facts = probe(drawn, settings.video)
    whole = [float(f.time) for f in read_frames(drawn, facts, settings.video)]
    assert whole == pytest.approx([i / 30 for i in range(24)])
    # On request of the processed frames alone.
    made = run(
        "overlay", output / "person.mp4.pose.parquet", "--video", folder / "person.mp4", "-o", drawn, "--only-people"
    )
    assert "12 frames" in made.output
    # And a skeleton is not drawn on another video.
    other = run("overlay", output / "person.mp4.pose.parquet", "--video", folder / "b" / "nobody.mp4", "-o", drawn)
    assert other.exit_code == 65
    assert "SequencesDifferError" in other.stderr


def test_extract_and_upload_in_one_command(person_video, tmp_path, store):
    result = run("extract", person_video, "-o", tmp_path / "out", "--max-frames", 3, "--s3-bucket", store.bucket)
    assert result.exit_code == 0, result.output
    assert list(store.list("poses/")) == ["poses/manifest.json", "poses/person.mp4.pose.parquet"]
    assert "2 files sent" in result.output
    assert "0 files sent" in run("upload", tmp_path / "out", "--s3-bucket", store.bucket).output
    missing = run("upload", tmp_path / "out", "--s3-bucket", "nowhere")
    assert (missing.exit_code, "BucketMissingError" in missing.stderr) == (77, True)


def test_a_dry_run_does_nothing(person_video, tmp_path):
    result = run("extract", person_video, "-o", tmp_path / "out", "--dry-run", "--s3-bucket", "b", "--fps", 15)
    assert result.exit_code == 0
    assert "video\tframes\tto process\tseconds\tsize" in result.output
    assert f"person.mp4\t60\t30\t2.0\t{person_video.stat().st_size / 1000:.1f} kB" in result.output
    assert "would process 30 frames of 1 video: 2.0 s" in result.output
    assert "would upload" in result.output
    assert not (tmp_path / "out").exists()


def test_a_dry_run_of_an_upload_says_the_same_and_sends_nothing(person_video, tmp_path):
    (tmp_path / "여름").mkdir()
    person_video.rename(tmp_path / "여름" / "댄스.mp4")
    result = CliRunner().invoke(load_app(), ["upload", str(tmp_path), "--collection", "dance", "--dry-run"])
    assert result.exit_code == 0, result.output
    assert "여름/댄스.mp4\t60\t60\t2.0\t" in result.output
    assert "would process 60 frames of 1 video: 2.0 s" in result.output


@pytest.mark.parametrize("width", [80, 120])
def test_a_long_name_leaves_room_for_frames_speed_and_time(width):
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    bars = frame_bars(console)
    bars.add_task("아주 긴 이름의 비디오 파일입니다 2026 최종본.mp4", total=12_300, completed=1_230)
    console.print(bars.get_renderable())
    (line,) = Text.from_ansi(console.file.getvalue()).plain.splitlines()
    assert "1230/12300 frames" in line
    assert "--:--" in line
    assert "…" in line


def test_a_dry_run_names_what_cannot_be_read(tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"nothing of the kind" * 50)
    result = run("extract", tmp_path, "-o", tmp_path / "out", "--dry-run")
    assert result.exit_code == 1
    assert "NotAVideoError" in result.stderr


def test_file_names_that_are_not_utf8_or_look_like_markup_cost_nothing(tmp_path, astronaut):
    # Given videos with names that no JSON or terminal takes as they are.
    videos, output = tmp_path / "videos", tmp_path / "out"
    videos.mkdir()
    good = write_video(tmp_path / "good.mp4", person_frames(astronaut, 3))
    for name in (b"bad-\xff.mp4", b"[bold] c.mp4", b"\x1b[2J d.mp4"):
        Path(os.fsdecode(os.fsencode(videos) + b"/" + name)).write_bytes(good.read_bytes())
    (Path(os.fsdecode(os.fsencode(videos) + b"/broken-\xfe.mp4"))).write_bytes(b"no video")
    # When they are extracted, then each is in the manifest, under a name that can be read.
    result = run("extract", videos, "-o", output, "--workers", 1)
    assert result.exit_code == 1
    entries = read_manifest(output).videos
    assert {name: entry.status for name, entry in entries.items()} == {
        "bad-\\xff.mp4": "done", "[bold] c.mp4": "done", "\x1b[2J d.mp4": "done", "broken-\\xfe.mp4": "failed",
    }  # fmt: skip
    assert read_sequence(output / str(entries["bad-\\xff.mp4"].output)).video.name == "bad-\\xff.mp4"
    assert "broken-\\xfe.mp4" in result.stderr
    assert "\x1b[2J" not in result.output
    # And arguments with markup are repeated as they are.
    missing = run("extract", tmp_path / "[/x]", "-o", output)
    assert (missing.exit_code, "[/x]" in missing.stderr) == (65, True)


def test_progress_counts_every_frame(person_video, tmp_path):
    settings = load_pose_settings(options={"video.target_fps": 15.0, "performance.workers": 1})
    expected, done = [], []
    extract(
        find_videos(person_video, settings),
        tmp_path / "out",
        settings,
        on_facts=lambda source, facts: expected.append((source.name, count_expected(facts, settings))),
        on_frames=lambda source, count: done.append((source.name, count)),
    )
    assert expected == [("person.mp4", 30)]
    assert {name for name, _ in done} == {"person.mp4"}
    assert sum(count for _, count in done) == 30


@pytest.mark.parametrize("preset", ["fast", "development", "high_accuracy"])
def test_a_preset_whose_weights_cannot_be_had_offers_the_model_that_can(person_video, tmp_path, monkeypatch, preset):
    monkeypatch.setenv("FRAMESIFT_ANALYSIS__MODEL_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr("urllib.request.OpenerDirector.open", _no_network)
    result = run("extract", person_video, "-o", tmp_path / "out", "--preset", preset)
    assert result.exit_code == ModelMissingError.exit_code
    assert "`--model full`" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def _no_network(*_args, **_options):
    raise URLError("no network")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--preset", "quick"), 65, "UnknownPresetError: There is no preset 'quick'"),
        (("--engine", "openpose"), 65, "PoseConfigError"),
        (("--fps", "-3"), 65, "PoseConfigError: The setting 'video.target_fps' cannot be -3"),
    ],
)
def test_wrong_options(person_video, tmp_path, arguments, code, said):
    result = run("extract", person_video, "-o", tmp_path / "out", *arguments)
    assert result.exit_code == code
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_folder_without_videos_and_a_path_that_is_not_there(tmp_path):
    assert "NoVideosError" in run("extract", tmp_path, "-o", tmp_path / "out").stderr
    with pytest.raises(NoVideosError, match="There is no"):
        find_videos(tmp_path / "none", PoseSettings())


def test_config_writes_a_file_that_extract_takes(tmp_path):
    path = tmp_path / "config.json"
    assert run("config", "--preset", "high_accuracy", "-o", path).exit_code == 0
    assert load_pose_settings("development", path) == load_pose_settings("high_accuracy")
    assert json.loads(run("config", "--schema").output)["title"] == "PoseSettings"


def test_nobody_certain_enough(person_video, tmp_path):
    settings = load_pose_settings(options={"landmarks.min_confidence": 1.0, "video.max_frames": 2})
    manifest = extract(find_videos(person_video, settings), tmp_path / "out", settings)
    assert manifest.videos["person.mp4"].error == NoPersonError.__name__
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["manifest.json"]


def test_an_interruption_keeps_what_is_done_and_no_half_files(folder, tmp_path):
    settings, output = load_pose_settings(options={"video.max_frames": 2, "performance.workers": 1}), tmp_path / "out"

    def stop(_entry):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(find_videos(folder, settings), output, settings, stop)
    assert len(read_manifest(output).videos) == 1
    assert {path.suffix for path in output.rglob("*") if path.is_file()} <= {".json", ".parquet"}


def segments_of(path: Path, settings: PoseSettings, cuts: list[Fraction]) -> list[Segment]:
    facts = probe(path, settings.video)
    ends = [*cuts, None]
    return [
        Segment(Source(path, path.name), facts, start, end)
        for start, end in zip([Fraction(0), *cuts], ends, strict=True)
    ]


def test_segments_are_the_same_frames_and_nearly_the_same_landmarks_as_one_piece(tmp_path, astronaut):
    # Given three seconds, in one piece and in two.
    frames = person_frames(astronaut, 90, width=640, height=480)
    path = write_video(tmp_path / "a.mp4", frames, rate=Fraction(30000, 1001))
    settings = load_pose_settings(options={"video.target_fps": 20.0})
    engine = open_engine(settings.landmarks, settings.performance, resolve_bundle(settings.landmarks.model))
    whole = follow(segments_of(path, settings, []), engine, settings)
    pieces = follow(segments_of(path, settings, [Fraction(19, 12)]), engine, settings)
    one, two = assemble(whole, settings), assemble(pieces, settings)
    # Then the same frames are looked at.
    assert np.array_equal(one.pts, two.pts)
    # And their numbers in the video are known, although a part was read from its middle on.
    assert two.source_frame.tolist() == one.source_frame.tolist() == [round(t * 30000 / 1001) for t in one.time_s]
    # And the piece before the joint is the very same; of the one after it, half of the visible landmarks are within 2 %
    # of the torso's length. (The photograph ends at the hips: points near its edge are guesses in both.)
    distance = np.linalg.norm((one.landmarks - two.landmarks)[..., :2].astype(float) * (640, 480), axis=-1)
    joint = int(np.searchsorted(one.time_s, 19 / 12))
    assert not distance[:joint].any()
    visible = one.landmarks[joint:, ..., 3] > 0.5
    assert np.median(distance[joint:][visible]) / torso_length(one.landmarks, 640, 480).mean() < 0.02


def test_the_batched_engine_agrees_with_mediapipe(tmp_path, astronaut):
    path = write_video(tmp_path / "a.mp4", person_frames(astronaut, 30, width=640, height=480))
    found = {}
    for name in ("mediapipe", "batched"):
        settings = load_pose_settings(options={"landmarks.engine": name, "output.dtype": "float32"})
        engine = open_engine(settings.landmarks, settings.performance, resolve_bundle(settings.landmarks.model))
        found[name] = assemble(follow(segments_of(path, settings, []), engine, settings), settings)
    ours, theirs = found["batched"], found["mediapipe"]
    assert np.array_equal(ours.pts, theirs.pts)
    visible = theirs.landmarks[..., 3] > 0.5
    distance = np.linalg.norm((ours.landmarks - theirs.landmarks)[..., :2] * (640, 480), axis=-1)
    assert np.median(distance[visible]) / torso_length(theirs.landmarks, 640, 480).mean() < 0.015
    assert np.abs(ours.world - theirs.world)[visible].mean() < 0.03


def test_the_batched_engine_follows_streams_independently(tmp_path, astronaut):
    settings = load_pose_settings(options={"landmarks.engine": "batched", "video.max_frames": 6})
    person = write_video(tmp_path / "a.mp4", person_frames(astronaut, 8))
    nobody = write_video(tmp_path / "b.mp4", drawn_frames(4))
    engine = open_engine(settings.landmarks, settings.performance, resolve_bundle(settings.landmarks.model))
    together = follow(segments_of(person, settings, []) * 2 + segments_of(nobody, settings, []), engine, settings)
    alone = follow(segments_of(person, settings, []), engine, settings)[0]
    assert [len(part.pts) for part in together] == [6, 6, 4]
    assert np.isnan(together[2].landmarks).all()
    for part in together[:2]:
        assert np.allclose(part.landmarks, alone.landmarks, atol=0.02)


def test_plan_cuts_only_where_workers_would_idle():
    facts = {str(i): _facts(60.0) for i in range(5)}
    sources = [Source(Path(name), name) for name in facts]
    settings = load_pose_settings()
    assert [len(task) for task in plan(sources, facts, settings, workers=2)] == [1] * 5
    alone = plan(sources[:1], facts, settings, workers=2)
    assert [(s.start_s, s.end_s) for task in alone for s in task] == [(0, 30), (30, None)]
    short = plan(sources[:1], {"0": _facts(15.0)}, settings, workers=4)
    assert len(short) == 1
    batched = load_pose_settings(options={"landmarks.engine": "batched"})
    tasks = plan(sources[:1], facts, batched, workers=2)
    assert [len(task) for task in tasks] == [3, 3]
    assert plan([], {}, settings, workers=2) == []


def _facts(duration_s: float):
    from framesift.pose.decode import VideoFacts

    return VideoFacts("a", 1, "0", "mov", "h264", 64, 48, 0, 30.0, duration_s, "1/30", 0)
