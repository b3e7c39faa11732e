"""Prepares training images for `create_images_from_files`: converts them, clips their regions, groups them."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from framesift.contracts import Region
from framesift.detection.azure.images import MAX_TRAINING_BYTES, convert
from framesift.detection.regions import clip_all
from framesift.errors import ImageRefusedError, MediaError
from framesift.names import safe_name

# Per request; the service has timed out from 55 MB on.
MAX_BATCH_IMAGES = 64
MAX_BATCH_BYTES = 32 * 1024 * 1024
MAX_REGIONS = 300
_STORED = {"OK", "OKDuplicate"}


@dataclass(frozen=True)
class LabelledImage:
    """A training image and its regions.

    Attributes:
        sha256: Digest of `data`.
        data: JPEG, PNG, WebP or GIF bytes.
        title: Its name in the project, for people.
        regions: Its objects; they are clipped to the image before the upload.
    """

    sha256: str
    data: bytes
    title: str
    regions: Sequence[Region]


@dataclass(frozen=True)
class UploadOutcome:
    """The result for one image.

    Attributes:
        sha256: Digest of the image as it was collected.
        sent_sha256: Digest of the uploaded bytes.
        image_id: Its id in the project; None if it was refused.
        error: Why it was refused.
    """

    sha256: str
    sent_sha256: str = ""
    image_id: str | None = None
    error: MediaError | None = None


@dataclass(frozen=True)
class PreparedImage:
    """An image as it is uploaded.

    Attributes:
        original: The image as it was collected.
        data: JPEG, PNG or GIF bytes that the service takes.
        sha256: Digest of `data`.
        name: Identifies the image in the service's response.
        regions: Clipped to the image.
    """

    original: LabelledImage
    data: bytes
    sha256: str
    name: str
    regions: Sequence[Region]


@dataclass(frozen=True)
class Batch:
    """The images of one request, and those that were refused while it was filled.

    Attributes:
        images: The images to upload; may be empty.
        refused: Images that the service does not accept.
    """

    images: list[PreparedImage]
    refused: list[UploadOutcome]


def prepare_images(
    images: Iterable[LabelledImage], known: Container[str] = frozenset()
) -> Iterator[PreparedImage | UploadOutcome]:
    """Convert images to what the service accepts.

    Args:
        images: The images to upload.
        known: Digests of uploaded bytes: images with these are skipped.

    Yields:
        Each image as it is uploaded, or the outcome for one that the service does not accept.
    """
    for image in images:
        try:
            data = convert(image.data, MAX_TRAINING_BYTES)
            regions, outside = clip_all(image.regions)
            if outside and not regions:
                raise outside[0]
        except MediaError as error:
            yield UploadOutcome(image.sha256, error=error)
            continue
        sent = hashlib.sha256(data).hexdigest()
        if sent in known:
            continue
        name = f"{safe_name(image.title, max_bytes=80)} {sent[:16]}"
        yield PreparedImage(image, data, sent, name, regions[:MAX_REGIONS])


def make_batches(images: Iterable[PreparedImage | UploadOutcome]) -> Iterator[Batch]:
    """Group images into as few requests as the service's limits allow."""
    batch = Batch([], [])
    size_bytes = 0
    for each in images:
        if isinstance(each, UploadOutcome):
            batch.refused.append(each)
            continue
        if batch.images and (len(batch.images) == MAX_BATCH_IMAGES or size_bytes + len(each.data) > MAX_BATCH_BYTES):
            yield batch
            batch, size_bytes = Batch([], []), 0
        batch.images.append(each)
        size_bytes += len(each.data)
    if batch.images or batch.refused:
        yield batch


def make_request(batch: Sequence[PreparedImage], tag_ids: dict[str, str]) -> Any:
    """Build the body of a request."""
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


def read_outcome(each: PreparedImage, result: Any) -> UploadOutcome:
    """Read the outcome for one image from the service's response."""
    if result.status in _STORED:
        return UploadOutcome(each.original.sha256, each.sha256, str(result.image.id))
    error = ImageRefusedError(f"Custom Vision refuses the image {each.name!r}: {result.status}.")
    return UploadOutcome(each.original.sha256, each.sha256, error=error)
