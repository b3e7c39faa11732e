"""Cognito's managed login: the pages that people sign up and log in at, and the OAuth 2 endpoints behind them.

Paths, parameters and answers are Cognito's. What it would mail, a code, is handed to `mail`, which shows it.

```
/oauth2/authorize -> /login -> the client's callback?code=…      /oauth2/token: code -> tokens, refresh token -> tokens
/signup -> /confirm -> /login · /forgotPassword -> /confirmForgotPassword -> /login · /logout · /oauth2/revoke
```
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from botocore.exceptions import ClientError, ParamValidationError
from markupsafe import escape
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from framesift.api.middlewares import ADMIN_GROUP
from framesift_local.aws.cognito import SigningKeys
from framesift_local.aws.records import Records

ACCESS_S: Final = 3_600
REFRESH_S: Final = 30 * 86_400
_CODE_S: Final = 300
_MAILED_S: Final = 86_400
_TRIES: Final = 5
_MAX_FORM_BYTES: Final = 20_000
_PASSWORD_KINDS: Final = {
    "RequireUppercase": "upper-case letters",
    "RequireLowercase": "lower-case letters",
    "RequireNumbers": "digits",
    "RequireSymbols": "symbols",
}
_KIND: Final = "refresh-token"
_PARAMETERS: Final = ("client_id", "redirect_uri", "scope", "state", "code_challenge", "nonce")
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
}
_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 24rem; margin: 4rem auto; padding: 0 1rem }}
:root {{ color-scheme: light dark }}
label, button {{ display: block; margin-top: 1rem }} input {{ width: 100%; font: inherit; box-sizing: border-box }}
button {{ font: inherit; padding: .4rem 1rem }} .error {{ color: #c00 }}
</style>
<h1>{title}</h1>{message}{body}</html>
"""


@dataclass(frozen=True)
class LoginClient:
    """The client that people log in with.

    Attributes:
        pool: The user pool's id.
        id: The client's id.
        callbacks: Where it may be called back.
        logouts: Where a logout may lead.
        scopes: The scopes that it may ask for.
        sign_up: Whether anybody may sign up.
    """

    pool: str
    id: str
    callbacks: Sequence[str]
    logouts: Sequence[str]
    scopes: Sequence[str]
    sign_up: bool


@dataclass(frozen=True)
class _Grant:
    """What an authorization code stands for."""

    user: str
    scope: str
    redirect_uri: str
    challenge: str
    nonce: str
    expires_at: float


@dataclass
class _Mailed:
    """A code that was mailed."""

    code: str
    expires_at: float
    tries: int = 0


class TokenError(ValueError):
    """The token endpoint refuses a request; its text is OAuth's name of the reason."""


