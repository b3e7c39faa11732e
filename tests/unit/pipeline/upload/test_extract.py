"""The vision job over uploaded videos, with the real bucket code and the real networks."""

from __future__ import annotations

import signal
from datetime import UTC, datetime

import pytest

from containers.vision.main import main
from framesift import aws, keys
from framesift.contracts import Finding, PoseJob, Run, Upload
from framesift.errors import ModelMissingError
from framesift.models import default_cache_dir, open_registry
from framesift.pipeline.upload import extract as module
from framesift.pipeline.upload.extract import Extractor, extract_poses
from framesift.pose.model import resolve_bundle
from framesift.pose.sequence import read_sequence
from framesift.settings.pose import PoseSettings
from framesift.storage import S3Store, write_json
from framesift.table import Records
from framesift.table.stages import FRAMES
from tests.unit.videos import drawn_frames, person_frames, write_video

pytestmark = pytest.mark.usefixtures("pose_model")
RUN = Run(source="upload", date="2026-11-20", attempt=1, subject="춤")
SETTINGS = PoseSettings.model_validate({"video": {"target_fps": 10}, "performance": {"workers": 1}})
NAME = "sub/내 영상 🎬 100% +1.mp4"


@pytest.fixture
def records(records) -> Records:
    return records


@pytest.fixture
def extractor(store: S3Store, records: Records) -> Extractor:
    bundle = resolve_bundle("full", open_registry(default_cache_dir()))
    return Extractor(store, records, bundle, SETTINGS, "춤")


def put(store: S3Store, name: str, body: bytes) -> Upload:
    key = f"uploads/춤/{name}"
    store.put(key, body)
    return Upload(**store.describe(key).model_dump(exclude={"sha256"}), name=name, finding=Finding.VIDEO)


def job(store: S3Store, records: Records, videos: list[Upload], array_size: int = 1) -> PoseJob:
    return PoseJob(
        run=RUN,
        bucket=store.bucket,
        table=records.name,
        collection="춤",
        videos=videos,
        settings=SETTINGS.model_dump(mode="json"),
        array_size=array_size,
    )


def sequences(store: S3Store) -> list[str]:
    return list(store.list("collections/춤/poses/"))


def test_a_video_has_its_sequence_under_what_is_in_it(store, records, extractor, person_video, tmp_path):
    upload = put(store, NAME, person_video.read_bytes())

    (entry,) = extract_poses(job(store, records, [upload]), extractor)

    assert (entry.status, entry.source) == ("done", NAME)
    key = keys.poses_prefix("춤") + entry.output
    assert sequences(store) == [key]
    store.download(key, tmp_path / "found")
    sequence = read_sequence(tmp_path / "found")
    assert len(sequence.pts) == entry.frames.kept == 21  # 0.0 to 2.0 s in steps of a tenth.
    assert sequence.video.sha256 == entry.sha256
    assert records.videos.get("춤", NAME).entry == entry
    assert records.stages.progress(RUN, datetime(2026, 1, 1, tzinfo=UTC))["analyze", "춤"] == (1, 1)


def test_a_hostile_video_costs_only_itself(store, records, extractor, person_video, tmp_path):
    bodies = {
        "text.mp4": b"this is no video" * 100,
        "list.mp4": b"#EXTM3U\nfile:///etc/passwd\n",
        "cut.mp4": person_video.read_bytes()[:5000],
        "nobody.mp4": write_video(tmp_path / "nobody.mp4", drawn_frames(30)).read_bytes(),
        "good.mp4": person_video.read_bytes(),
    }
    uploads = [put(store, name, body) for name, body in bodies.items()]
    gone = put(store, "gone.mp4", b"x")
    store.delete([gone.key])

    entries = {entry.source: entry for entry in extract_poses(job(store, records, [gone, *uploads]), extractor)}

    assert {name: entry.error for name, entry in entries.items()} == {
        "gone.mp4": "VideoUnreadableError",
        "text.mp4": "NotAVideoError",
        "list.mp4": "PlaylistRefusedError",
        "cut.mp4": "NotAVideoError",
        "nobody.mp4": "NoPersonError",
        "good.mp4": None,
    }
    assert all(records.videos.get("춤", name).entry == entry for name, entry in entries.items())
    assert len(sequences(store)) == 1


def test_a_name_never_becomes_a_path_of_ours(store, records, extractor, person_video):
    for name in ("../../etc/evil.mp4", "x" * 300 + ".mp4", ".mp4"):
        entry = extractor.process(put(store, name, person_video.read_bytes()))
        assert (entry.status, entry.source) == ("done", name)


