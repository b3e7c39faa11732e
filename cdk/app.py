"""Synthesizes the stacks of one stage into `cdk.out`: `python -m cdk.app`, which is what the CDK's own command runs."""

from __future__ import annotations

import json
import os

from aws_cdk import App, Environment, Validations
from cdk_nag import AwsSolutionsChecks

from cdk.config import Config, stage_config
from cdk.constructs.image import REPOSITORY
from cdk.stacks.pipeline import PipelineStack
from cdk.stacks.storage import StorageStack


def build(app: App, config: Config) -> tuple[StorageStack, PipelineStack]:
    """Make the stacks of a stage; what cdk-nag finds in them fails the synthesis."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    name = f"framesift-{config.stage}"
    environment = Environment(account=config.account, region=config.region)
    storage = StorageStack(app, f"{name}-storage", config, env=environment)
    return storage, PipelineStack(app, f"{name}-pipeline", config, storage, env=environment)


if __name__ == "__main__":
    context = json.loads((REPOSITORY / "cdk.json").read_text(encoding="utf-8"))["context"]
    app = App(
        outdir=os.environ.get("CDK_OUTDIR", "cdk.out"),
        context=context,
        tree_metadata=False,
        builtin_cloud_formation_validation=False,  # cfn-lint checks as much in the tests; here it doubled the time.
    )
    build(app, stage_config(app.node.try_get_context("stage")))
    app.synth()
