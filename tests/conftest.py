"""What many tests share: a bucket and a table on moto, in this process, with the real client code."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from framesift import aws
from framesift.errors import ModelError
from framesift.models import default_cache_dir, open_registry
from framesift.settings import Settings, load_settings
from framesift.storage import S3Store
from framesift.table import Records

# A busy machine is no failure of the code.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")

# What `make quick` leaves out: a browser, a server in a process of its own, a synthesis, a training, Docker.
SLOW_PATHS = (
    "cdk",
    "containers",
    "e2e",
    "integration",
    "unit/copydetect",
    "unit/language/test_offline.py",
    "unit/local/standins/clipsite",
    "unit/pipeline/test_analyze_killed.py",
    "web",
)
SLOW_FIXTURES = {"pose_model"}

# These run first, so that no worker is left with a long file while the others have nothing to do.
LONG_PATHS = (
    "integration/workflow",
    "cdk/test_permissions.py",
    "e2e",
    "unit/copydetect",
    "unit/catalog/test_deletion.py",
    "unit/maps",
    "web",
    "integration",
    "cdk",
    "containers",
    "functions",
    "unit/pose",
    "unit/api",
)

BUCKET = "framesift-test"
TABLE = "framesift-test"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="Leave out what takes long: see SLOW_PATHS in conftest.py.")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Not even import what `--quick` leaves out."""
    slow = any(collection_path == Path(__file__).parent / path for path in SLOW_PATHS)
    return True if slow and config.getoption("--quick") else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put long files first; deselect the slow tests of quick files."""
    items.sort(key=_rank)  # Stable: the tests of a file stay in their order.
    if not config.getoption("--quick"):
        return
    slow = [
        item
        for item in items
        if item.get_closest_marker("slow") or SLOW_FIXTURES & set(getattr(item, "fixturenames", ()))
    ]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]


def _rank(item: pytest.Item) -> int:
    path = item.path.relative_to(Path(__file__).parent)
    return next((rank for rank, long in enumerate(LONG_PATHS) if path.is_relative_to(long)), len(LONG_PATHS))


@pytest.fixture(scope="session", autouse=True)
def _clean_session() -> Iterator[None]:
    """What several tests share is made without the developer's AWS account and settings, too."""
    with pytest.MonkeyPatch.context() as patch:
        _clean_environment(patch)
        yield


@pytest.fixture(autouse=True)
def _clean_test(_clean_session: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees what a command of another one has connected this process to."""
    _clean_environment(monkeypatch)
    load_settings.cache_clear()


def _clean_environment(patch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        patch.delenv(name, raising=False)
    patch.setenv("AWS_ACCESS_KEY_ID", "testing")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    patch.setenv("AWS_DEFAULT_REGION", "ap-northeast-2")
    patch.setenv("AWS_REGION", "ap-northeast-2")
    patch.setenv("POWERTOOLS_TRACE_DISABLED", "true")
    patch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    """A job that a test runs in this process handles SIGTERM: what ends the test run later must not be caught by it."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@contextlib.contextmanager
def make_account() -> Iterator[None]:
    """AWS in this process, empty. Clients are kept from test to test: to make one takes longer than most tests."""
    from moto import mock_aws

    from framesift_local.aws.partitions import read_partitions_only

    read_partitions_only()
    with mock_aws():
        yield


@pytest.fixture
def aws_on_moto() -> Iterator[None]:
    """AWS in this process, empty."""
    with make_account():
        yield


@pytest.fixture
def on_aws() -> Iterator[Callable[[Any, str, Callable[..., Any]], None]]:
    """Calls a function at events of a client of AWS until the test has ended: the next test gets the same client."""
    with contextlib.ExitStack() as registered:

        def register(client: Any, event: str, handler: Callable[..., Any]) -> None:
            client.meta.events.register(event, handler)
            registered.callback(client.meta.events.unregister, event, handler)

        yield register


def make_bucket() -> S3Store:
    """Make an empty bucket."""
    aws.s3().create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    return S3Store(BUCKET)


def make_table() -> Records:
    """Make an empty table."""
    aws.dynamodb().create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return Records(TABLE)


@pytest.fixture
def store(aws_on_moto: None) -> S3Store:
    """An empty bucket."""
    return make_bucket()


@pytest.fixture
def records(aws_on_moto: None) -> Records:
    """An empty table."""
    return make_table()


@pytest.fixture(scope="session")
def pose_model() -> Path:
    """The `pose-full` bundle, from this machine's cache or built from the published package."""
    try:
        return open_registry(default_cache_dir(), public=True).resolve("pose-full").path
    except ModelError as error:
        pytest.skip(f"the pose networks are not available: {error}")
