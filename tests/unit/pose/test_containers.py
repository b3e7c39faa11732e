"""Every container and codec that this FFmpeg can write: as many frames as a plain decoder counts, each at its time."""

import os
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from framesift.errors import FramesLostError, VideoLimitError
from framesift.pose.decode import Timing, VideoFacts, probe, read_frames
from framesift.pose.frame import Frame
from framesift.settings.pose import VideoSettings, load_pose_settings
from tests.unit.videos import drawn_frames, encode_video

LIMITS = VideoSettings()
COUNT, RATE = 30, Fraction(25)
CONTAINERS = ("avi", "mp4", "mov", "mkv", "webm", "m4v", "ts", "m2ts", "mpg", "vob", "flv", "asf", "wmv", "ogg", "3gp")
CODECS = {
    "libx264": {"preset": "ultrafast"},
    "libx264 with B-frames": {"bf": "2", "g": "12", "threads": "1"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=1"},
    "mpeg4": {},
    "mpeg4 with B-frames": {"bf": "2"},
    "mpeg2video": {},
    "mpeg2video with B-frames": {"bf": "2"},
    "mpeg1video": {},
    "mjpeg": {},
    "libvpx": {},
    "libvpx with hidden frames": {"auto-alt-ref": "1", "lag-in-frames": "16"},
    "libvpx-vp9": {"deadline": "realtime"},
    "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
    "flv": {},
    "wmv2": {},
    "msmpeg4": {},
    "ffv1": {},
    "prores": {},
}


def read(path: Path) -> tuple[VideoFacts, list[Frame]]:
    facts = probe(path, LIMITS)
    return facts, list(read_frames(path, facts, LIMITS))


def count(path: Path) -> int | None:
    """How many frames a decoder gives that knows nothing of time; `None` where it cannot read its own file."""
    try:
        with av.open(str(path)) as container:
            return sum(1 for _ in container.decode(video=0))
    except (av.FFmpegError, IndexError):
        return None


def ramp(frames: int) -> list[np.ndarray]:
    """Plain images, each brighter than the one before: order can be seen."""
    return [np.full((48, 64, 3), 20 + 220 * i // frames, np.uint8) for i in range(frames)]


@pytest.mark.parametrize("codec", CODECS)
def test_every_frame_at_its_time_in_every_container(tmp_path, codec):
    read_back = 0
    for suffix in CONTAINERS:
        path = tmp_path / f"a.{suffix}"
        try:
            encode_video(path, ramp(COUNT), codec.split()[0], rate=RATE, **CODECS[codec])
        except (av.FFmpegError, ValueError):
            continue  # This container does not hold this codec, or this FFmpeg does not write it.
        expected = count(path)
        if expected is None:
            continue
        facts, frames = read(path)
        times = [float(frame.time) for frame in frames]
        levels = [float(frame.rgb().mean()) for frame in frames]
        assert len(frames) == facts.frame_count == expected == COUNT, suffix
        tolerance_s = 0.041 if suffix == "vob" else 0.0011  # It stamps packs, not frames; others round to 1 ms.
        assert times == pytest.approx([float(i / RATE) for i in range(COUNT)], abs=tolerance_s), suffix
        assert levels == sorted(levels), suffix
        read_back += 1
    if not read_back:
        pytest.skip(f"this FFmpeg does not write {codec}")


def test_h264_with_b_frames_in_avi_is_whole(tmp_path):
    # Given a file whose times, as FFmpeg gives them, fall at every B-frame.
    path = encode_video(tmp_path / "b.avi", ramp(205), "libx264", rate=Fraction(30), bf="2")
    with av.open(str(path)) as container:
        stamps = [frame.pts for frame in container.decode(video=0)]
    assert stamps != sorted(stamps)
    facts, frames = read(path)
    assert (len(frames), facts.timing) == (205, Timing.DTS)
    assert [frame.time for frame in frames] == [Fraction(i, 30) for i in range(205)]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "flv", "ts"])
@pytest.mark.parametrize("bf", ["0", "2"])
def test_a_variable_rate_with_and_without_b_frames(tmp_path, suffix, bf):
    times = [Fraction(i, 25) + Fraction(i * i, 500) for i in range(COUNT)]
    path = encode_video(tmp_path / f"a.{suffix}", ramp(COUNT), "libx264", times=times, bf=bf)
    _, frames = read(path)
    assert [float(frame.time) for frame in frames] == pytest.approx([float(time) for time in times], abs=0.0011)


def test_an_edit_list_that_cuts_off_the_start(tmp_path):
    # Given a track whose first five frames are before time 0, which its edit list therefore leaves out.
    times = [Fraction(i - 5, 25) for i in range(COUNT)]
    path = encode_video(tmp_path / "a.mp4", ramp(COUNT), "libx264", times=times, bf="0", g="5")
    facts, frames = read(path)
    assert len(frames) == facts.frame_count == count(path)
    assert [frame.time for frame in frames] == [Fraction(i, 25) for i in range(len(frames))]


@pytest.mark.parametrize("suffix", ["ts", "mpg", "avi"])
def test_a_file_put_together_from_two_is_read_to_its_end(tmp_path, suffix):
    part = encode_video(
        tmp_path / f"part.{suffix}", ramp(COUNT), "mpeg1video" if suffix == "mpg" else "libx264", bf="2"
    )
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(part.read_bytes() * 2)
    _, frames = read(path)
    times = [frame.time for frame in frames]
    assert len(frames) == count(path) >= 2 * COUNT - 3  # A decoder may lose the frames around the joint.
    assert times == sorted(set(times))
    assert float(times[-1]) == pytest.approx((2 * COUNT - 1) / 25, abs=0.2)


def test_times_are_kept_in_a_file_whose_stamps_are_missing_here_and_there(tmp_path):
    path = tmp_path / "a.mkv"
    encoded = encode_video(tmp_path / "whole.mkv", ramp(COUNT), "mpeg4", rate=RATE)
    with av.open(str(encoded)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for i, packet in enumerate(source.demux(video=0)):
            if packet.dts is not None:
                packet.stream = stream
                packet.pts = packet.dts = packet.dts if i % 3 else packet.dts - 1
                target.mux(packet)
    _, frames = read(path)
    assert len(frames) == COUNT
    assert [float(frame.time) for frame in frames] == pytest.approx([i / 25 for i in range(COUNT)], abs=0.0021)


def damage(path: Path, every: int) -> Path:
    """Overwrite the packets of a file, one in `every`, with noise."""
    copy = path.with_stem(f"{path.stem}-damaged")
    noise = np.random.default_rng(0)
    with av.open(str(path)) as source, av.open(str(copy), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for i, packet in enumerate(source.demux(video=0)):
            if packet.dts is None:
                continue
            broken = av.Packet(noise.bytes(packet.size)) if i % every == every - 1 else packet
            broken.stream, broken.pts, broken.dts, broken.time_base = stream, packet.pts, packet.dts, packet.time_base
            target.mux(broken)
    return copy


def test_frames_that_cannot_be_decoded_are_counted_and_too_many_are_an_error(tmp_path, follow_anybody):
    whole = encode_video(tmp_path / "a.mkv", ramp(40), "mjpeg")
    few, many = damage(whole, 20), damage(encode_video(tmp_path / "b.mkv", ramp(40), "mjpeg"), 4)
    settings = load_pose_settings(options={"video.target_fps": 5.0})
    assert follow_anybody(whole, settings).counts.undecoded == 0
    counts = follow_anybody(few, settings).counts
    assert (counts.stored, counts.undecoded) == (40, 2)
    with pytest.raises(FramesLostError, match="40 frames, of which 10 cannot be decoded"):
        follow_anybody(many, settings)
    tolerant = load_pose_settings(options={"video.max_undecoded_share": 0.5})
    assert follow_anybody(many, tolerant).counts.undecoded == 10


@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
def test_a_frame_of_too_many_pixels_names_the_limit(tmp_path, first):
    import cv2

    small, large = (cv2.imencode(".jpg", np.zeros((side, side), np.uint8))[1].tobytes() for side in (64, 512))
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
        for i, body in enumerate([large, small, small] if first else [small, small, large]):
            packet = av.Packet(body)
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, i, i, Fraction(1, 30)
            container.mux(packet)
    limits = VideoSettings(max_pixels=100_000)
    with pytest.raises(VideoLimitError, match=r"512x512 pixels, more than video\.max_pixels"):
        list(read_frames(path, probe(path, limits), limits))


@pytest.mark.skipif(
    not shutil.which("ffprobe") or not shutil.which("ffmpeg"), reason="FFmpeg's tools are not installed"
)
@pytest.mark.parametrize("suffix", ["avi", "asf", "mp4"])
def test_ffprobe_counts_the_same(tmp_path, suffix):
    source = encode_video(tmp_path / "in.mp4", drawn_frames(60), "libx264")
    path = tmp_path / f"b.{suffix}"
    run = {"check": True, "capture_output": True, "text": True, "env": {**os.environ, "AV_LOG_FORCE_NOCOLOR": "1"}}
    subprocess.run(["ffmpeg", "-i", source, "-c:v", "libx264", "-bf", "2", path], **run)
    asked = ["-count_frames", "-select_streams", "v:0", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"]
    counted = subprocess.run(["ffprobe", "-v", "error", *asked, path], **run).stdout
    assert len(read(path)[1]) == int(counted.strip().rstrip(",")) == 60
