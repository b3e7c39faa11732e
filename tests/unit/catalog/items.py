"""Items that tests of catalogs make."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from framesift.contracts import CatalogItem, Health, Prediction

START = datetime(2026, 1, 1, tzinfo=UTC)


def item_id(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:32]


def make_item(number: int, **fields: Any) -> CatalogItem:
    sha256 = hashlib.sha256(str(number).encode()).hexdigest()
    default: dict[str, Any] = {
        "id": sha256[:32],
        "sha256": sha256,
        "key": f"collections/parts/originals/{sha256[:32]}.jpg",
        "names": [f"IMG_{number:04d}.jpg"],
        "content_type": "image/jpeg" if number % 3 else "image/png",
        "size_bytes": 1000 + number,
        "width": 640 + number % 5,
        "height": 480,
        "added_at": START + timedelta(minutes=number),
        "added_by": "kim",
        "health": Health(
            sharpness=number, brightness=0.5, contrast=0.2, entropy_bits=7, flags=["dark"] if number % 4 == 0 else []
        ),
        "predictions": [
            Prediction(model="resnet50@1", label="Bolt" if number % 2 else "Nut", score=0.5 + number % 5 / 10)
        ],
    }
    return CatalogItem.model_validate({**default, **fields})
