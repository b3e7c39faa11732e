"""Images for Custom Vision: converted, batched, and refused where they belong."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from framesift.contracts import Region
from framesift.detection.azure.batches import (
    MAX_BATCH_IMAGES,
    LabelledImage,
    PreparedImage,
    UploadOutcome,
    make_batches,
    prepare_images,
)
from framesift.errors import NotAnImageError, RegionOutsideError
from tests.unit.custom_vision import make_image

INSIDE = Region(tag="logo", left=0.1, top=0.1, width=0.2, height=0.2)
OUTSIDE = Region(tag="logo", left=1.5, top=0.1, width=0.2, height=0.2)


def labelled(data: bytes, region: Region = INSIDE) -> LabelledImage:
    return LabelledImage(hashlib.sha256(data).hexdigest(), data, "a title", [region])


def test_a_refused_image_stands_where_it_was() -> None:
    good, cut = make_image(2), make_image(3)[:500]
    first, second, third = prepare_images([labelled(cut), labelled(good), labelled(good, OUTSIDE)])
    assert isinstance(first, UploadOutcome)
    assert isinstance(first.error, NotAnImageError)
    assert isinstance(second, PreparedImage)
    assert isinstance(third, UploadOutcome)
    assert isinstance(third.error, RegionOutsideError)


def test_an_image_that_was_sent_before_is_left_out() -> None:
    (sent,) = prepare_images([labelled(make_image(2))])
    assert isinstance(sent, PreparedImage)
    assert list(prepare_images([labelled(make_image(2))], {sent.sha256})) == []


def test_a_batch_has_what_was_refused_on_the_way_to_it() -> None:
    (good,) = prepare_images([labelled(make_image(2))])

    def images() -> Iterator[PreparedImage | UploadOutcome]:
        assert isinstance(good, PreparedImage)
        yield UploadOutcome("a")
        yield from [good] * MAX_BATCH_IMAGES
        yield UploadOutcome("b")
        yield good
        yield UploadOutcome("c")

    first, second = make_batches(images())
    assert [len(first.images), len(second.images)] == [MAX_BATCH_IMAGES, 1]
    assert [each.sha256 for each in first.refused] == ["a", "b"]
    assert [each.sha256 for each in second.refused] == ["c"]


def test_refused_images_alone_are_a_batch_that_sends_nothing() -> None:
    (batch,) = make_batches([UploadOutcome("a")])
    assert (batch.images, [each.sha256 for each in batch.refused]) == ([], ["a"])
