"""Schemathesis against the live API: whatever it sends is answered as the API's own description says."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from tests.integration.embedded.conftest import Running

EXAMPLES = 15


@pytest.fixture(scope="session")
def api_schema(crowded: Running) -> Any:
    return schemathesis.openapi.from_url(f"{crowded.api_url}/v1/openapi.json")


@pytest.fixture(scope="session")
def token(crowded: Running) -> str:
    return crowded.control("token", username="ann", groups=["admin"])


quick = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("with_token", [True, False])
def test_each_route_answers_as_described(api_schema: Any, token: str, with_token: bool) -> None:
    headers = {"Authorization": f"Bearer {token}"} if with_token else {}
    operations = [found.ok() for found in api_schema.get_all_operations()]
    assert len(operations) >= 50
    for operation in operations:

        @quick
        @given(case=operation.as_strategy())
        def call(case: Any) -> None:
            case.call_and_validate(headers=headers)

        call()
