"""Requests that may be sent twice: with an `Idempotency-Key`, the second one gets the first one's answer."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyValidationError,
)

from framesift import aws
from framesift.api.middlewares import claims_of, to_json
from framesift.errors import InputError, RequestReusedError, RequestRunningError
from framesift.settings import load_settings
from framesift.table.people import answers_partition

HEADER: Final = "idempotency-key"
_MAX_LENGTH: Final = 200


def idempotent(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Carry a request out once for each key of a user; a failed one is carried out again.

    Raises:
        RequestReusedError: The key was sent with another body before.
        RequestRunningError: The request with this key is being carried out.
    """
    event = app.current_event
    key = event.headers.get(HEADER, "")
    if not key:
        return next_middleware(app)
    if len(key) > _MAX_LENGTH:
        raise InputError(f"An Idempotency-Key has at most {_MAX_LENGTH} characters.")
    settings, user = load_settings(), str(claims_of(app).get("sub", ""))
    config = IdempotencyConfig(
        event_key_jmespath="id",
        payload_validation_jmespath="body",
        expires_after_seconds=settings.api.idempotency_s,
        hash_function="sha256",
        lambda_context=app.lambda_context,
    )

    def answer(request: dict[str, str]) -> dict[str, Any]:
        response: Response[Any] = next_middleware(app)
        body = response.body if isinstance(response.body, str) else to_json(response.body)
        headers = {name: str(value) for name, value in response.headers.items()}
        return {"status": response.status_code, "body": body, "headers": headers, "type": response.content_type}

    once = idempotent_function(
        answer,
        data_keyword_argument="request",
        persistence_store=_make_store(settings.platform.table, user),
        config=config,
        key_prefix="api",
    )
    request = {
        "id": f"{user} {event.http_method} {event.path} {key}",
        "body": hashlib.sha256((event.body or "").encode()).hexdigest(),
    }
    try:
        kept = once(request=request)
    except IdempotencyValidationError:
        raise RequestReusedError("The Idempotency-Key was used for another request: take a new one.") from None
    except IdempotencyAlreadyInProgressError:
        raise RequestRunningError("The request with this Idempotency-Key is being carried out: wait for it.") from None
    return Response(kept["status"], kept["type"], kept["body"], headers=kept["headers"])


def _make_store(table: str, user: str) -> DynamoDBPersistenceLayer:
    return DynamoDBPersistenceLayer(
        table_name=table,
        key_attr="pk",
        static_pk_value=answers_partition(user),
        sort_key_attr="sk",
        expiry_attr="expires_at",
        boto3_client=aws.dynamodb(),
    )
