"""The stacks, synthesized once by the very command that a deployment runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from cdk.app import make_app
from cdk.config import FEATURES, SOURCES, STAGES, Config
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Records
from tests.cdk.account import Account

REPOSITORY = Path(__file__).resolve().parents[2]
Resource = dict[str, Any]


@dataclass(frozen=True)
class Template:
    """A synthesized template."""

    path: Path

    @cached_property
    def resources(self) -> dict[str, Resource]:
        return json.loads(self.path.read_text(encoding="utf-8"))["Resources"]

    def of_type(self, kind: str) -> dict[str, Resource]:
        """The properties of all resources of a type, by logical id."""
        return {name: each.get("Properties", {}) for name, each in self.resources.items() if each["Type"] == kind}

    def one(self, kind: str, **wanted: Any) -> Resource:
        """The properties of the only resource of a type that has these."""
        found = [each for each in self.of_type(kind).values() if wanted.items() <= each.items()]
        assert len(found) == 1, f"{len(found)} of {kind} with {wanted}"
        return found[0]

    def functions(self) -> dict[str, Resource]:
        """The functions' properties by the name that they have in the code."""
        functions = self.of_type("AWS::Lambda::Function").values()
        return {each["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]: each for each in functions}

    def statements(self, role: Any) -> list[Mapping[str, Any]]:
        """What a role may do; actions and resources always as lists, resources as text."""
        name = role["Fn::GetAtt"][0] if isinstance(role, dict) else role
        policies = [
            policy for policy in self.of_type("AWS::IAM::Policy").values() if {"Ref": name} in policy.get("Roles", [])
        ]
        return [
            {
                "actions": _listed(statement["Action"]),
                "resources": [plain(resource) for resource in _listed(statement["Resource"])],
                "conditions": statement.get("Condition", {}),
            }
            for policy in policies
            for statement in policy["PolicyDocument"]["Statement"]
        ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def plain(value: Any) -> str:
    """An ARN with its references as their last names: `Bucket/runs/*`."""
    if isinstance(value, str):
        return value
    [(function, argument)] = value.items()
    if function == "Fn::Join":
        return "".join(plain(part) for part in argument[1])
    if function == "Fn::ImportValue":
        # framesift-full-storage:ExportsOutputFnGetAttBucket83908E77Arn063C8555
        return re.sub(r".*:ExportsOutput(?:FnGetAtt|Ref)([A-Z][a-z]+).*", r"\1", argument)
    return argument if isinstance(argument, str) else argument[0]


# Every source and feature, so that everything that can be deployed is in one template.
FULL = Config(
    "full",
    sources=tuple(SOURCES),
    features=tuple(FEATURES),
    own_settings={"FRAMESIFT_LANGUAGE__GOOGLE_PROJECT": "some-project"},
    web_url="https://d111111abcdef8.cloudfront.net",
)


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built page: which one makes no difference to the stacks."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "assets").mkdir()
    (folder / "index.html").write_text("<!doctype html><title>Framesift</title>", encoding="utf-8")
    (folder / "assets" / "index-1.js").write_text("", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def prod_assembly(tmp_path_factory: pytest.TempPathFactory, page: Path) -> Path:
    """The stage `prod`, as the CDK's own command synthesizes it."""
    out = tmp_path_factory.mktemp("cdk.out")
    command = [sys.executable, "-m", "cdk.app"]
    context = json.dumps({"stage": "prod", "page": str(page)})
    stage = {"CDK_CONTEXT_JSON": context, "CDK_OUTDIR": str(out), "PATH": "/nowhere"}  # No docker there.
    ran = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, **stage}, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    return out


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory, page: Path) -> Path:
    """The stage `dev` as it is, and one with all that there is."""
    out = tmp_path_factory.mktemp("cdk.out")
    make_app(str(out), FULL, STAGES["dev"], page=page).synth()
    return out


@pytest.fixture(scope="session")
def storage(assembly: Path) -> Template:
    return Template(assembly / "framesift-full-storage.template.json")


@pytest.fixture(scope="session")
def pipeline(assembly: Path) -> Template:
    return Template(assembly / "framesift-full-pipeline.template.json")


@pytest.fixture(scope="session")
def web(assembly: Path) -> Template:
    return Template(assembly / "framesift-full-web.template.json")


@pytest.fixture(scope="session")
def prod(prod_assembly: Path) -> tuple[Template, Template]:
    """The storage and the pipeline of `prod`."""
    return _stage(prod_assembly, "prod")


@pytest.fixture(scope="session")
def dev(assembly: Path) -> tuple[Template, Template]:
    """The storage and the pipeline of `dev`."""
    return _stage(assembly, "dev")


def _stage(assembly: Path, stage: str) -> tuple[Template, Template]:
    storage, pipeline = (assembly / f"framesift-{stage}-{stack}.template.json" for stack in ("storage", "pipeline"))
    return Template(storage), Template(pipeline)


@pytest.fixture
def account(
    pipeline: Any,
    store: S3Store,
    records: Records,
    on_aws: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Account]:
    monkeypatch.setenv("FRAMESIFT_PLATFORM__BUCKET", store.bucket)
    monkeypatch.setenv("FRAMESIFT_PLATFORM__TABLE", records.name)
    load_settings.cache_clear()
    statements = {name: pipeline.statements(function["Role"]) for name, function in pipeline.functions().items()}
    job = next(iter(pipeline.of_type("AWS::Batch::JobDefinition").values()))
    statements["vision"] = pipeline.statements(job["ContainerProperties"]["JobRoleArn"])
    account = Account(store, records, statements, on_aws)
    yield account
    assert account.denied == []
    load_settings.cache_clear()
