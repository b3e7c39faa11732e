import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from framesift.errors import (
    EmptyVideoError,
    NotAVideoError,
    PlaylistRefusedError,
    ResolutionChangedError,
    TruncatedVideoError,
    VideoError,
    VideoLimitError,
    VideoUnreadableError,
)
from framesift.pose.decode import VideoFacts, probe, read_frames, set_times
from framesift.pose.frame import Frame
from framesift.settings.pose import VideoSettings
from tests.unit.videos import drawn_frames, write_video

LIMITS = VideoSettings()


def read(path: Path, start_s: Fraction = Fraction(0)) -> tuple[VideoFacts, list[Frame]]:
    facts = probe(path, LIMITS)
    return facts, list(read_frames(path, facts, LIMITS, start_s=start_s))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".avi"])
@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(25)])
def test_frames_carry_their_real_times(tmp_path, suffix, rate):
    codec = "mpeg4" if suffix == ".avi" else "libx264"
    path = write_video(tmp_path / f"a{suffix}", drawn_frames(40), rate=rate, codec=codec)
    facts, frames = read(path)
    assert facts.frame_rate == pytest.approx(float(rate), rel=1e-3)
    tolerance_s = 0.001 if suffix == ".mkv" else 1e-6  # Matroska rounds to milliseconds.
    assert [float(f.time) for f in frames] == pytest.approx([float(i / rate) for i in range(40)], abs=tolerance_s)


def test_a_variable_rate_keeps_its_times(tmp_path):
    times = [Fraction(0), Fraction(1, 30), Fraction(1, 10), Fraction(1, 2), Fraction(16, 30), Fraction(2)]
    _, frames = read(write_video(tmp_path / "a.mp4", drawn_frames(6), times=times))
    assert [f.time for f in frames] == times


def test_times_count_from_the_first_frame_also_where_the_file_starts_late(tmp_path):
    times = [Fraction(5) + Fraction(i, 25) for i in range(10)]
    facts, frames = read(write_video(tmp_path / "a.mkv", drawn_frames(10), times=times))
    assert facts.first_pts > 0
    assert [float(f.time) for f in frames] == pytest.approx([i / 25 for i in range(10)], abs=0.001)


def test_frames_without_times_follow_each_other_at_the_average_rate(tmp_path):
    # Given raw MPEG-4 in AVI, whose container has no presentation times: B-frames come without.
    path = tmp_path / "a.avi"
    write_video(path, drawn_frames(12), rate=Fraction(24), codec="mpeg4")
    _, frames = read(path)
    assert [f.time for f in frames] == [Fraction(i, 24) for i in range(12)]


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([None, None, 80, 80, 70, 120, None], [0, 40, 80, 120, 160, 200, 240]),
        ([0, 40, 40, 80], [0, 40, 60, 80]),
        ([-80, -40, 0], [-80, -40, 0]),
        ([0, 40, 80, 0, 40, 80], [0, 40, 80, 120, 160, 200]),
        ([None], [0]),
        ([], []),
    ],
    ids=["missing", "repeated", "negative", "starting again", "one", "none"],
)
def test_every_frame_has_a_time_that_rises(stamps, expected):
    assert [time for _, time in set_times(enumerate(stamps), 0, 40)] == expected


