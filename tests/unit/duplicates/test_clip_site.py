"""PDQ alone on the clip site: every re-encoded and resized re-upload found, no original lost."""

import dataclasses
import datetime as dt

import numpy as np
import pytest

from framesift.duplicates.fingerprints import fingerprint
from framesift.duplicates.pdq import MIN_QUALITY, similar_hashes
from framesift_local.standins.clipsite import images
from framesift_local.standins.clipsite.catalogue import Clip, catalogue

CLIPS_PER_CATEGORY = 40
MUST_BE_FOUND = {"reencode", "resize"}


def original_of(clip: Clip) -> Clip:
    """The clip that a re-upload's cover was drawn from, whatever day it was listed."""
    return dataclasses.replace(clip, edit=None)


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    days = [dt.date(2026, 11, 20), dt.date(2026, 12, 3)]
    return [clip for day in days for clip in catalogue(7, day, CLIPS_PER_CATEGORY).clips.values()]


def words_of(clips):
    found = [fingerprint(images.encode(clip), None, max_pixels=25_000_000) for clip in clips]
    assert all(one.pdq.quality >= MIN_QUALITY for one in found)
    return np.stack([one.pdq.words for one in found])


def test_every_reencoded_and_resized_re_upload_is_found(clips):
    edited = [clip for clip in clips if clip.edit in MUST_BE_FOUND]
    assert len(edited) >= 10
    words = words_of([*edited, *map(original_of, edited)])
    pairs = similar_hashes(words)
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert {(place, place + len(edited)) for place in range(len(edited))} <= found


def test_no_original_is_lost(clips):
    originals = [clip for clip in clips if clip.edit is None][:120]
    assert len(similar_hashes(words_of(originals))) == 0
