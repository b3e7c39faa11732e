"""Photographs for every test that needs real images."""

import numpy as np
import pytest

from tests.unit.images import PHOTOGRAPHS, photograph


@pytest.fixture(scope="session")
def photographs() -> list[np.ndarray]:
    """Five photographs, `(height, width, 3)` uint8 RGB."""
    return [photograph(name) for name in PHOTOGRAPHS]