@pytest.mark.parametrize("rotation_deg", [90, 180, 270])
def test_a_phones_rotated_video_is_read_upright(tmp_path, rotation_deg):
    # Given an image whose top left is bright, marked to be shown turned.
    picture = np.full((48, 64, 3), 40, np.uint8)
    picture[:24, :32] = 220
    path = write_video(tmp_path / "a.mp4", [picture] * 5, rotation_deg=rotation_deg)
    facts, frames = read(path)
    # When it is read, then it is what FFmpeg shows: turned counter-clockwise by the display matrix.
    shown = frames[0].rgb()
    assert shown.shape == (facts.height, facts.width, 3) == (*np.rot90(picture, rotation_deg // 90).shape[:2], 3)
    assert np.abs(shown.astype(int) - np.rot90(picture, rotation_deg // 90)).mean() < 8


def test_a_part_of_a_video_is_the_same_frames_as_in_the_whole(tmp_path):
    path = write_video(tmp_path / "a.mp4", drawn_frames(200), rate=Fraction(30000, 1001))
    start_s = Fraction(7, 2)
    _, whole = read(path)
    _, part = read(path, start_s)
    expected = [f for f in whole if f.time >= start_s]
    assert [f.pts for f in part] == [f.pts for f in expected]
    assert all(np.array_equal(a.rgb(), b.rgb()) for a, b in zip(part, expected, strict=True))


def test_not_a_video(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(os.urandom(5000))
    with pytest.raises(NotAVideoError, match=r"a\.mp4 is not a video"):
        probe(path, LIMITS)


def test_sound_alone_is_not_a_video(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        for _ in range(5):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate = 44100
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(NotAVideoError, match="no image"):
        probe(path, LIMITS)


def test_zero_frames(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    with pytest.raises((EmptyVideoError, NotAVideoError), match=r"a\.mp4"):
        probe(path, LIMITS)


def test_an_empty_file(tmp_path):
    path = tmp_path / "a.mp4"
    path.touch()
    with pytest.raises(NotAVideoError):
        probe(path, LIMITS)


def test_a_truncated_matroska_says_so(tmp_path):
    path = write_video(tmp_path / "a.mkv", drawn_frames(150))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(TruncatedVideoError, match="truncated"):
        read(path)


def test_of_a_transport_stream_that_announces_no_length_what_is_there_is_read(tmp_path):
    path = write_video(tmp_path / "a.ts", drawn_frames(150))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    _, frames = read(path)
    assert 0 < len(frames) < 150


def test_a_truncated_mp4_with_its_index_first_says_so(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for array in drawn_frames(150):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(array, "rgb24")))
        container.mux(stream.encode())
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    with pytest.raises(TruncatedVideoError, match="truncated"):
        read(path)


def test_a_truncated_mp4_with_its_index_last_is_refused(tmp_path):
    path = write_video(tmp_path / "a.mp4", drawn_frames(60))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(NotAVideoError, match="cut off"):
        probe(path, LIMITS)


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"max_size_bytes": 100}, "max_size_bytes"),
        ({"max_pixels": 64 * 48 - 1}, "pixels"),
        ({"max_duration_s": 0.5}, "max_duration_s"),
        ({"max_frame_rate": 29.0}, "max_frame_rate"),
    ],
)
def test_absurd_videos_are_refused(tmp_path, limits, named):
    path = write_video(tmp_path / "a.mp4", drawn_frames(30))
    with pytest.raises(VideoError, match=named) as caught:
        probe(path, VideoSettings(**limits))
    assert isinstance(caught.value, VideoLimitError)


def test_a_duration_that_the_header_hides_is_noticed_while_reading(tmp_path):
    path = write_video(tmp_path / "a.mkv", drawn_frames(60))
    facts = probe(path, LIMITS)
    with pytest.raises(VideoLimitError):
        list(read_frames(path, facts, VideoSettings(max_duration_s=1.0)))


def test_a_changing_resolution(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for i in range(6):
            width, height = (64, 48) if i < 3 else (96, 80)
            encoder = av.CodecContext.create("mjpeg", "w")
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
            encoder.time_base = Fraction(1, 30)
            picture = av.VideoFrame.from_ndarray(drawn_frames(1, width=width, height=height)[0], "rgb24")
            for packet in encoder.encode(picture.reformat(format="yuvj420p")) + encoder.encode(None):
                packet.stream, packet.pts, packet.dts, packet.time_base = stream, i, i, Fraction(1, 30)
                container.mux(packet)
    with pytest.raises(ResolutionChangedError, match="64x48 to 96x80"):
        read(path)


@pytest.mark.parametrize(
    "content",
    [
        "#EXTM3U\n#EXTINF:10,\nfile://{other}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{other}'\n",
        '<?xml version="1.0"?><MPD><BaseURL>{other}</BaseURL></MPD>',
        "[playlist]\nFile1={other}\n",
    ],
)
def test_a_playlist_disguised_as_mp4(tmp_path, content):
    other = write_video(tmp_path / "other.mp4", drawn_frames(5))
    path = tmp_path / "a.mp4"
    path.write_text(content.format(other=other))
    with pytest.raises(PlaylistRefusedError, match=r"a\.mp4 is a playlist"):
        probe(path, LIMITS)


def test_a_playlist_with_a_long_head_is_still_refused_by_the_containers_list(tmp_path):
    other = write_video(tmp_path / "other.ts", drawn_frames(5))
    path = tmp_path / "a.mp4"
    path.write_text("#" * 2000 + f"\n#EXTM3U\n#EXTINF:10,\nfile://{other}\n#EXT-X-ENDLIST\n")
    with pytest.raises(NotAVideoError):
        probe(path, LIMITS)


def test_a_missing_file(tmp_path):
    with pytest.raises(VideoUnreadableError, match="cannot be read"):
        probe(tmp_path / "none.mp4", LIMITS)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_no_permission(tmp_path):
    path = write_video(tmp_path / "a.mp4", drawn_frames(5))
    path.chmod(0)
    with pytest.raises(VideoUnreadableError, match="permissions"):
        probe(path, LIMITS)
