"""Cognito's signing keys, and tokens that are signed with them.

moto signs all tokens with one key, whose private half ships in its package: anybody could forge a token. Here
each pool has a key of its own, made at first start and kept where only its owner reads it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from moto.cognitoidp import models as cognito_models

from framesift_local.aws.patching import replace
from framesift_local.aws.template import client_id, pool_id
from framesift_local.private_files import make_private_file, make_private_folder

KEY_BITS = 2048


class SigningKeys:
    """The key of each pool.

    Args:
        folder: Where they are kept, each in a file of mode 0600.
        endpoint: The URL that tokens' issuers begin with.
    """

    def __init__(self, folder: Path, endpoint: str) -> None:
        self._folder = make_private_folder(folder)
        self._endpoint = endpoint
        self._keys: dict[str, rsa.RSAPrivateKey] = {}

    def install(self) -> None:
        """Let moto's pools sign with these keys, under ids that stay the same."""
        keys = self

        def create_jwt(
            pool: Any,
            client: str,
            username: str,
            token_use: str,
            expires_in: int = 3600,
            extra_data: dict[str, Any] | None = None,
        ) -> tuple[str, int]:
            now, is_access = int(time.time()), token_use == "access"  # noqa: S105  a kind, no secret
            claims: dict[str, Any] = {
                "iss": keys.issuer(pool.id),
                "sub": pool._get_user(username).id,
                "client_id" if is_access else "aud": client,
                "username" if is_access else "cognito:username": username,
                "token_use": token_use,
                "iat": now,
                "auth_time": now,
                "exp": now + expires_in,
                "jti": str(uuid.uuid4()),
                **(extra_data or {}),
            }
            options = pool.clients[client].extended_config
            if is_access:
                # On AWS a client's own scopes come by signing in on the hosted page, which nobody has here.
                scopes = [claims.get("scope", ""), *options.get("AllowedOAuthScopes", [])]
                claims["scope"] = " ".join(scopes).strip()
                if "email" in pool.extended_config.get("UsernameAttributes", []):
                    claims["username"] = claims["sub"]
            if "cognito:groups" in claims:  # moto keeps a set; the token is the same each time.
                claims["cognito:groups"] = sorted(claims["cognito:groups"])
            return keys.sign(pool.id, claims), expires_in

        def generate_id(_strategy: str | None, *args: Any) -> str:
            if isinstance(args[1], str):  # A pool: region, name, configuration.
                return pool_id(args[0], args[1]).partition("_")[2]
            return client_id(args[0], (args[2] or {}).get("ClientName", ""))

        replace(cognito_models.CognitoIdpUserPool, "create_jwt", create_jwt)
        replace(cognito_models, "generate_id", generate_id)

    def issuer(self, pool: str) -> str:
        """Return a pool's issuer; its key set lies at `/.well-known/jwks.json` below."""
        return f"{self._endpoint}/{pool}"

    def sign(self, pool: str, claims: dict[str, Any]) -> str:
        """Sign a token."""
        key = self._key(pool)
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": self._key_id(key)})

    def public_key(self, pool: str, key_id: str) -> rsa.RSAPublicKey | None:
        """Return a pool's key when it has this id."""
        key = self._key(pool)
        return key.public_key() if key_id == self._key_id(key) else None

    def jwks(self, pool: str) -> dict[str, Any]:
        """Return a pool's public keys as a JSON Web Key Set."""
        key = self._key(pool)
        numbers = key.public_key().public_numbers()
        return {
            "keys": [
                {
                    "kty": "RSA",
                    "use": "sig",
                    "alg": "RS256",
                    "kid": self._key_id(key),
                    "n": _base64url(numbers.n),
                    "e": _base64url(numbers.e),
                }
            ]
        }

    def _key(self, pool: str) -> rsa.RSAPrivateKey:
        if pool in self._keys:
            return self._keys[pool]
        path = self._folder / f"{hashlib.sha256(pool.encode()).hexdigest()[:16]}.pem"
        if not path.exists():
            made = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
            pem = made.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            temporary = path.with_suffix(".new")
            temporary.unlink(missing_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(pem)
            temporary.replace(path)
        make_private_file(path)
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        assert isinstance(key, rsa.RSAPrivateKey)  # noqa: S101  we wrote it
        self._keys[pool] = key
        return key

    @staticmethod
    def _key_id(key: rsa.RSAPrivateKey) -> str:
        """Return the key's thumbprint (RFC 7638)."""
        numbers = key.public_key().public_numbers()
        canonical = {"e": _base64url(numbers.e), "kty": "RSA", "n": _base64url(numbers.n)}
        text = json.dumps(canonical, separators=(",", ":"))
        return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def _base64url(number: int) -> str:
    size = (number.bit_length() + 7) // 8
    return base64.urlsafe_b64encode(number.to_bytes(size, "big")).decode().rstrip("=")


def sign_in(cognito: Any, pool: str, client: str, username: str, groups: Sequence[str] = ()) -> dict[str, str]:
    """Make sure that a user and its groups exist, and sign it in through the ordinary API.

    Args:
        cognito: A boto3 client.
        pool: User pool id.
        client: App client id.
        username: Made when missing; it gets a new password. A pool that wants e-mail addresses gets
            `<username>@example.com` where there is no `@`.
        groups: Groups that it is put into; made when missing.

    Returns:
        `AccessToken`, `IdToken` and `RefreshToken`.
    """
    password = f"Aa1!{secrets.token_urlsafe(16)}"
    by_email = "email" in cognito.describe_user_pool(UserPoolId=pool)["UserPool"].get("UsernameAttributes", [])
    if by_email and "@" not in username:
        username = f"{username}@example.com"
    try:
        cognito.admin_get_user(UserPoolId=pool, Username=username)
    except cognito.exceptions.UserNotFoundException:
        cognito.admin_create_user(UserPoolId=pool, Username=username, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=username, Password=password, Permanent=True)
    known = {group["GroupName"] for group in cognito.list_groups(UserPoolId=pool)["Groups"]}
    for group in groups:
        if group not in known:
            cognito.create_group(UserPoolId=pool, GroupName=group)
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=username, GroupName=group)
    answer = cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": username, "PASSWORD": password},
    )
    result: dict[str, str] = answer["AuthenticationResult"]
    return result