@dataclass
class LoginPages:
    """The managed login of one client.

    Attributes:
        client: The client.
        keys: Sign tokens.
        records: Keep refresh tokens, by their digests.
        cognito: The pool's API.
        mail: Takes what would be mailed, as a line.
        clock: The time, Unix seconds.
    """

    client: LoginClient
    keys: SigningKeys
    records: Records
    cognito: Any
    mail: Callable[[str], None]
    clock: Callable[[], float] = time.time
    _grants: dict[str, _Grant] = field(default_factory=dict)
    _mailed: dict[tuple[str, str], _Mailed] = field(default_factory=dict)

    def answer(self, request: Request) -> Response | None:
        """Answer a request; None if its path is not the login's."""
        pages: Mapping[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/oauth2/authorize"): self._authorize,
            ("POST", "/oauth2/token"): self._token,
            ("POST", "/oauth2/revoke"): self._revoke,
            ("GET", "/login"): self._login_page,
            ("POST", "/login"): self._login,
            ("GET", "/signup"): self._sign_up_page,
            ("POST", "/signup"): self._sign_up,
            ("GET", "/confirm"): self._confirm_page,
            ("POST", "/confirm"): self._confirm,
            ("POST", "/resendcode"): self._resend,
            ("GET", "/forgotPassword"): self._forgot_page,
            ("POST", "/forgotPassword"): self._forgot,
            ("GET", "/confirmForgotPassword"): self._new_password_page,
            ("POST", "/confirmForgotPassword"): self._set_password,
            ("GET", "/logout"): self._logout,
        }
        page = pages.get((request.method, request.path))
        if page is None:
            return None
        request.max_content_length = _MAX_FORM_BYTES
        response = page(request)
        response.headers.update(_HEADERS)
        return response

    # --- OAuth 2 ---

    def _authorize(self, request: Request) -> Response:
        asked = request.args
        if refusal := self._refuse_client(request):
            return refusal
        fault = ""
        if asked.get("response_type") != "code":
            fault = "unsupported_response_type"
        elif asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
            fault = "invalid_request"
        elif not set(asked.get("scope", "").split()) <= set(self.client.scopes):
            fault = "invalid_scope"
        if fault:
            return _call_back(asked["redirect_uri"], {"error": fault, "state": asked.get("state", "")})
        return redirect(f"/login?{_kept(request)}")

    def _token(self, request: Request) -> Response:
        form = request.form
        try:
            if form.get("client_id") != self.client.id:
                raise TokenError("invalid_client")
            match form.get("grant_type"):
                case "authorization_code":
                    answer = self._redeem(form)
                case "refresh_token":
                    answer = self._refresh(form)
                case _:
                    raise TokenError("unsupported_grant_type")
        except TokenError as error:
            return Response(json.dumps({"error": str(error)}), 400, mimetype="application/json")
        return Response(json.dumps(answer), mimetype="application/json")

    def _redeem(self, form: Mapping[str, str]) -> dict[str, Any]:
        grant = self._grants.pop(form.get("code", ""), None)  # A code works once.
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            grant is None
            or grant.expires_at < self.clock()
            or grant.redirect_uri != form.get("redirect_uri")
            or not hmac.compare_digest(grant.challenge.encode(), challenge.encode())
        ):
            raise TokenError("invalid_grant")
        refresh = secrets.token_urlsafe(48)
        known = {"user": grant.user, "scope": grant.scope, "expires_at": self.clock() + REFRESH_S}
        self.records.put(_KIND, self.client.id, _digest(refresh), known)
        return self._tokens(grant.user, grant.scope, grant.nonce) | {"refresh_token": refresh}

    def _refresh(self, form: Mapping[str, str]) -> dict[str, Any]:
        known = self.records.get(_KIND, self.client.id, _digest(form.get("refresh_token", "")))
        if known is None or known["expires_at"] < self.clock():
            raise TokenError("invalid_grant")
        return self._tokens(known["user"], known["scope"], "")

    def _revoke(self, request: Request) -> Response:
        # A token that is not known is no error (RFC 7009).
        key = (_KIND, self.client.id, _digest(request.form.get("token", "")))
        self.records.write(deletes=[key])
        return Response(status=200)

    def _tokens(self, user: str, scope: str, nonce: str) -> dict[str, Any]:
        try:
            found = self.cognito.admin_get_user(UserPoolId=self.client.pool, Username=user)
        except self.cognito.exceptions.UserNotFoundException:
            raise TokenError("invalid_grant") from None
        if not found["Enabled"]:
            raise TokenError("invalid_grant")
        listed = self.cognito.admin_list_groups_for_user(UserPoolId=self.client.pool, Username=user)["Groups"]
        attributes = {each["Name"]: each["Value"] for each in found["UserAttributes"]}
        now = int(self.clock())
        common: dict[str, Any] = {
            "iss": self.keys.issuer(self.client.pool),
            "sub": attributes["sub"],
            "auth_time": now,
            "iat": now,
            "exp": now + ACCESS_S,
            "jti": secrets.token_hex(16),
        }
        if listed:
            common["cognito:groups"] = sorted(group["GroupName"] for group in listed)
        access = {"token_use": "access", "client_id": self.client.id, "username": found["Username"], "scope": scope}
        identity = {
            "token_use": "id",
            "aud": self.client.id,
            "cognito:username": found["Username"],
            "email": attributes.get("email", ""),
            "email_verified": attributes.get("email_verified") == "true",
            **({"nonce": nonce} if nonce else {}),
        }
        return {
            "access_token": self.keys.sign(self.client.pool, common | access),
            "id_token": self.keys.sign(self.client.pool, common | identity),
            "token_type": "Bearer",
            "expires_in": ACCESS_S,
        }

    # --- Pages ---

    def _login_page(self, request: Request, error: str = "", note: str = "") -> Response:
        if refusal := self._refuse_client(request):
            return refusal
        links = [("forgotPassword", "Forgot your password?")]
        if self.client.sign_up:
            links.append(("signup", "Sign up"))
        fields = _email(request) + _password("password", "Password", "current-password")
        return _form("Log in", "login", request, fields, "Log in", error, note, links)

    def _login(self, request: Request) -> Response:
        if refusal := self._refuse_client(request):
            return refusal
        email, password = request.form.get("username", ""), request.form.get("password", "")
        try:
            self.cognito.initiate_auth(
                ClientId=self.client.id,
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": email, "PASSWORD": password},
            )
            user = self.cognito.admin_get_user(UserPoolId=self.client.pool, Username=email)["Username"]
        except self.cognito.exceptions.UserNotConfirmedException:
            self._send("sign up", email)
            return redirect(f"/confirm?{_kept(request, username=email)}", 303)
        except (ClientError, ParamValidationError):
            # The same for an address that nobody has: nobody learns who has an account.
            return self._login_page(request, "The e-mail address or the password is wrong.")
        code = secrets.token_urlsafe(32)
        asked = request.args
        self._grants = {each: grant for each, grant in self._grants.items() if grant.expires_at > self.clock()}
        self._grants[code] = _Grant(
            user,
            asked.get("scope") or " ".join(self.client.scopes),
            asked["redirect_uri"],
            asked.get("code_challenge", ""),
            asked.get("nonce", ""),
            self.clock() + _CODE_S,
        )
        return _call_back(asked["redirect_uri"], {"code": code, "state": asked.get("state", "")})

    def _sign_up_page(self, request: Request, error: str = "") -> Response:
        if not self.client.sign_up:
            return _page("Sign up", "Accounts are made by an administrator here.", status=403)
        fields = _email(request) + _password("password", "Password", "new-password")
        return _form("Sign up", "signup", request, fields, "Sign up", error, links=[("login", "Log in")])

    def _sign_up(self, request: Request) -> Response:
        if not self.client.sign_up:
            return self._sign_up_page(request)
        email, password = request.form.get("username", "").strip(), request.form.get("password", "")
        try:
            self.cognito.sign_up(
                ClientId=self.client.id,
                Username=email,
                Password=password,
                UserAttributes=[{"Name": "email", "Value": email}],
            )
        except (ClientError, ParamValidationError) as error:
            return self._sign_up_page(request, self._reason(error))
        self._send("sign up", email)
        return redirect(f"/confirm?{_kept(request, username=email)}", 303)

    def _confirm_page(self, request: Request, error: str = "", note: str = "") -> Response:
        note = note or "We have sent a code to your e-mail address."
        fields = _email(request) + _field("code", "Code", "one-time-code")
        return _form("Confirm your account", "confirm", request, fields, "Confirm", error, note, resend=True)

    def _confirm(self, request: Request) -> Response:
        email = request.form.get("username", "")
        if not self._take_code("sign up", email, request.form.get("code", "")):
            return self._confirm_page(request, "The code is wrong or has expired.")
        self.cognito.admin_confirm_sign_up(UserPoolId=self.client.pool, Username=email)
        self._mark_verified(email)
        self._let_first_administer(email)
        return self._login_page(request, note="Your account is confirmed: log in.")

    def _resend(self, request: Request) -> Response:
        self._send("sign up", request.form.get("username", ""))
        return self._confirm_page(request, note="We have sent another code.")

    def _forgot_page(self, request: Request) -> Response:
        links = [("login", "Log in")]
        return _form("Forgot your password?", "forgotPassword", request, _email(request), "Send a code", links=links)

    def _forgot(self, request: Request) -> Response:
        email = request.form.get("username", "")
        self._send("new password", email)
        return redirect(f"/confirmForgotPassword?{_kept(request, username=email)}", 303)

    def _new_password_page(self, request: Request, error: str = "") -> Response:
        note = "If there is an account of this address, we have sent a code to it."
        fields = (
            _email(request)
            + _field("code", "Code", "one-time-code")
            + _password("password", "New password", "new-password")
        )
        return _form("Set a new password", "confirmForgotPassword", request, fields, "Set it", error, note)

    def _set_password(self, request: Request) -> Response:
        email, password = request.form.get("username", ""), request.form.get("password", "")
        if not self._take_code("new password", email, request.form.get("code", "")):
            return self._new_password_page(request, "The code is wrong or has expired.")
        try:
            self.cognito.admin_set_user_password(
                UserPoolId=self.client.pool, Username=email, Password=password, Permanent=True
            )
        except (ClientError, ParamValidationError) as error:
            self._send("new password", email)
            return self._new_password_page(request, f"{self._reason(error)} We have sent another code.")
        return self._login_page(request, note="Your password is set: log in.")

    def _logout(self, request: Request) -> Response:
        target = request.args.get("logout_uri", "")
        if target and request.args.get("client_id") == self.client.id and target in self.client.logouts:
            return redirect(target)
        return _page("Logged out", "You are logged out in this browser.")

    # --- Parts ---

    def _reason(self, error: ClientError | ParamValidationError) -> str:
        if not isinstance(error, ClientError):
            return "Fill in all fields."
        if error.response["Error"]["Code"] == "InvalidPasswordException":
            return self._describe_password_policy()
        return str(error.response["Error"]["Message"])

    def _describe_password_policy(self) -> str:
        """What a password needs, in a sentence: Cognito's pages say it, and the error of the API does not."""
        policy = self.cognito.describe_user_pool(UserPoolId=self.client.pool)["UserPool"]["Policies"]["PasswordPolicy"]
        kinds = [kind for key, kind in _PASSWORD_KINDS.items() if policy.get(key)]
        return f"A password has at least {policy['MinimumLength']} characters" + (
            f", and at least one of each: {', '.join(kinds)}." if kinds else "."
        )

    def _refuse_client(self, request: Request) -> Response | None:
        """Refuse, without a redirect, what does not come from our client."""
        asked = request.args
        if asked.get("client_id") == self.client.id and asked.get("redirect_uri") in self.client.callbacks:
            return None
        return _page("This link is wrong", "The client or its callback is not known: begin with framesift login.", 400)

    def _send(self, purpose: str, email: str) -> None:
        """Send a code to a user who is there, and nothing to anybody else."""
        try:
            found = self.cognito.admin_get_user(UserPoolId=self.client.pool, Username=email)
        except (ClientError, ParamValidationError):
            return
        if purpose == "sign up" and found["UserStatus"] != "UNCONFIRMED":
            return
        code = f"{secrets.randbelow(1_000_000):06d}"
        self._mailed[purpose, email.casefold()] = _Mailed(code, self.clock() + _MAILED_S)
        self.mail(f"To {email}: your code is {code}.")

    def _take_code(self, purpose: str, email: str, code: str) -> bool:
        key = (purpose, email.casefold())
        mailed = self._mailed.get(key)
        if mailed is None:
            return False
        mailed.tries += 1
        if mailed.tries > _TRIES or mailed.expires_at < self.clock():
            del self._mailed[key]
            return False
        if not hmac.compare_digest(mailed.code.encode(), code.strip().encode()):
            return False
        del self._mailed[key]
        return True

    def _let_first_administer(self, email: str) -> None:
        """Make the first person an administrator: on AWS, whoever deploys does so; here nobody else could."""
        group = {"UserPoolId": self.client.pool, "GroupName": ADMIN_GROUP}
        try:
            if self.cognito.list_users_in_group(**group, Limit=1)["Users"]:
                return
        except self.cognito.exceptions.ResourceNotFoundException:
            return  # The pool has no administrators.
        self.cognito.admin_add_user_to_group(**group, Username=email)
        self.mail(f"{email} is the first person here, and administers it: the group {ADMIN_GROUP}.")

    def _mark_verified(self, email: str) -> None:
        self.cognito.admin_update_user_attributes(
            UserPoolId=self.client.pool,
            Username=email,
            UserAttributes=[{"Name": "email_verified", "Value": "true"}],
        )


