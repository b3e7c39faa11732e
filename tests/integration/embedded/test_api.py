"""The HTTP API: routes, payload format 2.0, and tokens that must not pass."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt import PyJWKClient
from moto.utilities.utils import load_resource


def get(aws, path, method="GET", body=None, **headers):
    url = aws.api_url + path
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


@pytest.fixture(scope="module")
def token(aws):
    return aws.control("token", username="lee", groups=["admins", "curators"])


def test_public_route_gets_the_event_of_format_2(aws):
    status, _, body = get(aws, "/v1/top10/dance?n=1&n=2&q=%EC%B6%A4", Cookie="a=1; b=2")
    event = json.loads(body)["got"]
    assert status == 200
    assert event["version"] == "2.0"
    assert event["routeKey"] == "GET /v1/top10/{category}"
    assert event["pathParameters"] == {"category": "dance"}
    assert event["queryStringParameters"] == {"n": "1,2", "q": "춤"}
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["requestContext"]["http"]["method"] == "GET"


def test_bodies_are_text_or_base64(aws, token):
    bearer = {"Authorization": f"Bearer {token}"}
    _, _, body = get(aws, "/v1/x", "POST", b'{"a":1}', **bearer, **{"Content-Type": "application/json"})
    assert json.loads(body)["got"]["body"] == '{"a":1}'
    _, _, body = get(aws, "/v1/x", "POST", b"\x89P", **bearer, **{"Content-Type": "image/png"})
    event = json.loads(body)["got"]
    assert event["isBase64Encoded"]
    assert base64.b64decode(event["body"]) == b"\x89P"


def test_binary_answer(aws, token):
    status, headers, body = get(aws, "/v1/binary", Authorization=token)
    assert (status, body, headers["content-type"]) == (200, b"\x89PNG\x00", "image/png")


def test_claims_reach_the_function(aws, token):
    _, _, body = get(aws, "/v1/runs", Authorization=f"Bearer {token}")
    claims = json.loads(body)["got"]["requestContext"]["authorizer"]["jwt"]["claims"]
    assert claims["username"] == "lee"
    assert claims["cognito:groups"] == "[admins curators]"
    assert claims["scope"] == "aws.cognito.signin.user.admin"


def test_unknown_route(aws):
    assert get(aws, "/nowhere")[0] == 404


def test_cors(aws):
    status, headers, _ = get(aws, "/v1/top10/dance", "OPTIONS", Origin="https://app.example")
    assert status == 204
    assert headers["access-control-allow-methods"] == "GET"
    status, headers, _ = get(aws, "/v1/top10/dance", Origin="https://evil.example")
    assert status == 403
    assert "access-control-allow-origin" not in headers


def test_token_verifies_against_the_issuer_s_own_key_set(aws, token):
    issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
    key = PyJWKClient(f"{issuer}/.well-known/jwks.json").get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key.key, algorithms=["RS256"], issuer=issuer)
    assert claims["client_id"] == aws.outputs["ClientId"]
    assert key.key_id != "dummy"


def test_scope_that_the_token_lacks_is_forbidden(aws, token):
    status, headers, _ = get(aws, "/v1/admin/scoped", Authorization=f"Bearer {token}")
    assert status == 403
    assert "insufficient_scope" in headers["www-authenticate"]


def forgeries():
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    published = load_resource("cognitoidp/resources/jwks-private.json")
    moto_key = jwt.algorithms.RSAAlgorithm.from_jwk(published)
    return {
        "none": lambda c, h: jwt.encode(c, None, "none", {"kid": h["kid"]}),
        "hs256": lambda c, h: jwt.encode(c, "s" * 64, "HS256", {"kid": h["kid"]}),
        "other key, right kid": lambda c, h: jwt.encode(c, own, "RS256", {"kid": h["kid"]}),
        "moto's key, kid dummy": lambda c, h: jwt.encode(c, moto_key, "RS256", {"kid": "dummy"}),
        "moto's key, right kid": lambda c, h: jwt.encode(c, moto_key, "RS256", {"kid": h["kid"]}),
        "no kid": lambda c, h: jwt.encode(c, own, "RS256"),
        "garbage": lambda c, h: "a.b.c",
    }


@pytest.mark.parametrize("name", list(forgeries()))
def test_forged_token_is_refused(aws, token, name):
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = forgeries()[name](claims, jwt.get_unverified_header(token))
    status, headers, body = get(aws, "/v1/runs", Authorization=f"Bearer {forged}")
    assert status == 401
    assert json.loads(body) == {"message": "Unauthorized"}
    assert headers["www-authenticate"].startswith("Bearer")


def test_missing_token_is_refused(aws):
    status, headers, _ = get(aws, "/v1/runs")
    assert (status, headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    "change",
    [
        {"exp": int(time.time()) - 10},
        {"nbf": int(time.time()) + 86_400},
        {"client_id": "another"},
        {"aud": "another"},
        {"aud": [{"nested": "another"}]},
        {"iss": "https://evil.example/pool"},
    ],
)
def test_rightly_signed_but_wrong_claims_are_refused(aws, token, change):
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    (path,) = (aws.data_dir / "keys").iterdir()
    key = load_pem_private_key(path.read_bytes(), None)
    claims = jwt.decode(token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(token)["kid"]
    right = jwt.encode(claims, key, "RS256", {"kid": kid})
    assert get(aws, "/v1/runs", Authorization=right)[0] == 200
    wrong = jwt.encode({**claims, **change}, key, "RS256", {"kid": kid})
    assert get(aws, "/v1/runs", Authorization=wrong)[0] == 401


@pytest.mark.parametrize(
    "body",
    [b'{"username":""}', b'{"username":1}', b"[]", b"\xff", b'{"username":"lee","groups":7}',
     b"[" * 100_000],
    ids=lambda body: repr(body[:20]),
)  # fmt: skip
def test_a_token_for_nobody_is_refused_with_a_reason(aws, body):
    request = urllib.request.Request(f"{aws.endpoint}/_embedded/token", body)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    with refused.value as answer:
        assert answer.status == 400
        assert answer.read()
