"""A day's run inside of the images, as AWS would drive them: functions by the Lambda Runtime API, the job by its URI.

Where no registry can be reached, make a base first and name it:

    python -m containers.build --make-base
    FRAMESIFT_BASE_IMAGE=framesift-base pytest tests/containers
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from framesift import aws, keys
from framesift.contracts import AnalysisSummary, Clip, Run
from framesift.errors import ModelError
from framesift.models import BucketOrigin, default_cache_dir, open_registry
from framesift.storage import S3Store, read_lines
from framesift_local.aws.runtime_api import RuntimeApi
from framesift_local.standins.clipsite import ClipSite
from framesift_local.standins.sample_video import write_sample_video

pytestmark = [pytest.mark.docker, pytest.mark.slow]

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "framesift-images"
REGION = "ap-northeast-2"
DAY = dt.date(2026, 11, 20)
EXECUTION = f"arn:aws:states:{REGION}:123456789012:execution:framesift-dev:images"
# What a container is left here: a read-only file system, no privileges, room in /tmp.
CONFINED = (
    *("--network", "host", "--read-only", "--tmpfs", "/tmp:mode=1777,size=1g"),  # noqa: S108 - the container's own
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
)
# Lambda also has no /dev/shm, and few file descriptors.
IN_LAMBDA = (*CONFINED, "--ipc", "none", "--ulimit", "nofile=1024")


@pytest.fixture(scope="module", autouse=True)
def _docker() -> None:
    try:
        command = ["docker", "version", "--format", "{{.Server.Version}}"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        pytest.skip("Docker is not installed.")
    if answer.returncode != 0:
        pytest.skip("No Docker engine answers: start dockerd to run the images.")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, _docker: None) -> None:
    assembly = tmp_path_factory.mktemp("cdk.out")
    environment = {**os.environ, "CDK_OUTDIR": str(assembly)}
    subprocess.run([sys.executable, "-m", "cdk.app"], cwd=REPOSITORY, env=environment, timeout=300, check=True)
    base = os.environ.get("FRAMESIFT_BASE_IMAGE")
    command = [sys.executable, "-m", "containers.build", "--assembly", assembly, *(["--base", base] if base else [])]
    subprocess.run(command, cwd=REPOSITORY, timeout=1800, check=True)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@dataclass
class Machines:
    """Runs images against AWS on loopback."""

    endpoint: str
    site_url: str
    started: list[str] = field(default_factory=list)

    def environment(self, **more: str) -> list[str]:
        settings = {
            "PLATFORM__BUCKET": NAME,
            "PLATFORM__TABLE": NAME,
            "CRAWL__SITE_URL": self.site_url,
            "CRAWL__PATHS": json.dumps({"dance": "/dance"}),
            "CRAWL__SCROLL_PAUSE_S": "[0.05, 0.15]",
            "CRAWL__TARGET_CLIPS": "30",
            "DOWNLOAD__ALLOW_LOOPBACK": "true",
        }
        variables: Mapping[str, str] = {
            **{f"FRAMESIFT_{name}": value for name, value in settings.items()},
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "POWERTOOLS_TRACE_DISABLED": "true",
            **more,
        }
        return [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]

    def invoke(self, image: str, handler: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """A function's answer, given through AWS's own runtime client in the image."""
        api = RuntimeApi(f"arn:aws:lambda:{REGION}:123456789012:function:{handler}")
        environment = self.environment(
            AWS_LAMBDA_RUNTIME_API=api.address,
            AWS_LAMBDA_FUNCTION_NAME=handler,
            AWS_LAMBDA_FUNCTION_MEMORY_SIZE="2048",
            AWS_LAMBDA_FUNCTION_VERSION="$LATEST",
        )
        command = ["docker", "run", "--detach", *IN_LAMBDA, *environment, f"framesift-{image}", handler]
        container = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        try:
            answer = api.invoke(json.dumps(event).encode(), timeout_s=300)
            logs = subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True)
        finally:
            subprocess.run(["docker", "rm", "--force", container], capture_output=True, check=True)
            api.close()
        print(logs.stdout[-3000:], logs.stderr[-3000:])  # noqa: T201 - shown where the test fails
        return json.loads(answer.payload)

    def analyze(self, job_spec_uri: str, image: str = "vision") -> subprocess.CompletedProcess[str]:
        """The vision job, to its end."""
        command = ["python", "-m", "containers.vision.main", job_spec_uri]  # The job definition's.
        run = ["docker", "run", "--rm", *CONFINED, *self.environment(), f"framesift-{image}", *command]
        return subprocess.run(run, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def machines(images: None, endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    aws = {"endpoint_url": endpoint, "region_name": REGION, "aws_access_key_id": "x", "aws_secret_access_key": "x"}
    boto3.client("s3", **aws).create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": REGION})
    boto3.client("dynamodb", **aws).create_table(
        TableName=NAME,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    with ClipSite(date=DAY, cache_dir=tmp_path_factory.mktemp("covers"), clips_per_category=60) as site:
        yield Machines(endpoint, site.url)


@pytest.fixture(scope="module")
def gpu_image(machines: Machines) -> str:
    """The image with CUDA's libraries, which takes 15 minutes and 15 GB to build: only where someone has built it."""
    found = subprocess.run(["docker", "image", "inspect", "framesift-vision-gpu"], capture_output=True, check=False)
    if found.returncode != 0:
        pytest.skip("There is no GPU image: python -m containers.build vision-gpu")
    return "vision-gpu"