def _kept(request: Request, **more: str) -> str:
    """The parameters that go from page to page."""
    return urlencode({name: request.args[name] for name in _PARAMETERS if name in request.args} | more)


def _call_back(uri: str, parameters: Mapping[str, str]) -> Response:
    joint = "&" if urlsplit(uri).query else "?"
    query = urlencode({name: value for name, value in parameters.items() if value})
    return redirect(f"{uri}{joint}{query}", 303)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _field(name: str, label: str, autocomplete: str, kind: str = "text", value: str = "") -> str:
    return (
        f'<label>{escape(label)}<input name="{escape(name)}" type="{escape(kind)}" required maxlength="300" '
        f'autocomplete="{escape(autocomplete)}" value="{escape(value)}"></label>'
    )


def _email(request: Request) -> str:
    value = request.values.get("username", "")
    return _field("username", "E-mail address", "username", "email", value)


def _password(name: str, label: str, autocomplete: str) -> str:
    return _field(name, label, autocomplete, "password")


def _form(
    title: str,
    action: str,
    request: Request,
    fields: str,
    button: str,
    error: str = "",
    note: str = "",
    links: Sequence[tuple[str, str]] = (),
    *,
    resend: bool = False,
) -> Response:
    kept = escape(_kept(request))
    body = f'<form method="post" action="/{action}?{kept}">{fields}<button>{escape(button)}</button></form>'
    if resend:
        email = escape(request.values.get("username", ""))
        body += (
            f'<form method="post" action="/resendcode?{kept}"><input type="hidden" name="username" value="{email}">'
            "<button>Send another code</button></form>"
        )
    body += "".join(f'<p><a href="/{path}?{kept}">{escape(text)}</a></p>' for path, text in links)
    return _page(title, note, 400 if error else 200, error=error, body=body)


def _page(title: str, note: str, status: int = 200, *, error: str = "", body: str = "") -> Response:
    message = f'<p class="error">{escape(error)}</p>' if error else f"<p>{escape(note)}</p>" if note else ""
    text = _PAGE.format(title=escape(title), message=message, body=body)
    return Response(text, status, mimetype="text/html")
