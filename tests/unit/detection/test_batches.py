"""Images for Custom Vision: converted, batched, and refused where they belong."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from framesift.contracts import Region
from framesift.detection.azure.batches import MAX_BATCH_IMAGES, Fitting, Labelled, Uploaded, batches, fitting
from framesift.errors import NotAnImageError, RegionOutsideError
from tests.unit.detection.conftest import picture

INSIDE = Region(tag="logo", left=0.1, top=0.1, width=0.2, height=0.2)
OUTSIDE = Region(tag="logo", left=1.5, top=0.1, width=0.2, height=0.2)


def labelled(data: bytes, region: Region = INSIDE) -> Labelled:
    return Labelled(hashlib.sha256(data).hexdigest(), data, "a title", [region])


def test_a_refused_image_stands_where_it_was() -> None:
    good, cut = picture(2), picture(3)[:500]
    first, second, third = fitting([labelled(cut), labelled(good), labelled(good, OUTSIDE)])
    assert isinstance(first, Uploaded)
    assert isinstance(first.error, NotAnImageError)
    assert isinstance(second, Fitting)
    assert isinstance(third, Uploaded)
    assert isinstance(third.error, RegionOutsideError)


def test_an_image_that_was_sent_before_is_left_out() -> None:
    (sent,) = fitting([labelled(picture(2))])
    assert isinstance(sent, Fitting)
    assert list(fitting([labelled(picture(2))], {sent.sha256})) == []


def test_a_batch_has_what_was_refused_on_the_way_to_it() -> None:
    (good,) = fitting([labelled(picture(2))])

    def images() -> Iterator[Fitting | Uploaded]:
        assert isinstance(good, Fitting)
        yield Uploaded("a")
        yield from [good] * MAX_BATCH_IMAGES
        yield Uploaded("b")
        yield good
        yield Uploaded("c")

    first, second = batches(images())
    assert [len(first.images), len(second.images)] == [MAX_BATCH_IMAGES, 1]
    assert [each.sha256 for each in first.refused] == ["a", "b"]
    assert [each.sha256 for each in second.refused] == ["c"]


def test_refused_images_alone_are_a_batch_that_sends_nothing() -> None:
    (batch,) = batches([Uploaded("a")])
    assert (batch.images, [each.sha256 for each in batch.refused]) == ([], ["a"])
