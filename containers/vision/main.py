"""The vision job. State: AnalyzeOnGpu, AnalyzeOnCpu in statemachine/pipeline.asl.json.

    python -m containers.vision.main s3://bucket/key-of-the-job-spec

Its exit code says what to do: 0 done, 65 and 66 do not try again, 75 try again (`framesift.errors`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from aws_lambda_powertools import Logger

from framesift.contracts import AnalysisJob
from framesift.errors import FramesiftError
from framesift.models import default_cache_dir, open_registry
from framesift.pipeline.analyze import Analyst, analyze
from framesift.settings import load_settings
from framesift.storage import S3Store, parse_uri
from framesift.table import Table
from framesift.vision.choose import choose_embedder

logger = Logger(service="vision")


def main(job_spec_uri: str) -> int:
    """Do the job, or an array child's part of it."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    job = None
    try:
        bucket, key = parse_uri(job_spec_uri)
        store = S3Store(bucket)
        job = AnalysisJob.model_validate_json(store.get(key))
        settings = load_settings()
        choice = choose_embedder(settings, open_registry(default_cache_dir(), store))
        logger.info("The embedder was chosen.", extra={"embedder": choice.label, "device": choice.device})
        analyst = Analyst(settings, store, Table(job.table), choice, stop.is_set)
        summary = analyze(job, analyst, child=int(os.environ.get("AWS_BATCH_JOB_ARRAY_INDEX", "0")))
    except FramesiftError as error:
        logger.error(str(error), extra={"error": type(error).__name__})
        if job is not None:
            Table(job.table).put_fault(job.run, "analyze", error)
        return error.exit_code
    logger.info("The job is done.", extra={"summary": summary.model_dump() if summary else "another child joins"})
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
