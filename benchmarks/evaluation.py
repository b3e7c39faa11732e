"""COCO's figures of the detections of 5,000 images, by pycocotools and by us, in one run.

    python -m benchmarks.evaluation [--images 5000] [--rounds 1]

The objects are drawn at random, in COCO's number: 7.3 of 80 classes in an image; each image has up to 100 detections,
half of them near objects. A second data set has 4 classes, as a factory's has. Both begin with boxes as arrays
(pycocotools: with its index made), and must reach equal figures. Writes `benchmarks/results/evaluation.md`.
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np

from benchmarks.rounds import interleaved, machine, report, table
from framesift.training.evaluation.detection import evaluate_detector
from tests.unit.training.coco_reference import make_evaluation, run_evaluation
from tests.unit.training.drawn import draw_data_set

DATA_SETS = {"80 classes": 80, "4 classes": 4}
OBJECTS, DETECTIONS = 7.3, 100
ALLOWED = 0.5


def main() -> None:
    """Run the benchmark and keep its report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    rows = []
    for name, classes in DATA_SETS.items():
        truths, predictions = draw_data_set(
            images=options.images, classes=classes, objects=OBJECTS, detections=DETECTIONS, seed=classes
        )
        names = [str(number) for number in range(classes)]
        evaluation = make_evaluation(truths, predictions, classes)
        theirs = partial(run_evaluation, evaluation)
        ours = partial(evaluate_detector, truths, predictions, names)
        reached: dict[str, list[float]] = {}
        seconds = interleaved(
            {
                "pycocotools": lambda theirs=theirs, reached=reached: reached.update(theirs=theirs()["stats"]),
                "framesift": lambda ours=ours, reached=reached: reached.update(ours=list(ours().summary.values())),
            },
            options.rounds,
        )
        np.testing.assert_allclose(reached["ours"], reached["theirs"], atol=1e-9)
        ratio = seconds["framesift"] / seconds["pycocotools"]
        rows.append(
            (name, f"{seconds['pycocotools']:.2f}", f"{seconds['framesift']:.2f}", f"{ratio:.3f}", f"{ALLOWED:g}")
        )
    report(
        "evaluation",
        [
            "# COCO's figures",
            "",
            f"{options.images:,} images, {OBJECTS} objects and {DETECTIONS} detections each; {options.rounds} rounds.",
            "All twelve figures are equal to the ninth digit.",
            "",
            *table(("data set", "pycocotools, s", "framesift, s", "ratio", "allowed"), rows),
            "",
            *machine(("numpy", "pycocotools")),
        ],
    )


if __name__ == "__main__":
    main()