@pytest.fixture
def store(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", machines.endpoint)
    aws.forget_clients()
    yield S3Store(NAME)
    aws.forget_clients()


def test_a_day_is_run_by_the_images(machines: Machines):
    step = "functions.{}.handler.handler".format
    start = {"source": "tiktok", "date": DAY.isoformat(), "categories": ["dance"]}
    began = machines.invoke(
        "steps",
        step("begin_run"),
        {"start": start, "execution_arn": EXECUTION, "started_at": "2026-11-20T15:00:00Z"},
    )
    assert began["decision"] == "run", began
    stage = {"run": began["run"], "scopes": ["dance"]}
    category = {"run": began["run"], "scope": "dance"}

    collected = machines.invoke("crawler", "containers.crawler.handler.handler", category)
    assert collected.get("items", 0) > 10, collected

    plan = machines.invoke("steps", step("plan_analysis"), stage)
    assert plan.get("compute") == "cpu", plan
    analyzed = machines.analyze(plan["job_spec_uri"])
    assert analyzed.returncode == 0, analyzed.stdout[-3000:] + analyzed.stderr[-3000:]

    curated = machines.invoke("steps", step("curate_category"), category)
    assert curated.get("ranked", 0) > 0, curated
    published = machines.invoke("steps", step("publish_lists"), stage)
    assert [each["category"] for each in published.get("lists", [])] == ["dance"], published
    archived = machines.invoke("steps", step("archive_run"), stage)
    assert archived.get("objects", 0) > 0, archived
    finished = machines.invoke(
        "steps",
        step("finish_run"),
        {
            **stage,
            "collected": [collected],
            "planned_compute": "cpu",
            "analyzed_on": "cpu",
            "execution_arn": EXECUTION,
        },
    )
    assert finished.get("status") == "SUCCEEDED", finished

    answer = machines.invoke("steps", step("serve_api"), http_get("/v1/top10/dance"))
    assert answer.get("statusCode") == 200, answer
    assert json.loads(answer["body"])["count"] == curated["ranked"]


def test_the_gpu_image_finds_on_a_cpu_what_the_other_found(machines: Machines, gpu_image: str, store: S3Store):
    """After the day above: where no GPU can be had, the CPU queue's job would be the same."""
    run = Run(source="tiktok", date=DAY.isoformat(), attempt=1)
    key = keys.manifest(run, "dance", "analyzed")
    before = {clip.id: clip for clip in read_lines(store, key, Clip)}
    summary = AnalysisSummary.model_validate_json(store.get(keys.analysis_summary(run, ["dance"])))
    store.delete([key, keys.analysis_summary(run, ["dance"]), *store.list(keys.features_prefix(run, "dance"))])
    for clip in before.values():  # What was not listed is in the archive by now.
        if clip.media and not store.exists(clip.media.key):
            store.copy(keys.archived_media(run, "dance", clip.media.key), clip.media.key)

    analyzed = machines.analyze(f"s3://{NAME}/{keys.job_spec(run, ['dance'])}", gpu_image)

    assert analyzed.returncode == 0, analyzed.stdout[-3000:] + analyzed.stderr[-3000:]
    again = AnalysisSummary.model_validate_json(store.get(keys.analysis_summary(run, ["dance"])))
    assert (again.items, again.duplicates, again.embedder) == (summary.items, summary.duplicates, summary.embedder)
    found = {clip.id: clip for clip in read_lines(store, key, Clip)}
    assert {name: clip.duplicate for name, clip in found.items()} == {
        name: clip.duplicate for name, clip in before.items()
    }


def test_the_gpu_image_has_cudas_libraries(gpu_image: str):
    look = "import torch, torchvision; print(torch.version.cuda, torch.cuda.is_available(), torch.ones(2).sum().item())"
    cuda, _, total = run_inside(gpu_image, look).split()
    assert int(cuda.split(".")[0]) >= 12
    assert total == "2.0"


@pytest.mark.parametrize("image", ["vision", "vision-gpu"])
def test_an_uploads_poses_are_found_by_the_images(
    machines: Machines, store: S3Store, tmp_path: Path, image: str, request: pytest.FixtureRequest
):
    if image == "vision-gpu":
        request.getfixturevalue("gpu_image")
    try:
        networks = open_registry(default_cache_dir(), public=True).resolve("pose-full")
    except ModelError as error:
        pytest.skip(f"the pose networks are not available: {error}")
    step = "functions.{}.handler.handler".format
    BucketOrigin(store).push(networks.card, networks.path.read_bytes())
    write_sample_video(tmp_path / "a.mp4", 1.0)
    collection = f"춤 {image}"
    key = f"uploads/{collection}/내 영상.mp4"
    store.upload(tmp_path / "a.mp4", key)
    began = machines.invoke(
        "steps",
        step("begin_run"),
        {
            "start": {"source": "upload", "object": {"key": key}},
            "execution_arn": EXECUTION,
            "started_at": "2026-11-20T15:00:00Z",
        },
    )
    [work] = began["work"]
    assert work["scope"] == collection, began
    stage = {"run": began["run"], "scopes": [collection]}

    collected = machines.invoke("steps", step("collect_uploads"), work)
    assert collected.get("items") == 1, collected
    plan = machines.invoke("steps", step("plan_analysis"), stage)
    extracted = machines.analyze(plan["job_spec_uri"], image)
    assert extracted.returncode == 0, extracted.stdout[-3000:] + extracted.stderr[-3000:]
    published = machines.invoke("steps", step("publish_poses"), stage)
    assert (published.get("done"), published.get("frames_kept")) == (1, 30), published


def test_an_error_keeps_its_name(machines: Machines):
    request = {"start": {"source": "myspace"}, "execution_arn": EXECUTION, "started_at": "2026-11-20T15:00:00Z"}

    answer = machines.invoke("steps", "functions.begin_run.handler.handler", request)

    assert answer["errorType"] == "UnknownSourceError"


def test_a_run_that_was_cut_off_is_taken(machines: Machines):
    cut_off = {"stage": "execution", "error": "ABORTED", "execution_arn": EXECUTION}

    answer = machines.invoke("steps", "functions.fail_run.handler.handler", cut_off)

    assert answer["error"] == "ABORTED", answer


def test_a_job_without_a_spec_says_not_to_try_again(machines: Machines):
    assert machines.analyze("nowhere").returncode == 65


IMAGES = ["steps", "search", "detection", "crawler", "vision"]


def run_inside(image: str, program: str) -> str:
    """What a Python program prints in an image."""
    command = ["docker", "run", "--rm", *CONFINED, "--entrypoint", "python", f"framesift-{image}", "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


@pytest.mark.parametrize("image", IMAGES)
def test_nothing_runs_as_root_and_nothing_secret_is_inside(machines: Machines, image: str):
    look = "import os, sys; sys.exit(os.getuid() == 0 or any(os.path.exists(f) for f in ('.env', '.git', 'tests')))"

    run_inside(image, look)


@pytest.mark.parametrize("image", IMAGES)
def test_nothing_can_be_installed_inside(machines: Machines, image: str):
    look = "import glob; print(*glob.glob('/usr/**/pip*', recursive=True), *glob.glob('/opt/**/pip', recursive=True))"
    found = [path for path in run_inside(image, look).split() if re.search(r"/pip([-\d.].*)?$", path)]

    assert found == []
    modules = (
        "import importlib.util as u, json; print(json.dumps([u.find_spec(n) is None for n in ('pip', 'ensurepip')]))"
    )
    assert json.loads(run_inside(image, modules)) == [True, True]


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_lists_what_was_installed(machines: Machines, image: str):
    bill = json.loads(run_inside(image, "print(open('/opt/venv/sbom.cdx.json').read())"))
    listed = {normal(component["name"]): component["version"] for component in bill["components"]}
    look = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    installed = {normal(name): version for name, version in json.loads(run_inside(image, look)).items()}

    assert bill["bomFormat"] == "CycloneDX"
    assert listed == installed
    lock = (REPOSITORY / "requirements" / f"{image}.txt").read_text(encoding="utf-8")
    assert set(listed.items()) <= set(re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE))


def normal(name: str) -> str:
    """A distribution's name as locks write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def http_get(path: str) -> dict[str, Any]:
    """A request as an HTTP API hands it on."""
    return {
        "version": "2.0",
        "routeKey": f"GET {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "localhost",
            "http": {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "x"},
            "requestId": "1",
            "routeKey": f"GET {path}",
            "stage": "$default",
            "time": "20/Nov/2026:15:00:00 +0000",
            "timeEpoch": 1795186800000,
        },
        "isBase64Encoded": False,
    }
