"""Schemathesis against the live API: whatever it sends is answered as the API's own description says."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from tests.integration.embedded.conftest import Running

EXAMPLES = 15


@pytest.fixture(scope="session")
def api_schema(crowded: Running) -> Any:
    return schemathesis.openapi.from_url(f"{crowded.api_url}/v1/openapi.json")


@pytest.fixture(scope="session")
def token(crowded: Running) -> str:
    return crowded.control("token", username="ann")


schema = schemathesis.pytest.from_fixture("api_schema")
quick = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@schema.parametrize()
@quick
def test_each_route_answers_as_described(case: Any, token: str) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {token}"})


@schema.parametrize()
@quick
def test_each_route_answers_as_described_without_a_token(case: Any) -> None:
    case.call_and_validate()
