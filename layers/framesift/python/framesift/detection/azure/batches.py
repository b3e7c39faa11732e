"""Pictures with regions, as `create_images_from_files` takes them: converted, clipped, batched."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from framesift.contracts import Region
from framesift.detection.azure.pictures import MAX_TRAINING_BYTES, fit
from framesift.detection.regions import clip_all
from framesift.errors import ImageRefusedError, MediaError
from framesift.names import safe_name

# Of one request (`create_images_from_files`); 55 MB and more have timed out.
MAX_BATCH_IMAGES = 64
MAX_BATCH_BYTES = 32 * 1024 * 1024
MAX_REGIONS = 300
_STORED = {"OK", "OKDuplicate"}


@dataclass(frozen=True)
class Labelled:
    """A picture with what is in it.

    Attributes:
        sha256: Digest of `data`.
        data: JPEG, PNG, WebP or GIF bytes.
        title: Names the picture in the project, for people.
        regions: What is in it; clipped to the picture when sent.
    """

    sha256: str
    data: bytes
    title: str
    regions: Sequence[Region]


@dataclass(frozen=True)
class Uploaded:
    """What became of a picture.

    Attributes:
        sha256: Digest of the picture as it was collected.
        sent_sha256: Digest of what was sent.
        image_id: The project's id of it; None where it was refused.
        error: Why it was refused.
    """

    sha256: str
    sent_sha256: str = ""
    image_id: str | None = None
    error: MediaError | None = None


@dataclass(frozen=True)
class Fitting:
    """A picture as it is sent.

    Attributes:
        picture: As it was collected.
        data: JPEG, PNG or GIF bytes that the service takes.
        sha256: Digest of `data`.
        name: Tells the picture in the service's answer.
        regions: Inside of the picture.
    """

    picture: Labelled
    data: bytes
    sha256: str
    name: str
    regions: Sequence[Region]


@dataclass(frozen=True)
class Batch:
    """What one request sends, and what was refused on the way to it.

    Attributes:
        images: What the request sends; may be empty.
        refused: Images that the service would not take.
    """

    images: list[Fitting]
    refused: list[Uploaded]


def fitting(images: Iterable[Labelled], known: Container[str] = frozenset()) -> Iterator[Fitting | Uploaded]:
    """Convert images to what the service takes.

    Args:
        images: What is to be sent.
        known: Digests of what was sent before: that is left out.

    Yields:
        Each image as it is sent; the outcome of one that the service would not take.
    """
    for image in images:
        try:
            data = fit(image.data, MAX_TRAINING_BYTES)
            regions, outside = clip_all(image.regions)
            if outside and not regions:
                raise outside[0]
        except MediaError as error:
            yield Uploaded(image.sha256, error=error)
            continue
        sent = hashlib.sha256(data).hexdigest()
        if sent in known:
            continue
        name = f"{safe_name(image.title, max_bytes=80)} {sent[:16]}"
        yield Fitting(image, data, sent, name, regions[:MAX_REGIONS])


def batches(images: Iterable[Fitting | Uploaded]) -> Iterator[Batch]:
    """Group images into as few requests as the service's limits allow."""
    batch = Batch([], [])
    size_bytes = 0
    for each in images:
        if isinstance(each, Uploaded):
            batch.refused.append(each)
            continue
        if batch.images and (len(batch.images) == MAX_BATCH_IMAGES or size_bytes + len(each.data) > MAX_BATCH_BYTES):
            yield batch
            batch, size_bytes = Batch([], []), 0
        batch.images.append(each)
        size_bytes += len(each.data)
    if batch.images or batch.refused:
        yield batch


def body(batch: Sequence[Fitting], tag_ids: dict[str, str]) -> Any:
    """A request's body."""
    from azure.cognitiveservices.vision.customvision.training import models

    return models.ImageFileCreateBatch(
        images=[
            models.ImageFileCreateEntry(
                name=each.name,
                contents=bytearray(each.data),
                regions=[
                    models.Region(
                        tag_id=tag_ids[region.tag],
                        left=region.left,
                        top=region.top,
                        width=region.width,
                        height=region.height,
                    )
                    for region in each.regions
                ],
            )
            for each in batch
        ]
    )


def outcome(each: Fitting, result: Any) -> Uploaded:
    """What the service's answer says of a picture."""
    if result.status in _STORED:
        return Uploaded(each.picture.sha256, each.sha256, str(result.image.id))
    error = ImageRefusedError(f"Custom Vision does not take the picture {each.name!r}: {result.status}.")
    return Uploaded(each.picture.sha256, each.sha256, error=error)
