"""How well an iteration does: average precision of what it sees against what was taught."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from framesift_local.standins.customvision.eyes import Seen, overlap


def average_precision(
    seen: Mapping[str, Sequence[Seen]], taught: Mapping[str, Sequence[Seen]], tag: str, least_overlap: float
) -> tuple[float, float, float]:
    """Average precision (area under the precision-recall curve), precision and recall of a tag.

    Args:
        seen: What was seen in each picture.
        taught: What is in each picture.
        tag: The tag.
        least_overlap: From this overlap (IoU) on, a box is right.
    """
    truths = {image: [each for each in boxes if each.tag == tag] for image, boxes in taught.items()}
    wanted = sum(map(len, truths.values()))
    guesses = [(each, image) for image, boxes in seen.items() for each in boxes if each.tag == tag]
    guesses.sort(key=lambda guess: -guess[0].probability)
    free = {image: list(boxes) for image, boxes in truths.items()}
    right, area, recall_before = 0, 0.0, 0.0
    for number, (guess, image) in enumerate(guesses, 1):
        match = max(free.get(image, []), key=lambda truth: overlap(guess, truth), default=None)
        if match is not None and overlap(guess, match) >= least_overlap:
            free[image].remove(match)
            right += 1
            area += (right / wanted - recall_before) * (right / number)
            recall_before = right / wanted
    precision = right / len(guesses) if guesses else 0.0
    return area, precision, right / wanted if wanted else 0.0
