"""What the API's function must be beside right: quick to start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_starts_without_numpy_and_models() -> None:
    code = (
        "import sys, functions.serve_api.handler\n"
        "heavy = {'numpy', 'PIL', 'torch', 'cv2', 'lingua', 'onnxruntime', 'pandas', 'moto'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
