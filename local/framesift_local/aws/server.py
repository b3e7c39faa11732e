"""The one HTTP endpoint: moto's services, and in their midst the ones that we serve ourselves.

It runs in a thread of our own process, so that what fills moto's gaps reaches it, and listens on 127.0.0.1
alone, since nobody checks credentials here.
"""

from __future__ import annotations

import errno
import io
import json
import re
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from flask_cors import CORS
from moto.moto_server import werkzeug_app
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from framesift.errors import DiskFullError, FramesiftError, InvalidPortError, PortInUseError
from framesift_local.aws.durable import Durability
from framesift_local.aws.patching import replace
from framesift_local.request_body import RequestBodyError, read_body
from framesift_local.same_origin import HOST, refuse_foreign

MAX_PORT = 65_535
MAX_API_BODY_BYTES = 10 << 20
"""Largest body of a request to API Gateway."""
_MAX_OBJECT_BYTES = 5 << 30  # The largest object that S3 takes in one request.

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]
Service = Callable[[Request], Response]

_CREDENTIAL = re.compile(r"Credential=[^/,]+/\d+/[^/,]+/([a-z0-9-]+)/aws4_request")
_KEEP_BODY = ("dynamodb", "secretsmanager", "cognito-idp", "sqs", "sns")


class _QuickHandler(WSGIRequestHandler):
    """Answers without delay and without a line a request."""

    disable_nagle_algorithm = True  # Else each answer waits 40 ms for the client's delayed ACK.

    def make_environ(self) -> dict[str, Any]:
        """Leave the body to `read_body`: werkzeug takes a chunk that is cut off for one of zeros, without end."""
        return {**super().make_environ(), "wsgi.input": self.rfile}

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  werkzeug's name
        """Say nothing."""


