"""Synthesizes the stacks of one stage: `python -m cdk.app`, which is what the CDK's own command runs too."""

import json
import os

from aws_cdk import App, Environment, Validations
from cdk_nag import AwsSolutionsChecks

from cdk.config import Config, stage_config
from cdk.constructs.image import REPOSITORY
from cdk.stacks.pipeline import PipelineStack
from cdk.stacks.storage import StorageStack


def build(app: App, config: Config) -> None:
    """Make the stacks of a stage; what cdk-nag finds in them fails the synthesis."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    name, env = f"framesift-{config.stage}", Environment(account=config.account, region=config.region)
    storage = StorageStack(app, f"{name}-storage", config, env=env)
    PipelineStack(app, f"{name}-pipeline", config, storage, env=env)


if __name__ == "__main__":
    context = json.loads((REPOSITORY / "cdk.json").read_text(encoding="utf-8"))["context"]
    out = os.environ.get("CDK_OUTDIR", "cdk.out")
    # cfn-lint checks as much as the built-in validation, in the tests; here that would double the time.
    cdk_app = App(outdir=out, context=context, tree_metadata=False, builtin_cloud_formation_validation=False)
    build(cdk_app, stage_config(cdk_app.node.try_get_context("stage")))
    cdk_app.synth()
