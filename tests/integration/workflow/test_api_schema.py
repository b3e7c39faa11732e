"""Schemathesis against the live API: whatever it sends is answered as the API's own description says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.integration.embedded.conftest import Running

# Of each operation. What a test has to shrink takes minutes over HTTP, and says no more than the first example.
EXAMPLES = {"owner": 5, "nobody": 2}
PHASES = [Phase.explicit, Phase.generate]
LEAVE = ("delete", "/v1/me")
"""Deletes who asks: somebody else than who asks everything else."""


@pytest.fixture(scope="session")
def api_schema(crowded: Running) -> Any:
    return schemathesis.openapi.from_url(f"{crowded.api_url}/v1/openapi.json")


@pytest.fixture(scope="session")
def headers_of(crowded: Running) -> Callable[[str, Any], dict[str, str]]:
    tokens = {user: crowded.control("token", username=user, groups=["admin"]) for user in ("ann", "leaver")}

    def choose(who: str, operation: Any) -> dict[str, str]:
        user = "leaver" if (operation.method, operation.path) == LEAVE else "ann"
        return {"Authorization": f"Bearer {tokens[user]}"} if who == "owner" else {}

    return choose


@pytest.mark.parametrize("who", EXAMPLES)
def test_each_route_answers_as_described(api_schema: Any, headers_of: Any, who: str) -> None:
    health = list(HealthCheck)
    quick = settings(max_examples=EXAMPLES[who], phases=PHASES, deadline=None, suppress_health_check=health)
    operations = [found.ok() for found in api_schema.get_all_operations()]
    assert len(operations) >= 70
    assert LEAVE in {(operation.method, operation.path) for operation in operations}
    for operation in operations:
        check(operation, headers_of(who, operation), quick)


def check(operation: Any, headers: dict[str, str], quick: settings) -> None:
    """Ask one route. The schema knows neither the query language nor `If-Match`: 422 and 428 are right answers."""

    @quick
    @given(case=operation.as_strategy())
    def call(case: Any) -> None:
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

    call()
