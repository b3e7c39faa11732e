"""The embedded AWS: one object that loads a synthesized stack and runs it on this machine."""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import logging
import os
import re
import shutil
import threading
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

import boto3
from botocore.config import Config
from moto.cognitoidp.models import cognitoidp_backends
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from werkzeug.wrappers import Request, Response

from framesift.errors import DataFolderBusyError, DiskFullError, EmbeddedAwsDownError
from framesift_local import cognito, provision
from framesift_local.api import Authorizer, Cors, HttpApi, Route
from framesift_local.batch import Batch
from framesift_local.cognito import SigningKeys
from framesift_local.durable import Durability
from framesift_local.events import EventBus, Rule, Targets
from framesift_local.functions import Functions
from framesift_local.lifecycle import SWEEP_INTERVAL_S, expire_objects
from framesift_local.objects import Objects
from framesift_local.processes import Keeper
from framesift_local.records import Records
from framesift_local.schedules import Clock, Cron, Schedule, Scheduler
from framesift_local.server import AwsEndpoint, HttpServer
from framesift_local.services import batch_service, events_service, lambda_service
from framesift_local.stepfunctions import StepFunctions
from framesift_local.template import Templates

REPOSITORY = Path(__file__).resolve().parents[2]
MIN_FREE_BYTES = 500 * 1024 * 1024
ADDRESS_FILE = "embedded.json"
DEFAULT_REGION = "ap-northeast-2"

