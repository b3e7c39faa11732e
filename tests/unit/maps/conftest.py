from __future__ import annotations

import numpy as np
import pytest

from framesift import aws
from framesift.catalog.log import CatalogLog
from framesift.catalog.vectors import write_part
from framesift.contracts import CatalogItem
from framesift.opened import OpenCollection
from framesift.settings import CatalogSettings
from framesift.storage import S3Store
from framesift.workflow import Workflow
from tests.unit.catalog.conftest import COLLECTION, catalog_settings, log
from tests.unit.catalog.items import make_item

__all__ = ["catalog_settings", "log"]

MODEL = "clip@1"
GROUPS = 3


def put_vectors(
    store: S3Store, numbers: list[int], part: str, model: str = MODEL, collection: str = COLLECTION
) -> None:
    """Vectors of items by their numbers: those of a group, number % 3, lie together."""
    centres = np.random.default_rng(0).normal(0, 2, (GROUPS, 16))
    noise = np.random.default_rng(numbers[0]).normal(0, 0.3, (len(numbers), 16))
    rows = (centres[np.array(numbers) % GROUPS] + noise).astype(np.float16)
    write_part(store, collection, model, part, [make_item(number).id for number in numbers], rows)


@pytest.fixture
def items() -> list[CatalogItem]:
    return [make_item(number, tags=[f"group {number % GROUPS}"]) for number in range(60)]


@pytest.fixture
def opened(log: CatalogLog, items: list[CatalogItem], catalog_settings: CatalogSettings) -> OpenCollection:
    """A collection of 60 images with vectors, in three groups."""
    log.add_items(items, "kim")
    put_vectors(log.store, list(range(40)), "first")
    put_vectors(log.store, list(range(40, 60)), "second")
    return OpenCollection(COLLECTION, log.store, log.records, catalog_settings)


@pytest.fixture
def workflow(store: S3Store) -> Workflow:
    made = aws.stepfunctions().create_state_machine(
        name="framesift", definition="{}", roleArn="arn:aws:iam::123456789012:role/any"
    )
    return Workflow(made["stateMachineArn"])