def test_what_is_done_is_not_done_again(store, records, extractor, person_video, monkeypatch):
    extractor.process(put(store, "a.mp4", person_video.read_bytes()))
    monkeypatch.setattr(module, "extract", lambda *_, **__: pytest.fail("a known video was extracted"))

    same = extractor.process(put(store, "a.mp4", person_video.read_bytes()))  # The very object.
    copy = extractor.process(put(store, "copy.mp4", person_video.read_bytes()))  # The same bytes under another name.

    assert (same.source, copy.source) == ("a.mp4", "copy.mp4")
    assert copy.output == same.output
    assert records.videos.get("춤", "copy.mp4").entry.status == "done"


def test_other_bytes_under_a_name_are_another_sequence(store, records, extractor, astronaut, person_video, tmp_path):
    first = extractor.process(put(store, "a.mp4", person_video.read_bytes()))
    other = write_video(tmp_path / "other.mp4", person_frames(astronaut, 30))
    second = extractor.process(put(store, "a.mp4", other.read_bytes()))
    assert first.output != second.output
    assert records.videos.get("춤", "a.mp4").entry == second
    assert len(sequences(store)) == 2


def test_the_version_that_was_collected_is_the_one_that_is_looked_at(store, records, extractor, person_video):
    versioning = {"Status": "Enabled"}
    aws.s3().put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration=versioning)
    upload = put(store, "a.mp4", person_video.read_bytes())
    assert upload.version_id
    store.put(upload.key, b"overwritten")
    assert extractor.process(upload).status == "done"


def test_children_share_the_videos_and_each_is_done_once(store, records, extractor, monkeypatch):
    uploads = [put(store, f"{n}.mp4", b"v%d" % n) for n in range(7)]
    whole = job(store, records, uploads, array_size=3)
    done = [[entry.source for entry in extract_poses(whole, extractor, child)] for child in range(3)]
    assert done == [["0.mp4", "3.mp4", "6.mp4"], ["1.mp4", "4.mp4"], ["2.mp4", "5.mp4"]]


def spec(store: S3Store, records: Records, upload: Upload) -> str:
    write_json(store, "runs/upload/job.json", job(store, records, [upload, upload], array_size=2))
    return f"s3://{store.bucket}/runs/upload/job.json"


def test_the_jobs_process_does_its_childs_part(store, records, person_video, monkeypatch):
    upload = put(store, NAME, person_video.read_bytes())
    monkeypatch.setenv("AWS_BATCH_JOB_ARRAY_INDEX", "1")
    handler = signal.getsignal(signal.SIGTERM)
    try:
        assert main(spec(store, records, upload)) == 0
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert records.videos.get("춤", NAME).entry.status == "done"


def test_missing_networks_stop_the_job_and_it_says_so(store, records, monkeypatch, tmp_path):
    upload = put(store, NAME, b"v")
    monkeypatch.setenv("FRAMESIFT_ANALYSIS__MODEL_CACHE", str(tmp_path))
    handler = signal.getsignal(signal.SIGTERM)
    try:
        assert main(spec(store, records, upload)) == ModelMissingError.exit_code
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert records.stages.fault(RUN, "analyze").error == "ModelMissingError"
    assert records.videos.get("춤", NAME) is None


def test_a_job_that_loses_its_host_is_tried_again_and_records_no_failure(store, records, person_video, monkeypatch):
    upload = put(store, NAME, person_video.read_bytes())

    def taken_away(*_, **__):
        # What a signal would call: a real one would end the tests too, were nothing there to take it.
        give_up = signal.getsignal(signal.SIGTERM)
        assert callable(give_up)
        give_up(signal.SIGTERM, None)

    monkeypatch.setattr(module, "extract", taken_away)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        assert main(spec(store, records, upload)) == 75
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert records.videos.get("춤", NAME) is None


def test_frames_are_reported_while_a_video_is_processed(store, records, extractor, person_video):
    upload, reported = put(store, NAME, person_video.read_bytes()), []

    extractor.process(upload, lambda done, total: reported.append((done, total)))

    assert reported[0] == (0, 21), "from 0.0 to 2.0 s in steps of a tenth"
    assert reported[-1] == (21, 21)


def test_what_can_be_watched_of_a_job_names_its_videos(store, records, extractor, person_video):
    list(extract_poses(job(store, records, [put(store, NAME, person_video.read_bytes())]), extractor))

    progress = records.stages.progress(RUN, datetime(2026, 1, 1, tzinfo=UTC))
    assert progress[FRAMES, NAME] == (21, 21)
