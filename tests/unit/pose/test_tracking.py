"""People keep their slots: two drawn figures that cross, as an engine would find them."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from framesift.pose import segments
from framesift.pose.decode import probe
from framesift.pose.extract import assemble
from framesift.pose.people import People
from framesift.pose.segments import Segment, Source
from framesift.pose.sequence import ModelFacts
from framesift.pose.skeleton import BONES
from framesift.pose.tracking import Tracker, match
from framesift.settings.pose import load_pose_settings
from tests.unit.videos import encode_video

WIDTH, HEIGHT, COUNT = 320, 180, 90
COLOURS = ((220, 60, 30), (30, 90, 220))
SETTINGS = load_pose_settings(
    options={"landmarks.people": 2, "video.target_fps": None, "landmarks.min_confidence": 0.0}
)


def figure(x: float) -> np.ndarray:
    """A standing figure, (33, 2) pixels, around `x`."""
    points = np.zeros((33, 2))
    points[:11] = [0, -58]
    for left, right, dx, y in ((11, 12, 14, -42), (13, 14, 20, -20), (15, 16, 22, 0), (23, 24, 9, 0)):
        points[left], points[right] = [dx, y], [-dx, y]
    for hand in (17, 19, 21):
        points[hand], points[hand + 1] = points[15] + [2, 4], points[16] + [-2, 4]
    for left, dx, y in ((25, 10, 28), (27, 10, 54), (29, 10, 58), (31, 14, 58)):
        points[left], points[left + 1] = [dx, y], [-dx, y]
    return points + np.array([x, HEIGHT / 2])


def positions(i: int) -> tuple[float, float]:
    """Where the two are in frame `i`: they cross in the middle, turn, and cross again."""
    swing = 110 * np.cos(2 * np.pi * i / COUNT)
    return WIDTH / 2 - swing, WIDTH / 2 + swing


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    """Two figures in clothes of different colours; the first walks in front."""
    frames = []
    for i in range(COUNT):
        frame = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
        for x, colour in reversed(list(zip(positions(i), COLOURS, strict=True))):
            points = figure(x).round().astype(int)
            cv2.fillConvexPoly(frame, points[[11, 12, 24, 23]], colour)
            for a, b in BONES:
                cv2.line(frame, points[a].tolist(), points[b].tolist(), (200, 170, 150), 4)
        frames.append(frame)
    return encode_video(tmp_path_factory.mktemp("crossing") / "a.mp4", frames, "libx264", rate=Fraction(30))


class DrawnFiguresEngine:
    """Finds the figures where they were drawn, in changing order, and misses the one behind while they overlap."""

    model = ModelFacts("none", "none", "none", "0", "0" * 64)

    def follow(self, streams):
        for position, stream in enumerate(streams):
            for frame in stream:
                i = round(frame.time * 30)
                found = [figure(x) / (WIDTH, HEIGHT) for x in positions(i)]
                if abs(np.subtract(*positions(i))) < 50:
                    found = found[:1]
                people = People.nobody(2)
                order = np.random.default_rng(i).permutation(len(found))
                for slot, person in enumerate(order):
                    people.landmarks[slot] = 0.9
                    people.landmarks[slot, :, :2] = found[person]
                    people.world[slot] = 0
                yield position, frame, people


def tracked_x(video: Path, cuts: list[Fraction]) -> np.ndarray:
    """Each slot's x in pixels, (F, 2), of the video followed in segments."""
    facts = probe(video, SETTINGS.video)
    limits = [Fraction(0), *cuts, None]
    parts = [Segment(Source(video, "a.mp4"), facts, start, end) for start, end in pairwise(limits)]
    sequence = assemble(segments.follow(parts, DrawnFiguresEngine(), SETTINGS), SETTINGS)
    return sequence.landmarks[:, :, 23:25, 0].mean(axis=2).astype(float) * WIDTH


@pytest.mark.parametrize("cuts", [[], [Fraction(1)], [Fraction(3, 4), Fraction(9, 4)]], ids=["whole", "one", "behind"])
def test_two_figures_that_cross_keep_their_slots(video, cuts):
    x = tracked_x(video, cuts)
    truth = np.array([positions(i) for i in range(COUNT)])
    if abs(x[0, 0] - truth[0, 0]) > 5:  # Either may be the first.
        x = x[:, ::-1]
    seen = ~np.isnan(x)
    assert seen[:, 0].all()
    assert seen[:, 1].sum() > 0.7 * COUNT
    assert np.abs(x - truth)[seen].max() < 2


def test_somebody_found_twice_is_one_person(video):
    one = People.nobody(2)
    one.landmarks[:] = 0.9
    one.landmarks[0, :, :2] = figure(100) / (WIDTH, HEIGHT)
    one.landmarks[1, :, :2] = figure(102) / (WIDTH, HEIGHT)
    followed = Tracker(2).follow(one, _image(video), 0.0)
    assert np.isnan(followed.landmarks[1]).all()


def test_nobody_and_a_newcomer(video):
    tracker, image = Tracker(3), _image(video)

    def follow(xs: list[float], time_s: float) -> list[float]:
        people = People.nobody(3)
        for slot, x in enumerate(xs):
            people.landmarks[slot] = 0.9
            people.landmarks[slot, :, :2] = figure(x) / (WIDTH, HEIGHT)
        return [
            round(float(x) * WIDTH) for x in np.nan_to_num(tracker.follow(people, image, time_s).landmarks[:, 0, 0])
        ]

    assert follow([], 0.0) == [0, 0, 0]
    assert follow([50, 150], 0.1) == [50, 150, 0]
    assert follow([150, 250, 50], 0.2) == [50, 150, 250]  # The newcomer takes the free slot.
    assert follow([152], 0.3) == [0, 152, 0]
    assert follow([152, 252], 1.0) == [0, 152, 252]  # Back after a while.


def test_the_assignment_is_the_cheapest_of_all():
    from itertools import permutations

    rng = np.random.default_rng(0)
    for _ in range(200):
        cost = rng.random((4, 5))
        cheapest = min(sum(cost[i, p[i]] for i in range(4)) for p in permutations(range(5), 4))
        found = match(cost)
        assert sum(cost[row, column] for row, column in found.items()) == pytest.approx(cheapest)
    assert match(np.full((2, 3), np.inf)) == {}
    assert match(np.array([[np.inf, 1.0], [np.inf, 0.5]])) == {1: 1}
    assert match(np.empty((0, 2))) == {}


def test_segments_without_frames_are_joined(video):
    facts = probe(video, SETTINGS.video)
    late = Segment(Source(video, "a.mp4"), facts, Fraction(100), None)
    first = Segment(Source(video, "a.mp4"), facts, Fraction(0), Fraction(100))
    parts = segments.follow([first, late, late], DrawnFiguresEngine(), SETTINGS)
    assert len(segments.stitch(parts)[0]) == COUNT


def _image(video: Path):
    from framesift.pose.decode import read_frames

    return next(read_frames(video, probe(video, SETTINGS.video), SETTINGS.video)).planes()