_BACKENDS = (
    cognitoidp_backends, dynamodb_backends, s3_backends, secretsmanager_backends, sns_backends,
    sqs_backends, stepfunctions_parser_backends,
)  # fmt: skip
_PASSED_ON = (
    "HOME", "PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "PLAYWRIGHT_BROWSERS_PATH", "VIRTUAL_ENV",
    "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
    "OMP_NUM_THREADS",
)  # fmt: skip
_FUNCTION_ARN = re.compile(r"arn:aws:lambda:[^:/]*:\d*:function:[^/:]+")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class EmbeddedAws:
    """AWS on one machine, for one stack. One a process, since moto's state is the process's.

    Args:
        data_dir: Where everything is kept; `s3/` and `logs/` in it are for people to open.
        cdk_out: Folder of synthesized templates.
        root: The repository's root, where functions' and jobs' modules are found.
        port: Of the AWS endpoint; 0 takes a free one.
        api_port: Of the HTTP API; 0 takes a free one.
        region: The stack's region.
        overrides: Environment on top of the template's, for all functions and jobs.
        schedules: Whether schedules fire. What was missed today is made up for at start.
        time_scale: Factor on the waits of retries; below 1 for tests.
        queue_wait_scale: Factor on Batch queues' state time limits: nobody here will add a GPU meanwhile.
        deliveries: How often each event is delivered: 2 shows that a second one is harmless.
        parallel_jobs: Batch jobs at once at most; None: one a core.
        clock: Gives the present to the schedules.
    """

    def __init__(
        self,
        data_dir: Path,
        cdk_out: Path,
        *,
        root: Path = REPOSITORY,
        port: int = 0,
        api_port: int = 0,
        region: str = DEFAULT_REGION,
        overrides: Mapping[str, str] | None = None,
        schedules: bool = False,
        time_scale: float = 1.0,
        queue_wait_scale: float = 0.01,
        deliveries: int = 1,
        parallel_jobs: int | None = None,
        clock: Clock = _now,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.region = region
        self._cdk_out = cdk_out
        self._root = root
        self._ports = (port, api_port)
        self._overrides = dict(overrides or {})
        self._with_schedules = schedules
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
                self._clients[service] = boto3.client(  # type: ignore[call-overload]
                    service,
                    endpoint_url=self.endpoint,
                    region_name=self.region,
                    aws_access_key_id="local",
                    aws_secret_access_key="local",  # noqa: S106  the embedded AWS checks none
                    config=Config(max_pool_connections=32, s3={"addressing_style": "path"}),
                )
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
        self._prepare_folder()
        self._closing.callback(self._lock().close)
        self._records = Records(self.data_dir / "state.db")
        self._closing.callback(self._records.close)
        logs = self.data_dir / "logs"
        logs.mkdir(exist_ok=True)
        keeper = Keeper(self._root)  # First: its libraries load while we do the rest.
        self._closing.callback(keeper.close)
        self._log_to(logs / "embedded-aws.log")
        _reset_moto()
        self._make_services(keeper, logs)
        self._provision()
        self._tell_aborted()
        self._start_clockwork()
        self._write_address()

    def _make_services(self, keeper: Keeper, logs: Path) -> None:
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
        common: dict[str, str] = {}
        self.functions = Functions(keeper, logs, common)
        self.batch = Batch(
            keeper,
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
            on_status=self.bus.status_event,
        )
        self._states.install(self.endpoint)
        self._api = HttpApi(self.functions, self._keys)
        api_server = HttpServer(self._api, self._ports[1])
        self._closing.callback(api_server.stop)
        self.api_url = api_server.url
        for stop in (self.batch.stop, self.functions.stop, self.bus.close, self._states.freeze):
            self._closing.callback(stop)
        server.start()
        api_server.start()

    def _provision(self) -> None:
        """Make the template's resources, and put back what was kept."""
        templates = self._templates = Templates(self._cdk_out, self.region, self.endpoint)
        provision.make_storage(templates, self.client)
        provision.make_identities(templates, self.client)
        provision.make_functions(templates, self.functions)
        provision.make_batch(templates, self.batch)
        provision.make_state_machines(templates, self.client)
        self._durability.restore()
        self._make_api(templates)
        self.bus.rules.extend(
            Rule(rule.name, rule.properties["EventPattern"], rule.properties.get("Targets", []))
            for rule in templates.resources("AWS::Events::Rule")
            if "EventPattern" in rule.properties and rule.properties.get("State") != "DISABLED"
        )

    def _make_api(self, templates: Templates) -> None:
        for api in templates.resources("AWS::ApiGatewayV2::Api"):
            cors = api.properties.get("CorsConfiguration", {})
            self._api.cors = Cors(
                origins=cors.get("AllowOrigins", []),
                methods=cors.get("AllowMethods", []),
                headers=cors.get("AllowHeaders", []),
                exposed=cors.get("ExposeHeaders", []),
                credentials=cors.get("AllowCredentials", False),
                max_age_s=cors.get("MaxAge"),
            )
        functions = {
            integration.ref: _FUNCTION_ARN.findall(integration.properties["IntegrationUri"])[0]
            for integration in templates.resources("AWS::ApiGatewayV2::Integration")
        }
        authorizers = {
            authorizer.ref: Authorizer(
                authorizer.name,
                # Here the issuer is where its keys can be fetched.
                self._keys.issuer(authorizer.properties["JwtConfiguration"]["Issuer"].rpartition("/")[2]),
                authorizer.properties["JwtConfiguration"]["Audience"],
            )
            for authorizer in templates.resources("AWS::ApiGatewayV2::Authorizer")
        }
        for route in templates.resources("AWS::ApiGatewayV2::Route"):
            properties = route.properties
            self._api.routes.append(
                Route(
                    key=properties["RouteKey"],
                    function_arn=functions[properties["Target"].rpartition("/")[2]],
                    authorizer=authorizers.get(properties.get("AuthorizerId", "")),
                    scopes=properties.get("AuthorizationScopes", []),
                )
            )

    def _tell_aborted(self) -> None:
        for detail in self._states.restore():
            self.bus.status_event(detail)

    def _start_clockwork(self) -> None:
        self._scheduler = Scheduler(
            Targets(self.client),
            self._records,
            clock=lambda: self._told_time or self._clock(),
            time_scale=self._time_scale,
        )
        for schedule in self._templates.resources("AWS::Scheduler::Schedule"):
            if schedule.properties.get("State") != "DISABLED":
                cron = Cron(
                    schedule.properties["ScheduleExpression"],
                    schedule.properties.get("ScheduleExpressionTimezone", "UTC"),
                )
                self._scheduler.schedules.append(
                    Schedule(schedule.name, schedule.arn, cron, schedule.properties["Target"])
                )
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

    # The folder --------------------------------------------------------------------------------

    def _prepare_folder(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        free_bytes = shutil.disk_usage(self.data_dir).free
        if free_bytes < MIN_FREE_BYTES:
            raise DiskFullError(
                f"{self.data_dir} has {free_bytes // 1024**2} MB free and needs"
                f" {MIN_FREE_BYTES // 1024**2}: free some, or choose another folder."
            )

    def _log_to(self, path: Path) -> None:
        """Let moto's log lines go to a file: it logs each failed state at length."""
        handler = logging.FileHandler(path, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message).2000s"))
        logger = logging.getLogger("moto")
        logger.addHandler(handler)
        logger.propagate = False
        self._closing.callback(handler.close)
        self._closing.callback(logger.removeHandler, handler)

    def _lock(self) -> IO[str]:
        """Lock the folder; the system lets go of it however we end."""
        lock = (self.data_dir / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise DataFolderBusyError(
                f"{self.data_dir} is in use by the embedded AWS of process {holder}:"
                " stop that one, or choose another folder."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return lock

    def _write_address(self) -> None:
        path = self.data_dir / ADDRESS_FILE
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(self._address(), indent=2))
        temporary.replace(path)
        self._closing.callback(partial(path.unlink, missing_ok=True))

    def _address(self) -> dict[str, Any]:
        return {
            "endpoint": self.endpoint,
            "api_url": self.api_url,
            "region": self.region,
            "pid": os.getpid(),
            "outputs": self._templates.outputs(),
        }

    def _child_environment(self) -> dict[str, str]:
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        search = [str(self._root), passed_on.get("PYTHONPATH", "")]
        return {
            **passed_on,
            "PYTHONPATH": os.pathsep.join(filter(None, search)),
            "PYTHONUNBUFFERED": "1",
            "POWERTOOLS_TRACE_DISABLED": "true",
            "AWS_XRAY_SDK_ENABLED": "false",
            **self.environment(),
            **self._overrides,
        }

    # Control -----------------------------------------------------------------------------------

    def _jwks(self, pool: str) -> dict[str, Any]:
        return self._keys.jwks(pool)

    def _control(self, request: Request) -> Response:
        """Answer what tests and the command line ask of a running embedded AWS."""
        body = json.loads(request.get_data() or b"{}")
        actions: dict[tuple[str, str], Callable[[], Any]] = {
            ("GET", "status"): self._address,
            ("GET", "notifications"): self.notifications,
            ("POST", "tick"): partial(self._tick, body),
            ("POST", "reclaim-host"): lambda: self.batch.reclaim_host(body["jobId"]),
            ("POST", "token"): lambda: self.token(body["username"], body.get("groups", [])),
            ("POST", "deliveries"): lambda: setattr(self.bus, "deliveries", int(body["count"])),
        }
        action = actions.get((request.method, request.path.removeprefix("/_embedded/")))
        if action is None:
            return Response(status=404)
        return Response(json.dumps(action()), mimetype="application/json")

    def _tick(self, body: Mapping[str, Any]) -> int:
        """Let the schedules see a time, and return how many fired."""
        self._told_time = dt.datetime.fromisoformat(body["now"])
        return self._scheduler.tick()


def find_running(data_dir: Path) -> dict[str, Any]:
    """Return the address of the embedded AWS that runs on a folder.

    Returns:
        `endpoint`, `api_url`, `region`, `pid` and the stack's `outputs`.

    Raises:
        EmbeddedAwsDownError: None answers.
    """
    advice = f"No embedded AWS runs on {data_dir}: start it with `framesift local up`."
    try:
        address: dict[str, Any] = json.loads((data_dir / ADDRESS_FILE).read_text())
        url = f"{address['endpoint']}/_embedded/status"
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310  our own address
            answer: dict[str, Any] = json.load(response)
    except (OSError, ValueError) as error:
        raise EmbeddedAwsDownError(advice) from error
    return answer


def _reset_moto() -> None:
    """Forget what this process held before."""
    for backend_dict in _BACKENDS:
        for account in backend_dict.values():
            for backend in account.values():
                backend.reset()
