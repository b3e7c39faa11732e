"""Synthesizes the stacks of one stage: `python -m cdk.app`, which is what the CDK's own command runs too."""

import json
import os
from pathlib import Path

from aws_cdk import App, Environment, Validations
from cdk_nag import AwsSolutionsChecks

from cdk.config import Config, stage_config
from cdk.constructs.image import REPOSITORY
from cdk.stacks.pipeline import PipelineStack
from cdk.stacks.storage import StorageStack
from cdk.stacks.web import WebStack
from framesift.errors import PageBuildError

PAGE = REPOSITORY / "web" / "dist"
"""The built page."""


def make_app(out: str, *configs: Config, page: Path | None = None) -> App:
    """Make the stacks of some stages; what cdk-nag finds fails the synthesis.

    Args:
        out: The folder of the cloud assembly.
        configs: The stages; none: the one in the context.
        page: The built page; None: the context's, else that of this repository.

    Raises:
        PageBuildError: A stage has a page, which is not built.
    """
    context = json.loads((REPOSITORY / "cdk.json").read_text(encoding="utf-8"))["context"]
    # cfn-lint checks as much as the built-in validation, in the tests; here that would double the time.
    app = App(outdir=out, context=context, tree_metadata=False, builtin_cloud_formation_validation=False)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    page = page or Path(app.node.try_get_context("page") or PAGE)
    for config in configs or [stage_config(app.node.try_get_context("stage"))]:
        name, env = f"framesift-{config.stage}", Environment(account=config.account, region=config.region)
        storage = StorageStack(app, f"{name}-storage", config, env=env)
        pipeline = PipelineStack(app, f"{name}-pipeline", config, storage, env=env)
        if config.page:
            if not (page / "index.html").exists():
                raise PageBuildError(f"{page} holds no built page: run `python -m framesift_local.page_build` first.")
            WebStack(app, f"{name}-web", config, storage, pipeline, page, env=env)
    return app


if __name__ == "__main__":
    make_app(os.environ.get("CDK_OUTDIR", "cdk.out")).synth()
