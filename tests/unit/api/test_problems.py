"""The one place that maps errors to statuses."""

from __future__ import annotations

import pytest

from framesift import errors
from framesift.api.problems import status_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.NotFoundError, 404),
        (errors.UnknownCategoryError, 404),
        (errors.UnknownSourceError, 404),
        (errors.InvalidDateError, 422),
        (errors.RunBusyError, 409),
        (errors.TranslateUnavailableError, 503),
        (errors.ModelMissingError, 422),  # The request, or the collection, names it.
        (errors.ModelMismatchError, 500),
        (errors.FramesiftError, 500),
    ],
)
def test_an_error_has_its_status(error: type[errors.FramesiftError], status: int):
    assert status_of(error("…")) == status
