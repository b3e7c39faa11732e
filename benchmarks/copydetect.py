"""How well our copy-detection model finds edited copies, against hashes, in one run on the same photos.

    python benchmarks/copydetect.py [--photos FOLDER ...]

Writes `benchmarks/results/copydetect.json` and `.md`. Photos come from installed packages and from any folder; the
figures are of the test half, on which no choice was made. Milliseconds are CPU time, one image at a time on one
thread, from a decoded photo at its full size.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from framesift.copydetect.evaluate import find_folder_photos, find_packaged_photos
from framesift.copydetect.report import compare, format_table

RESULTS = Path(__file__).with_name("results")


def main() -> None:
    """Run the comparison and write its results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, nargs="*", default=[], help="folders of photos")
    photos = find_packaged_photos()
    for folder in parser.parse_args().photos:
        photos |= find_folder_photos(folder)
    figures = compare(photos, file=None, half="report")
    RESULTS.mkdir(exist_ok=True)
    result = {"photos": sorted(photos), "half": "report", "methods": figures}
    (RESULTS / "copydetect.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    text = f"{len(photos)} photos, the test half\n\n{format_table(figures)}\n"
    (RESULTS / "copydetect.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
