"""Where trainings and evaluations are tracked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from framesift.cli.connection import DATA_DIR

if TYPE_CHECKING:
    from framesift.training.tracking.store import TrackingStore

TrackingOption = Annotated[
    str,
    typer.Option(
        "--tracking",
        envvar="MLFLOW_TRACKING_URI",
        help="MLflow's server or database, such as https://… or sqlite:///mlflow.db; empty: a store of this folder.",
    ),
]


def open_store(uri: str) -> TrackingStore:
    """Open MLflow's store at an address; an empty one is a store below `.framesift`."""
    from framesift.training.tracking.store import TrackingStore

    return TrackingStore(uri, DATA_DIR / "training")
