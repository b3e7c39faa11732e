"""How good an iteration is: average precision of its predictions against the regions of its training images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from framesift_local.standins.customvision.vision import Detection, iou


def average_precision(
    predictions: Mapping[str, Sequence[Detection]],
    truths: Mapping[str, Sequence[Detection]],
    tag: str,
    iou_threshold: float,
) -> tuple[float, float, float]:
    """Return average precision (area under the precision-recall curve), precision and recall of a tag, each 0 to 1.

    Args:
        predictions: Predicted boxes of each image.
        truths: True boxes of each image.
        tag: The tag.
        iou_threshold: A prediction is a true positive from this intersection over union on.
    """
    unmatched = {image: [each for each in boxes if each.tag == tag] for image, boxes in truths.items()}
    positives = sum(map(len, unmatched.values()))
    ranked = [(each, image) for image, boxes in predictions.items() for each in boxes if each.tag == tag]
    ranked.sort(key=lambda pair: -pair[0].probability)
    true_positives, area, recall_before = 0, 0.0, 0.0
    for rank, (prediction, image) in enumerate(ranked, 1):
        match = max(unmatched.get(image, []), key=lambda truth: iou(prediction, truth), default=None)
        if match is not None and iou(prediction, match) >= iou_threshold:
            unmatched[image].remove(match)
            true_positives += 1
            area += (true_positives / positives - recall_before) * (true_positives / rank)
            recall_before = true_positives / positives
    precision = true_positives / len(ranked) if ranked else 0.0
    return area, precision, true_positives / positives if positives else 0.0
