"""The embedded AWS: one object that loads a synthesized stack and runs it on this machine."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError
from moto.cognitoidp.models import cognitoidp_backends
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from werkzeug.wrappers import Request, Response

from framesift.address import Address
from framesift_local.aws import cognito, provision
from framesift_local.aws.api import HttpApi
from framesift_local.aws.batch import Batch
from framesift_local.aws.client import DEFAULT_REGION, make_client
from framesift_local.aws.cognito import SigningKeys
from framesift_local.aws.data_folder import STATE_FILE, announced, hold, logged_to, temporary_folder
from framesift_local.aws.durable import Durability
from framesift_local.aws.events import EventBus, Targets
from framesift_local.aws.functions import Functions
from framesift_local.aws.jobs import BatchClientError
from framesift_local.aws.lifecycle import SWEEP_INTERVAL_S, expire_objects
from framesift_local.aws.login_pages import LoginPages
from framesift_local.aws.malware import read_scan_plans
from framesift_local.aws.objects import Objects
from framesift_local.aws.partitions import read_partitions_only
from framesift_local.aws.processes import ForkServer
from framesift_local.aws.records import Records
from framesift_local.aws.schedules import Clock, Outlook, Scheduler
from framesift_local.aws.server import AwsEndpoint, HttpServer
from framesift_local.aws.services import batch_service, events_service, lambda_service
from framesift_local.aws.stepfunctions import StatusListener, StepFunctions, ignore_status
from framesift_local.aws.template import Templates
from framesift_local.aws.upload_checks import check_uploads
from framesift_local.aws.web_page import WebPage
from framesift_local.aws.wiring import APP_CLIENT, read_cors, read_login, read_routes, read_rules, read_schedules
from framesift_local.private_files import make_private_folder

REPOSITORY = Path(__file__).resolve().parents[3]

_BACKENDS = (
    cognitoidp_backends, dynamodb_backends, s3_backends, secretsmanager_backends, sns_backends,
    sqs_backends, stepfunctions_parser_backends,
)  # fmt: skip
_PASSED_ON = (
    "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR",  # For a browser with a window.
    "HOME", "XDG_CACHE_HOME", "PATH", "LANG", "LC_ALL", "PYTHONPATH", "PLAYWRIGHT_BROWSERS_PATH",
    "VIRTUAL_ENV",
    "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
    "OMP_NUM_THREADS", "GOOGLE_APPLICATION_CREDENTIALS",
)  # fmt: skip


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class EmbeddedAws:
    """AWS on one machine, for one stack. One a process, since moto's state is the process's.

    Args:
        data_dir: Where everything is kept; `s3/` and `logs/` in it are for people to open.
        cdk_out: Folder of synthesized templates.
        root: The repository's root, where functions' and jobs' modules are found.
        page: Folder of the built web page; None: there is none.
        port: Of the AWS endpoint; 0 takes a free one.
        api_port: Of the HTTP API; 0 takes a free one.
        region: The stack's region.
        overrides: Environment on top of the template's, for all functions and jobs.
        command_settings: Settings that commands which find this embedded AWS take, too.
        known_settings: Digests of the user's settings that it was started with.
        schedules: Whether schedules fire. What was missed today is started late, once.
        holds_folder: Whether it keeps others out of the folder; false where the caller does (`data_folder.hold`).
        time_scale: Factor on the waits of retries; below 1 for tests.
        queue_wait_scale: Factor on Batch queues' state time limits: nobody here will add a GPU meanwhile.
        deliveries: How often each event is delivered: 2 shows that a second one is harmless.
        parallel_jobs: Batch jobs at once at most; None: one a core.
        clock: Gives the present to the schedules.
        on_execution: Called with the detail of each change of an execution's status.
        on_mail: Called with what would be mailed to a user of the pool, as a line.
    """

    def __init__(
        self,
        data_dir: Path,
        cdk_out: Path,
        *,
        root: Path = REPOSITORY,
        page: Path | None = None,
        port: int = 0,
        api_port: int = 0,
        region: str = DEFAULT_REGION,
        overrides: Mapping[str, str] | None = None,
        command_settings: Mapping[str, str] | None = None,
        known_settings: Mapping[str, str] | None = None,
        schedules: bool = False,
        holds_folder: bool = True,
        time_scale: float = 1.0,
        queue_wait_scale: float = 0.01,
        deliveries: int = 1,
        parallel_jobs: int | None = None,
        clock: Clock = _now,
        on_execution: StatusListener = ignore_status,
        on_mail: Callable[[str], None] = print,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.region = region
        self._cdk_out = cdk_out
        self._root = root
        self._page_folder = page
        self._ports = (port, api_port)
        self._overrides = dict(overrides or {})
        self._command_settings = dict(command_settings or {})
        self._known_settings = dict(known_settings or {})
        self._with_schedules = schedules
        self._holds_folder = holds_folder
        self._on_execution = on_execution
        self._on_mail = on_mail
        self._time_scale = time_scale
        self._queue_wait_scale = queue_wait_scale
        self._deliveries = deliveries
        self._parallel_jobs = parallel_jobs
        self._clock = clock
        self._told_time: dt.datetime | None = None
        self._clients: dict[str, Any] = {}
        self._client_lock = threading.Lock()
        self._closing = contextlib.ExitStack()
        self._stopping = threading.Event()
        self.outlook: list[Outlook] = []
        self.endpoint = ""
        self.api_url = ""

    def __enter__(self) -> EmbeddedAws:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Bring everything up; on return the endpoint and the API answer.

        Raises:
            DataFolderBusyError: Another embedded AWS uses the folder.
            DiskFullError: Less than 500 MB are free.
            PortInUseError: A port is taken.
            NotFoundError: There is no template.
            TemplateError: A template holds what cannot be loaded.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all children and servers. Executions that run are ABORTED by the next start."""
        self._stopping.set()
        self._closing.close()

    def client(self, service: str) -> Any:
        """Return a boto3 client of the embedded AWS."""
        with self._client_lock:
            if service not in self._clients:
                self._clients[service] = make_client(service, self.endpoint, self.region)
            return self._clients[service]

    def token(self, username: str, groups: Sequence[str] = ()) -> str:
        """Return an access token of the stack's first user pool; the user is made when missing."""
        app = next(self._templates.resources("AWS::Cognito::UserPoolClient"))
        pool = app.properties["UserPoolId"]
        tokens = cognito.sign_in(self.client("cognito-idp"), pool, app.ref, username, groups)
        return tokens["AccessToken"]

    def notifications(self) -> list[dict[str, Any]]:
        """Return what was published to topics, oldest first."""
        found = [body for _, _, body in self._records.scan("notification")]
        return sorted(found, key=lambda body: body["published_at"])

    def environment(self) -> dict[str, str]:
        """Return what makes any AWS client, the CLI or a child process use the embedded AWS."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    # Coming up ---------------------------------------------------------------------------------

    def _start(self) -> None:
        enter = self._closing.enter_context
        if self._holds_folder:
            enter(hold(self.data_dir))
        self._records = Records(self.data_dir / STATE_FILE)
        self._closing.callback(self._records.close)
        logs = self.data_dir / "logs"
        make_private_folder(logs)
        self._temporary = enter(temporary_folder(self.data_dir))
        fork_server = ForkServer(self._root)
        self._closing.callback(fork_server.close)
        fork_server.start()  # First: its libraries load while we do the rest.
        enter(logged_to(logs / "embedded-aws.log"))
        _reset_moto()
        self._make_services(fork_server, logs)
        self._provision()
        self._report_aborted()
        self._start_clockwork()
        enter(announced(self.data_dir, self.address))

    def _make_services(self, fork_server: ForkServer, logs: Path) -> None:
        """Make every part, and the endpoint in front of them."""
        self.bus = EventBus(
            Targets(self.client),
            self.region,
            time_scale=self._time_scale,
            deliveries=self._deliveries,
        )
        objects = Objects(self.data_dir / "s3", self._records)
        self._durability = Durability(self._records, objects, self.region, self.bus.object_event)
        self._durability.install()
        check_uploads()
        read_partitions_only()
        common: dict[str, str] = {}
        self.functions = Functions(fork_server, logs, common)
        self.batch = Batch(
            fork_server,
            logs,
            common,
            wait_scale=self._queue_wait_scale,
            parallel=self._parallel_jobs,
        )
        own = {
            "lambda": lambda_service(self.functions),
            "batch": batch_service(self.batch),
            "events": events_service(self.bus.put),
        }
        endpoint = AwsEndpoint(self._durability, own, self._control, self._jwks, self.region)
        server = endpoint.server(self._ports[0])
        self._closing.callback(server.stop)
        self.endpoint = server.url
        common.update(self._child_environment())
        self._keys = SigningKeys(self.data_dir / "keys", self.endpoint)
        self._keys.install()
        self._states = StepFunctions(
            self._records,
            self.region,
            time_scale=self._time_scale,
            on_status=self._report_status,
        )
        self._states.install(self.endpoint)
        self._api = HttpApi(self.functions, self._keys)
        api_server = HttpServer(self._api, self._ports[1], trusted_origins=self._api.trusted_origins)
        self._closing.callback(api_server.stop)
        self.api_url = api_server.url
        common.setdefault("FRAMESIFT_PLATFORM__LOGIN_URL", self.api_url)
        endpoint.trusted_origins.add(self.api_url)
        for stop in (self.batch.stop, self.functions.stop, self.bus.close, self._states.freeze):
            self._closing.callback(stop)
        server.start()
        api_server.start()

    def _provision(self) -> None:
        """Make the template's resources, and put back what was kept."""
        templates = self._templates = Templates(self._cdk_out, self.region, self.endpoint, self.api_url)
        provision.make_storage(templates, self.client)
        provision.make_identities(templates, self.client)
        for pool in templates.resources("AWS::Cognito::UserPool"):
            self._keys.jwks(pool.ref)  # Makes its key at first start, not at first sign-in.
        provision.make_functions(templates, self.functions)
        provision.make_batch(templates, self.batch)
        provision.make_state_machines(templates, self.client)
        self._durability.restore()
        self._api.login = self._make_login(templates)
        if self._page_folder is not None:
            self._api.page = WebPage(self._page_folder, [self.endpoint])
        self._api.cors = read_cors(templates)
        self._api.trusted_origins.update(set(self._api.cors.origins) - {"*"})
        self._api.routes.extend(read_routes(templates, self._keys.issuer))
        self.bus.rules.extend(read_rules(templates))
        self.bus.scans.extend(read_scan_plans(templates))

    def _make_login(self, templates: Templates) -> LoginPages | None:
        client = next((read_login(resource, templates) for resource in templates.resources(APP_CLIENT)), None)
        if client is None:
            return None
        # The page's address is known only now.
        client = replace(
            client,
            callbacks=[*client.callbacks, f"{self.api_url}/callback"],
            logouts=[*client.logouts, f"{self.api_url}/"],
        )
        return LoginPages(client, self._keys, self._records, self.client("cognito-idp"), self._on_mail)

    def _report_status(self, detail: dict[str, Any]) -> None:
        self.bus.status_event(detail)
        self._on_execution(detail)

    def _report_aborted(self) -> None:
        for detail in self._states.restore():
            self._report_status(detail)

    def _start_clockwork(self) -> None:
        self._scheduler = Scheduler(
            Targets(self.client),
            self._records,
            clock=lambda: self._told_time or self._clock(),
            time_scale=self._time_scale,
        )
        self._scheduler.schedules.extend(read_schedules(self._templates))
        self.outlook = self._scheduler.outlook()
        if self._with_schedules:
            self._scheduler.start()
            self._closing.callback(self._scheduler.stop)
        threading.Thread(target=self._sweep, daemon=True, name="lifecycle").start()

    def _sweep(self) -> None:
        """Expire what the buckets' lifecycle rules say, now and each hour."""
        while True:
            with contextlib.suppress(Exception):  # We may be on our way down.
                for bucket in self._templates.resources("AWS::S3::Bucket"):
                    expire_objects(self.client("s3"), bucket.name, self._clock())
            if self._stopping.wait(SWEEP_INTERVAL_S):
                return

    @property
    def address(self) -> Address:
        """Where it answers."""
        return Address(
            endpoint=self.endpoint,
            api_url=self.api_url,
            region=self.region,
            pid=os.getpid(),
            # The login's pages are served beside the API.
            outputs={**self._templates.outputs(), **({"LoginUrl": self.api_url} if self._api.login else {})},
            settings=self._command_settings,
            known_settings=self._known_settings,
        )

    def _child_environment(self) -> dict[str, str]:
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        search = [str(self._root), passed_on.get("PYTHONPATH", "")]
        return {
            **passed_on,
            "PYTHONPATH": os.pathsep.join(filter(None, search)),
            "PYTHONUNBUFFERED": "1",
            "POWERTOOLS_TRACE_DISABLED": "true",
            "AWS_XRAY_SDK_ENABLED": "false",
            "TMPDIR": str(self._temporary),
            **self.environment(),
            **self._overrides,
        }

    # Control -----------------------------------------------------------------------------------

    def _jwks(self, pool: str) -> dict[str, Any]:
        return self._keys.jwks(pool)

    def _status(self) -> dict[str, Any]:
        return self.address.model_dump(exclude={"settings", "known_settings"})

    def _control(self, request: Request) -> Response:
        """Answer what tests and the command line ask of a running embedded AWS."""
        actions: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "status"): lambda _: self._status(),
            ("GET", "notifications"): lambda _: self.notifications(),
            ("POST", "tick"): self._tick,
            ("POST", "reclaim-host"): lambda body: self.batch.reclaim_host(body["jobId"]),
            ("POST", "token"): lambda body: self.token(body["username"], body.get("groups", [])),
            ("POST", "deliveries"): lambda body: setattr(self.bus, "deliveries", int(body["count"])),
        }
        action = actions.get((request.method, request.path.removeprefix("/_embedded/")))
        if action is None:
            return Response(status=404)
        try:
            answer = action(json.loads(request.get_data() or b"{}"))
        except ClientError as error:  # What a part of ours refuses, it refuses because of the request.
            return Response(error.response["Error"].get("Message", str(error)), 400)
        except (
            ValueError, KeyError, TypeError, AttributeError, RecursionError, BatchClientError, ParamValidationError
        ) as error:  # fmt: skip
            return Response(f"{type(error).__name__}: {error}\n", 400)
        return Response(json.dumps(answer), mimetype="application/json")

    def _tick(self, body: Mapping[str, Any]) -> int:
        """Let the schedules see a time, and return how many fired."""
        self._told_time = dt.datetime.fromisoformat(body["now"])
        return self._scheduler.tick()


def _reset_moto() -> None:
    """Forget what this process held before."""
    for backend_dict in _BACKENDS:
        for account in backend_dict.values():
            for backend in account.values():
                backend.reset()
