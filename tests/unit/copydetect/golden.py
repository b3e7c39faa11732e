"""Images by integer arithmetic alone, the same on every machine, and how the golden vectors were made.

`python -m tests.unit.copydetect.golden` writes `golden.npy` anew: only when a new version of the model is committed.
"""

from pathlib import Path

import numpy as np

GOLDEN_FILE = Path(__file__).with_name("golden.npy")


def golden_images():
    """Four images at the model's own size, so that nothing is scaled: (128, 128, 3) uint8 each."""
    y, x = np.mgrid[0:128, 0:128]
    discs = ((x - 40) ** 2 + (y - 60) ** 2 < 900) * 200 + ((x - 90) ** 2 + (y - 30) ** 2 < 400) * 90
    planes = [
        ((x * y) >> 6, x ^ y, (x + y) >> 1),
        (discs, discs >> 1, 255 - 2 * y),
        ((x // 16 + y // 16) % 2 * 255, x * 2, y * 2),
        ((x * x + y * y) >> 7, (x * 3) ^ (y * 5), discs),
    ]
    return [np.stack(channels, axis=2).astype(np.uint8) for channels in planes]


if __name__ == "__main__":
    from framesift.copydetect.model import CopyDetector

    np.save(GOLDEN_FILE, CopyDetector().embed(golden_images()))
