"""Detects objects with an ONNX file of the registry, many images at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np

from framesift.contracts import Detection
from framesift.detection.onnx.feed import to_planes
from framesift.detection.onnx.heads import (
    Boxes,
    Floats,
    read_custom_vision,
    read_finished,
    read_yolov5,
    read_yolov8,
    suppress,
)
from framesift.detection.regions import clip
from framesift.errors import MediaError, NotADetectorError, RegionOutsideError, RowCountError, SettingsError
from framesift.models import default_cache_dir, open_registry
from framesift.models.card import DetectorForm
from framesift.settings import Settings
from framesift.storage import Store
from framesift.vision.decode import RgbImage, decode_image
from framesift.vision.image_model import Prepared
from framesift.vision.inputs import InputForm, Placement, letterbox, placement, stretch
from framesift.vision.onnx_session import OnnxNetwork, usable_cores

# Heads whose networks take one image a run.
_ONE_AT_A_TIME = {"torchvision", "custom_vision_s1"}
_CUSTOM_VISION = {"custom_vision", "custom_vision_s1"}


class OnnxDetector:
    """Detects objects with an ONNX network on the CPU.

    Args:
        path: The ONNX file. Its batch size may be fixed to one.
        form: Its input and output.
        name: For records.
        iou_threshold: Of boxes of a tag with a larger IoU only the most probable is kept.
        batch: Images per run of the network.
        threads: Threads of one run; 0: one per core.
        exact: Compute in float32 in any case.
    """

    def __init__(
        self,
        path: Path,
        form: DetectorForm,
        *,
        name: str = "onnx",
        iou_threshold: float = 0.45,
        batch: int = 8,
        threads: int = 0,
        exact: bool = False,
    ) -> None:
        self.name = name
        self._form = form
        self._iou_threshold = iou_threshold
        self._threads = threads or usable_cores()
        self._network = OnnxNetwork(path, threads=threads, exact=exact)
        one = form.head in _ONE_AT_A_TIME or self._network.batch_size == 1
        self._batch = 1 if one else batch
        # The file's metadata takes precedence over the usual input: for Custom Vision 0 to 255, BGR for its grid head
        # and RGB for S1; for all others RGB, 0 to 1.
        metadata = self._network.metadata
        usual = "Bgr8" if form.head == "custom_vision" else "Rgb8"
        self._is_bgr = metadata.get("Image.BitmapPixelFormat", usual) == "Bgr8"
        usual = "NominalRange_0_255" if form.head in _CUSTOM_VISION else "Normalized_0_1"
        self._scale = 1.0 if metadata.get("Image.NominalPixelRange", usual) == "NominalRange_0_255" else 1 / 255

    @classmethod
    def from_settings(cls, settings: Settings, store: Store) -> OnnxDetector:
        """Open the model that the settings name.

        Raises:
            SettingsError: No model is named.
            NotFoundError: The bucket has no such model.
            ModelError: Its file is not available; the subclass shows why.
            NotADetectorError: It is no object detector.
        """
        if not settings.detection.model:
            raise SettingsError(
                "Set FRAMESIFT_DETECTION__MODEL to a detector: NAME/VERSION, as `framesift models add` prints it."
            )
        model = open_registry(default_cache_dir(), store).resolve(settings.detection.model)
        if model.card.detector is None:
            raise NotADetectorError(f"The model {model.card.name} is no object detector: its card has no `detector`.")
        return cls(
            model.path,
            model.card.detector,
            name=f"onnx/{model.card.folder}",
            iou_threshold=settings.detection.iou_threshold,
            batch=settings.detection.batch,
            threads=settings.analysis.threads,
        )

    @property
    def device(self) -> str:
        """The device that computes, for people."""
        return self._network.device

    def tags(self) -> Mapping[str, Sequence[str]]:
        """See `Detector.tags`."""
        known = self._form.tags[1:] if self._form.head == "torchvision" else self._form.tags
        return {f"the model {self.name}": known}

    def detect(self, images: Sequence[bytes], *, min_score: float) -> list[list[Detection] | MediaError]:
        """See `Detector.detect`. Images are decoded while the network computes."""
        answers: list[list[Detection] | MediaError] = []
        with ThreadPoolExecutor(self._threads, thread_name_prefix="decode") as pool:
            waiting = [pool.submit(self._prepare, data) for data in images]
            for start in range(0, len(waiting), self._batch):
                prepared = [future.result() for future in waiting[start : start + self._batch]]
                waiting[start : start + self._batch] = [waiting[start]] * len(prepared)  # Frees the pixels.
                whole = [each for each in prepared if not isinstance(each, MediaError)]
                found = self._run([image for image, _, _ in whole], min_score) if whole else iter(())
                for each in prepared:
                    if isinstance(each, MediaError):
                        answers.append(each)
                    else:
                        answers.append(self._detections(next(found), each[1], each[2]))
        return answers

    @property
    def input_form(self) -> InputForm:
        """How the network takes an image."""
        way: Literal["stretch", "letterbox"] = "stretch" if self._form.head in _CUSTOM_VISION else "letterbox"
        return InputForm(way=way, width=self._form.width, height=self._form.height)

    def detect_prepared(
        self, images: Sequence[Prepared], *, min_score: float
    ) -> list[tuple[list[Detection], Floats | None]]:
        """Detect objects in images that were prepared in `input_form`.

        Returns:
            For each image its detections, most probable first, and its features where the network has an output of
            that name.
        """
        answers: list[tuple[list[Detection], Floats | None]] = []
        for start in range(0, len(images), self._batch):
            part = images[start : start + self._batch]
            outputs = self._compute([image.pixels[0] for image in part])
            features = outputs.pop("features", None)
            rows = None if features is None else np.asarray(features, np.float32).reshape(len(part), -1)
            for row, (boxes, image) in enumerate(zip(self._read(outputs, len(part), min_score), part, strict=True)):
                place = placement(self.input_form, image.width, image.height)
                found = self._detections(boxes, place, (image.width, image.height))
                answers.append((found, None if rows is None else rows[row]))
        return answers

    def _prepare(self, data: bytes) -> tuple[RgbImage, Placement, tuple[int, int]] | MediaError:
        width, height = self._form.width, self._form.height
        try:
            # A JPEG is decoded to what is needed: its smaller side need not exceed the network's larger one.
            image = decode_image(data, min_side=max(width, height))
        except MediaError as error:
            return error
        resize = stretch if self._form.head in _CUSTOM_VISION else letterbox
        resized, placement = resize(image, width, height)
        return resized, placement, (image.shape[1], image.shape[0])

    def _run(self, images: list[RgbImage], min_score: float) -> Iterator[Boxes]:
        return self._read(self._compute(images), len(images), min_score)

    def _compute(self, images: list[RgbImage]) -> dict[str, Floats]:
        planes = to_planes(images, bgr=self._is_bgr, scale=self._scale)
        # torchvision's detectors are exported for a list of one image.
        return self._network.run_all(planes[0] if self._form.head == "torchvision" else planes)

    def _read(self, outputs: Mapping[str, Floats], count: int, min_score: float) -> Iterator[Boxes]:
        form, tags = self._form, len(self._form.tags)
        match form.head:
            case "yolov5":
                found = read_yolov5(next(iter(outputs.values())), tags, min_score)
            case "yolov8":
                found = read_yolov8(next(iter(outputs.values())), tags, min_score)
            case "custom_vision":
                found = read_custom_vision(next(iter(outputs.values())), tags, min_score, form.width, form.height)
            case _:
                return iter([self._finished(outputs, min_score)])
        if len(found) != count:
            raise RowCountError(
                f"{self.name} gives {len(found)} rows for {count} images: add it again, exported with a batch "
                "that is open or fixed to one image."
            )
        return (suppress(boxes, self._iou_threshold) for boxes in found)

    def _finished(self, outputs: Mapping[str, Floats], min_score: float) -> Boxes:
        try:
            if self._form.head == "torchvision":
                boxes, labels, scores = outputs["boxes"], outputs["labels"], outputs["scores"]
                return read_finished(boxes, scores, labels.astype(np.int64), min_score)
            size = (self._form.width, self._form.height) * 2
            boxes, labels, scores = (
                outputs[name].reshape(shape)
                for name, shape in (("detected_boxes", (-1, 4)), ("detected_classes", -1), ("detected_scores", -1))
            )
            return read_finished(boxes, scores, labels.astype(np.int64), min_score, size)
        except KeyError as missing:
            raise NotADetectorError(
                f"The network has no output {missing}, which a {self._form.head} detector has: it has "
                f"{', '.join(outputs)}. Export it with these names, or correct the card's `detector`."
            ) from None

    def _detections(self, boxes: Boxes, placement: Placement, size: tuple[int, int]) -> list[Detection]:
        xyxy = (boxes.xyxy - [placement.left, placement.top] * 2) / [
            placement.scale_x * size[0],
            placement.scale_y * size[1],
            placement.scale_x * size[0],
            placement.scale_y * size[1],
        ]
        found = []
        for (left, top, right, bottom), score, number in zip(xyxy.tolist(), boxes.scores, boxes.classes, strict=True):
            detection = Detection(
                tag=self._form.tags[number],
                left=left,
                top=top,
                width=right - left,
                height=bottom - top,
                probability=min(max(float(score), 0.0), 1.0),
            )
            try:
                found.append(detection.model_copy(update=clip(detection).model_dump()))
            except RegionOutsideError:
                continue  # A box in the padding.
        return sorted(found, key=lambda detection: -detection.probability)
