"""Tracks people over time: each person keeps one slot, across crossings and short absences.

An engine returns the people of a frame in any order. Each is matched to the slot whose last pose, moved on by its
velocity, and whose clothes' colours are nearest. All pairs are weighed at once (the assignment problem), so that two
people who cross do not trade places because one of them happens to be compared first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framesift.pose.frame import Planes
from framesift.pose.people import People
from framesift.pose.skeleton import LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER

# In units of a person's size (the diagonal of the torso's and limbs' box), mean over the landmarks.
_DUPLICATE_DISTANCE = 0.08  # Two poses nearer than this are one person, found twice.
_MAX_MOVE = 0.5  # From where somebody is expected; farther away is somebody else, unless much time has passed,
_MAX_MOVE_PER_S = 0.5  # in which people may have gone so much farther.
_MEMORY_S = 3.0  # A slot that was empty for longer is free for anybody.

_APPEARANCE_WEIGHT = 1.0  # Against distance in sizes: entirely other colours weigh as much as one size.
_APPEARANCE_RATE = 0.1  # How fast the remembered colours follow.
_VELOCITY_RATE = 0.5
_VELOCITY_MEMORY_S = 0.3  # Somebody out of sight is not expected to go on for longer.
_APART_IOU = 0.1  # Colours are learned of people who overlap nobody by more.

_BINS, _SAMPLES = 8, 12
_TORSO = (LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP)

Array = NDArray[np.float64]


@dataclass
class _Track:
    """What is remembered about the person in a slot, lengths in pixels."""

    pose: Array
    velocity: Array
    size: float
    colours: Array
    seen_s: float

    def expected(self, time_s: float) -> Array:
        """The pose (33, 2) at a later time."""
        return self.pose + self.velocity * min(time_s - self.seen_s, _VELOCITY_MEMORY_S)


class Tracker:
    """Gives the people of a stream's frames their slots.

    Args:
        slots: The most people to follow.
    """

    def __init__(self, slots: int) -> None:
        self._tracks: list[_Track | None] = [None] * slots

    def follow(self, people: People, image: Planes, time_s: float) -> People:
        """Put the people of the next frame into their slots; one person found twice is kept once.

        Args:
            people: In any order.
            image: The frame.
            time_s: Its time, rising.
        """
        height, width = image.luma.shape
        found = np.flatnonzero(~np.isnan(people.landmarks[:, 0, 0]))
        poses = people.landmarks[found, :, :2].astype(np.float64) * (width, height)
        unique = _without_duplicates(poses)
        found, poses = found[unique], poses[unique]
        boxes = np.concatenate([poses.min(axis=1), poses.max(axis=1)], axis=1)
        sizes = np.linalg.norm(boxes[:, 2:] - boxes[:, :2], axis=1).clip(1e-6)
        colours = np.array([torso_colours(image, pose) for pose in poses]).reshape(-1, 3 * _BINS)
        slots = self._assign(poses, sizes, colours, time_s)
        overlap = _largest_overlap(boxes)
        ordered = People.nobody(len(self._tracks))
        for i, slot in enumerate(slots):
            ordered.landmarks[slot], ordered.world[slot] = people.landmarks[found[i]], people.world[found[i]]
            self._remember(slot, poses[i], sizes[i], colours[i], time_s, apart=overlap[i] <= _APART_IOU)
        return ordered

    def colours(self) -> Array:
        """(P, 24) the remembered colours of each slot; NaN where nobody has been."""
        nobody = np.full(3 * _BINS, np.nan)
        return np.array([nobody if track is None else track.colours for track in self._tracks])

    def _assign(self, poses: Array, sizes: Array, colours: Array, time_s: float) -> list[int]:
        """Find a slot for each person, each once."""
        cost = np.full((len(poses), len(self._tracks)), np.inf)
        for slot, track in enumerate(self._tracks):
            if track is not None and time_s - track.seen_s <= _MEMORY_S:
                scale = np.maximum(sizes, track.size)
                moved = np.linalg.norm(poses - track.expected(time_s), axis=2).mean(axis=1) / scale
                other = colour_distance(colours, track.colours[None])[:, 0]
                reach = _MAX_MOVE + _MAX_MOVE_PER_S * (time_s - track.seen_s)
                cost[:, slot] = np.where(moved <= reach, moved + _APPEARANCE_WEIGHT * other, np.inf)
        slot_of = match(cost)
        free = sorted(set(range(len(self._tracks))) - set(slot_of.values()), key=self._order_of_reuse)
        return [slot_of[i] if i in slot_of else free.pop(0) for i in range(len(poses))]

    def _order_of_reuse(self, slot: int) -> tuple[bool, float, int]:
        track = self._tracks[slot]
        return track is not None, track.seen_s if track else 0.0, slot

    def _remember(self, slot: int, pose: Array, size: float, colours: Array, time_s: float, *, apart: bool) -> None:
        track = self._tracks[slot]
        if track is None or time_s - track.seen_s > _MEMORY_S:
            self._tracks[slot] = _Track(pose, np.zeros(2), size, colours, time_s)
            return
        gap_s = time_s - track.seen_s
        if gap_s > 0:
            velocity = (pose - track.pose).mean(axis=0) / gap_s
            track.velocity = track.velocity + _VELOCITY_RATE * (velocity - track.velocity)
        if apart:
            track.colours = track.colours + _APPEARANCE_RATE * (colours - track.colours)
        track.pose, track.size, track.seen_s = pose, size, time_s


def torso_colours(image: Planes, pose: Array) -> Array:
    """The distribution of colours between shoulders and hips.

    Args:
        image: The frame.
        pose: (33, 2) pixels.

    Returns:
        (24,) a histogram of each of the planes, each with sum 1/3.
    """
    height, width = image.luma.shape
    corners = pose[list(_TORSO)]
    # Bilinear between the four corners, not to their edges: limbs and background are there.
    share = np.linspace(0.15, 0.85, _SAMPLES)
    across, down = share[:, None, None], share[None, :, None]
    top, bottom = (corners[i] * (1 - across) + corners[i + 1] * across for i in (0, 2))
    points = (top * (1 - down) + bottom * down).reshape(-1, 2).astype(int)
    x, y = points[:, 0].clip(0, width - 1), points[:, 1].clip(0, height - 1)
    samples = [image.luma[y, x], *(plane[y // 2, x // 2] for plane in image.chroma)]
    # Differences of colour lie around 128, and seldom far from it: their bins cover the half in the middle.
    low, span = np.array([[0], [64], [64]]), np.array([[256], [128], [128]])
    bins = ((np.array(samples, int) - low) * _BINS // span).clip(0, _BINS - 1) + _BINS * np.arange(3)[:, None]
    histogram: Array = np.bincount(bins.ravel(), minlength=3 * _BINS) / bins.size
    return histogram


def colour_distance(a: Array, b: Array) -> Array:
    """Distance of histograms (N, B) and (M, B): (N, M), from 0 to 1, 1 - the shared part; NaN counts as 1/2."""
    shared = np.minimum(a[:, None], b[None]).sum(axis=2)
    distance: Array = np.nan_to_num(1 - shared, nan=0.5)
    return distance


def match(cost: Array) -> dict[int, int]:
    """Solve the assignment problem: as many pairs of rows and columns as possible, of the least total cost.

    Args:
        cost: (N, M); infinite where a pair is not possible.

    Returns:
        The column of each row that has one.

    Example:
        >>> match(np.array([[1.0, 2.0], [1.5, 9.0]]))
        {0: 1, 1: 0}
    """
    pairs = np.argwhere(np.isfinite(cost))
    if not len(pairs):
        return {}
    impossible = 1 + 2 * float(cost[np.isfinite(cost)].max()) * max(cost.shape)
    side = max(cost.shape)
    square = np.full((side, side), impossible)
    square[: len(cost), : cost.shape[1]] = np.where(np.isfinite(cost), cost, impossible)
    return {
        row: column
        for row, column in enumerate(_hungarian(square)[: len(cost)])
        if column < cost.shape[1] and np.isfinite(cost[row, column])
    }


def _hungarian(cost: Array) -> list[int]:
    """The column of each row of a square matrix, by shortest augmenting paths (Kuhn, Munkres; O(n³))."""
    side = len(cost)
    row_price, column_price = np.zeros(side + 1), np.zeros(side + 1)
    row_of = np.full(side + 1, side)  # The last entry stands for the row that is being placed.
    for row in range(side):
        row_of[side], column = row, side
        slack, before, done = np.full(side, np.inf), np.full(side, side), np.zeros(side + 1, bool)
        while row_of[column] != side:
            done[column] = True
            here = row_of[column]
            reduced = cost[here] - row_price[here] - column_price[:side]
            better = ~done[:side] & (reduced < slack)
            slack[better], before[better] = reduced[better], column
            open_slack = np.where(done[:side], np.inf, slack)
            following = int(open_slack.argmin())
            delta = open_slack[following]
            row_price[row_of[done]] += delta
            column_price[done] -= delta
            slack[~done[:side]] -= delta
            column = following
        while column != side:
            row_of[column], column = row_of[before[column]], int(before[column])
    columns: list[Any] = [0] * side
    for column in range(side):
        columns[row_of[column]] = column
    return columns


def _without_duplicates(poses: Array) -> NDArray[np.intp]:
    """Which of (N, 33, 2) poses to keep so that nobody is there twice, the first of each."""
    kept: list[int] = []
    for i, pose in enumerate(poses):
        size = np.linalg.norm(np.ptp(pose, axis=0)).clip(1e-6)
        if all(np.linalg.norm(pose - poses[j], axis=1).mean() > _DUPLICATE_DISTANCE * size for j in kept):
            kept.append(i)
    return np.array(kept, np.intp)


def _largest_overlap(boxes: Array) -> Array:
    """Each box's largest intersection over union with another one: (N, 4) x0, y0, x1, y1 to (N,)."""
    low, high = np.maximum(boxes[:, None, :2], boxes[None, :, :2]), np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = (high - low).clip(0).prod(axis=2)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    overlap = shared / (area[:, None] + area[None] - shared).clip(1e-6)
    np.fill_diagonal(overlap, 0)
    largest: Array = overlap.max(axis=1, initial=0)
    return largest
