"""Serves what earlier runs in a folder have kept, for commands that read it while no embedded AWS runs.

Only S3 and DynamoDB are served: the rest of the embedded AWS (Step Functions, Cognito, functions) takes several times
as long to load as a list takes to read.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from werkzeug.wrappers import Response

from framesift.address import Address
from framesift.settings.own import digest_settings, read_own_settings
from framesift_local.aws.client import DEFAULT_REGION, make_client
from framesift_local.aws.data_folder import STATE_FILE, hold, logged_to
from framesift_local.aws.durable import Durability
from framesift_local.aws.objects import Objects
from framesift_local.aws.provision import make_data
from framesift_local.aws.records import Records
from framesift_local.aws.server import AwsEndpoint
from framesift_local.aws.synth import synthesize
from framesift_local.aws.template import Templates
from framesift_local.private_files import make_private_folder


def serve_kept(folder: Path) -> Address | None:
    """Serve a folder's objects and records until this process ends; None: nothing was kept in it.

    What is written is kept. It is not announced in the folder, since others would find it gone in the midst of their
    work.

    Raises:
        MachineError: A leaf of it says why what was kept cannot be served.
    """
    if not (folder / STATE_FILE).exists():
        return None
    with ExitStack() as opened:
        address = opened.enter_context(open_kept(folder.resolve(), synthesize(folder / "cdk.out")))
        atexit.register(opened.pop_all().close)
    return address


@contextmanager
def open_kept(folder: Path, cdk_out: Path) -> Iterator[Address]:
    """Serve a folder's objects and records: the buckets and tables of some templates."""
    with ExitStack() as opened:
        opened.enter_context(hold(folder, briefly=True))
        records = Records(folder / STATE_FILE)
        opened.callback(records.close)
        make_private_folder(folder / "logs")
        opened.enter_context(logged_to(folder / "logs" / "embedded-aws.log"))
        objects = Objects(folder / "s3", records)
        durability = Durability(records, objects, DEFAULT_REGION, lambda *_: None)  # No function hears of an object.
        durability.install()
        endpoint = AwsEndpoint(durability, {}, lambda _: Response(status=404), lambda _: {}, DEFAULT_REGION)
        server = endpoint.server(0)
        opened.callback(server.stop)
        server.start()
        templates = Templates(cdk_out, DEFAULT_REGION, server.url)
        make_data(templates, lambda service: make_client(service, server.url, DEFAULT_REGION))
        durability.restore_data()
        yield Address(
            endpoint=server.url,
            api_url="",
            region=DEFAULT_REGION,
            pid=os.getpid(),
            outputs=templates.outputs(),
            known_settings=digest_settings(read_own_settings()),  # This process's, which reads with them.
        )
