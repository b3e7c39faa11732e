"""The synthetic images on disk: one memory-mapped file, written once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.lib.format import open_memmap

from framesift.copydetect.synthetic import FAMILY_SIZE, IMAGE_SIZE, draw_image
from framesift.vision.decode import RgbImage

_FAMILIES_PER_TASK = 50


def open_pool(folder: Path, *, seed: int, families: int) -> RgbImage:
    """Open the pool of synthetic images; draw it first if it does not exist.

    About 10 ms of one core and 110 kB of disk per image.

    Args:
        folder: Where the pool's file is kept.
        seed: The same seed draws the same pool.
        families: How many families of four.

    Returns:
        (families * 4, 192, 192, 3) uint8 RGB, read-only; a family's members are adjacent.
    """
    path = folder / f"pool-{seed}-{families}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        shape = (families * FAMILY_SIZE, IMAGE_SIZE, IMAGE_SIZE, 3)
        open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=shape).flush()
        starts = range(0, families, _FAMILIES_PER_TASK)
        draw = partial(_draw_families, unfinished, seed, families)
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as workers:
            for _ in workers.map(draw, starts):
                pass
        unfinished.replace(path)
    pool: RgbImage = open_memmap(path, mode="r")
    return pool


def _draw_families(path: Path, seed: int, families: int, start: int) -> None:
    cv2.setNumThreads(1)
    pool = open_memmap(path, mode="r+")
    for family, member in _members(start, min(start + _FAMILIES_PER_TASK, families)):
        pool[family * FAMILY_SIZE + member] = draw_image(seed, family, member)


def _members(start: int, stop: int) -> Iterator[tuple[int, int]]:
    return ((family, member) for family in range(start, stop) for member in range(FAMILY_SIZE))