class _QuickMotoHandler(_QuickHandler, MotoRequestHandler):
    """The same, with what moto needs of headers."""


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that decide about a request, by lower-case name."""
    named = {
        "HTTP_HOST": "host",
        "HTTP_ORIGIN": "origin",
        "HTTP_SEC_FETCH_SITE": "sec-fetch-site",
        "HTTP_TRANSFER_ENCODING": "transfer-encoding",
        "CONTENT_LENGTH": "content-length",
    }
    return {name: environ[key] for key, name in named.items() if key in environ}


def check_port(port: int) -> None:
    """Refuse what is not a port.

    Raises:
        InvalidPortError: It is not between 0 and 65535.
    """
    if not 0 <= port <= MAX_PORT:
        raise InvalidPortError(f"Port {port} does not exist: choose one from 1 to {MAX_PORT}, or 0 for a free one.")


class HttpServer:
    """A WSGI application on a loopback port, in a thread.

    Requests of web pages that are not its own are refused (`same_origin`). A body reaches the application whole or not
    at all; JSON that is nested too deeply is a bad request.

    Args:
        app: The application.
        port: The port; 0 takes a free one.
        handler: How requests are read.
        trusted_origins: Origins besides its own whose pages may call it; more may be added later.
        max_body_bytes: The largest body that it takes.

    Attributes:
        url: Where it listens, without a slash at the end.

    Raises:
        InvalidPortError: There is no such port, or this user may not listen there.
        PortInUseError: Another process listens there.
    """

    def __init__(
        self,
        app: WsgiApp,
        port: int,
        handler: type[WSGIRequestHandler] = _QuickHandler,
        trusted_origins: Collection[str] = (),
        max_body_bytes: int = MAX_API_BODY_BYTES,
    ) -> None:
        check_port(port)
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._trusted_origins = trusted_origins
        try:
            self._server: BaseWSGIServer = make_server(HOST, port, self._serve, threaded=True, request_handler=handler)
        except (OSError, SystemExit) as error:
            cause = error if isinstance(error, OSError) else error.__context__  # werkzeug exits where it cannot bind.
            if isinstance(cause, PermissionError):
                message = f"Port {port} is not for every user: choose one from 1024 to {MAX_PORT}."
                raise InvalidPortError(message) from error
            if isinstance(error, OSError) and error.errno != errno.EADDRINUSE:
                raise
            raise PortInUseError(f"Port {port} is in use: stop what listens there, or choose another port.") from error
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self._server.block_on_close = False  # type: ignore[attr-defined]
        self.url = f"http://{HOST}:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True, name=f"http-{port}"
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        headers = _headers(environ)
        if refusal := refuse_foreign(headers, self._trusted_origins):
            return Response(f"{refusal}\n", 403)(environ, start_response)
        try:
            body = read_body(environ["wsgi.input"], headers, self._max_body_bytes)
        except RequestBodyError as error:
            return Response(f"{error}\n", error.status)(environ, start_response)
        environ |= {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True, "CONTENT_LENGTH": str(len(body))}
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        try:
            return self._app(environ, start_response)
        except RecursionError:
            return Response("The JSON is nested too deeply.\n", 400)(environ, start_response)


class AwsEndpoint:
    """The WSGI application of the AWS endpoint.

    Args:
        durability: Commits what requests change.
        own: Services that we serve in moto's place, by signing name.
        control: What answers under `/_embedded/`: for tests and the command line.
        jwks: Returns the key set of a user pool, by its id.
        region: Where requests without a signature go.
    """

    def __init__(
        self,
        durability: Durability,
        own: Mapping[str, Service],
        control: Service,
        jwks: Callable[[str], dict[str, Any]],
        region: str,
    ) -> None:
        # Pages that may upload and read by presigned links; moto makes its applications at their first request.
        self.trusted_origins: set[str] = set()
        replace(werkzeug_app, "CORS", lambda app: CORS(app, origins=sorted(self.trusted_origins)))
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._durability = durability
        self._own = own
        self._control = control
        self._jwks = jwks
        werkzeug_app.UNSIGNED_REQUESTS["AWSCognitoIdentityProviderService"] = (
            "cognito-idp",
            region,
        )

    def server(self, port: int) -> HttpServer:
        """Bind the endpoint to a port."""
        return HttpServer(self, port, _QuickMotoHandler, self.trusted_origins, _MAX_OBJECT_BYTES)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        path: str = environ.get("PATH_INFO", "")
        if path.startswith("/moto-api"):  # moto's own control page, which can reset everything.
            return Response(status=404)(environ, start_response)
        if path.startswith("/_embedded/"):
            return self._control(Request(environ))(environ, start_response)
        if path.endswith("/.well-known/jwks.json"):
            return _json(self._jwks(path.split("/")[1]))(environ, start_response)
        service = _service(environ)
        if service in self._own:
            return self._own[service](Request(environ))(environ, start_response)
        body = _body(environ) if service in _KEEP_BODY else b""
        try:
            with self._durability.request(service, _action(environ, body), body) as outcome:
                response = Response.from_app(self._moto, environ, buffered=True)
                outcome.refused = response.status_code >= HTTPStatus.BAD_REQUEST
        except DiskFullError as error:
            response = _describe_error(service, error, HTTPStatus.INSUFFICIENT_STORAGE)
        return response(environ, start_response)


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status=status, mimetype="application/json")


def _describe_error(service: str, error: FramesiftError, status: HTTPStatus) -> Response:
    """Return an error of ours as the service's protocol has it, so that clients raise it with its name."""
    name = type(error).__name__
    if service == "s3":
        body = f"<Error><Code>{name}</Code><Message>{escape(str(error))}</Message></Error>"
        return Response(body, status, mimetype="application/xml")
    return _json({"__type": name, "message": str(error)}, status)


def _service(environ: Mapping[str, Any]) -> str:
    """Return the service that a request is signed for; S3 is what needs no signature."""
    signature = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if signature:
        return signature[1]
    if environ.get("HTTP_X_AMZ_TARGET", "").startswith("AWSCognitoIdentityProviderService"):
        return "cognito-idp"
    return "s3"


def _action(environ: Mapping[str, Any], body: bytes) -> str:
    """Return the operation's name of the JSON and query protocols."""
    target: str = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return target.rpartition(".")[2]
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    return ""


def _body(environ: Mapping[str, Any]) -> bytes:
    """Read the body and put it back."""
    stream = environ["wsgi.input"]
    body: bytes = stream.read()
    stream.seek(0)
    return body
