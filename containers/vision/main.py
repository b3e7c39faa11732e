"""The vision job. States: AnalyzeOnGpu, AnalyzeOnCpu, CompareImages, RunJob in statemachine/pipeline.asl.json.

    python -m containers.vision.main s3://bucket/key-of-the-job-spec

Exit codes: 0 done; 65 and 66 failed, do not retry; 75 failed, retry (`framesift.errors`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from types import FrameType

from framesift.contracts import AnalysisJob, CompareJob, JobSpec, LookJob, PoseJob, RunJobSpec
from framesift.contracts.exports import ExportJob, ImportJob
from framesift.errors import CollectionMissingError, FramesiftError, InterruptedByHostError
from framesift.log import logger
from framesift.models import default_cache_dir, open_registry
from framesift.pipeline.stage import count_numbers, log_outcome
from framesift.settings import load_settings
from framesift.storage import S3Store, parse_uri
from framesift.storage.files import FileReader
from framesift.table import Records


def main(job_spec_uri: str) -> int:
    """Run the job, or one child of its array."""
    child = int(os.environ.get("AWS_BATCH_JOB_ARRAY_INDEX", "0"))
    logger.append_keys(child=child)
    spec = None
    try:
        bucket, key = parse_uri(job_spec_uri)
        store = S3Store(bucket)
        text = store.get(key)
        spec = JobSpec.model_validate_json(text)
        _WORK[spec.kind](text, store, child)
    except FramesiftError as error:
        logger.error(str(error), extra={"error": type(error).__name__})
        if spec is not None and spec.kind not in _BY_THEMSELVES:
            stage = "compare" if spec.kind == "compare" else "analyze"
            run = RunJobSpec.model_validate_json(text).run
            Records(spec.table).stages.put_fault(run, stage, error)
        return error.exit_code
    return 0


def analyze_images(text: bytes, store: S3Store, child: int) -> None:
    """Compute features and find duplicates of a day's images."""
    from framesift.embedding.choose import choose_embedder
    from framesift.pipeline.analyze import Analyst, analyze

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    job, settings = AnalysisJob.model_validate_json(text), load_settings()
    choice = choose_embedder(settings, open_registry(default_cache_dir(), store))
    logger.info("embedder chosen", extra={"embedder": choice.label, "device": choice.device})
    analyst = Analyst(settings, store, Records(job.table).stages, choice, stop.is_set)
    scopes = [part.scope for part in job.scopes]
    log_outcome(job.run, "analyze", scopes, lambda: analyze(job, analyst, child), count_numbers)


def extract_all_poses(text: bytes, store: S3Store, child: int) -> None:
    """Extract pose sequences from uploaded videos."""
    from framesift.pipeline.upload.extract import Extractor, extract_poses
    from framesift.pose.model import resolve_bundle
    from framesift.settings.pose import PoseSettings

    signal.signal(signal.SIGTERM, _give_up)
    job = PoseJob.model_validate_json(text)
    settings = PoseSettings.model_validate(job.settings)
    bundle = resolve_bundle(settings.landmarks.model, open_registry(default_cache_dir(), store))
    extractor = Extractor(store, Records(job.table), bundle, settings, job.collection)

    def extract_and_log() -> Counter[str]:
        ended: Counter[str] = Counter()
        for entry in extract_poses(job, extractor, child):
            logger.info("video done", extra={"video": entry.source, "status": entry.status, "why": entry.message})
            ended[entry.status] += 1
        return ended

    log_outcome(job.run, "analyze", [job.collection], extract_and_log, dict)


def look_at_images(text: bytes, store: S3Store, child: int) -> None:
    """Look at the images of a collection's batch."""
    from framesift.catalog.reader import CatalogReader
    from framesift.pipeline.upload.look import look_at_shards

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    job, settings = LookJob.model_validate_json(text), load_settings()
    records = Records(job.table)
    try:
        reader = CatalogReader(job.collection, store, records, settings.catalog)
        known = frozenset() if job.relook else frozenset(reader.ids())
    except CollectionMissingError:
        logger.warning("the collection was deleted", extra={"collection": job.collection})
        return

    def look() -> Counter[str]:
        summary = look_at_shards(
            job,
            child,
            settings,
            store,
            records,
            open_reader=lambda: FileReader(store, settings.collections.max_bytes).read,
            known_ids=known.intersection,
            should_stop=stop.is_set,
        )
        return Counter({str(status): count for status, count in summary.statuses.items()})

    log_outcome(
        job.run,
        "analyze",
        [job.collection],
        look,
        lambda counts: {str(status): count for status, count in counts.items()},
    )


def compare_images(text: bytes, store: S3Store, _child: int) -> None:
    """Find the near-duplicates of a collection's new images."""
    from framesift.pipeline.upload.compare import compare_collection

    job = CompareJob.model_validate_json(text)
    compare_collection(job, load_settings(), store, Records(job.table))


def export_items(text: bytes, store: S3Store, _child: int) -> None:
    """Export items of a collection."""
    from framesift.catalog.export_jobs import run_export

    signal.signal(signal.SIGTERM, _give_up)
    job = ExportJob.model_validate_json(text)
    done = run_export(job, load_settings(), store, Records(job.table))
    about = {"collection": job.collection, "export": job.export}
    logger.info("export done" if done else "the export was deleted meanwhile", extra=about)


def import_labels(text: bytes, store: S3Store, _child: int) -> None:
    """Bring labels or fields from a file into a collection."""
    from framesift.catalog.import_jobs import run_import

    signal.signal(signal.SIGTERM, _give_up)
    job = ImportJob.model_validate_json(text)
    done = run_import(job, load_settings(), store, Records(job.table))
    about = {"collection": job.collection, "import": job.import_id}
    logger.info("import done" if done else "the collection was deleted meanwhile", extra=about)


def draw_map(text: bytes, store: S3Store, _child: int) -> None:
    """Draw a map of a collection, or place new items on it."""
    from framesift.contracts.maps import MapJob
    from framesift.maps.jobs import run_map

    signal.signal(signal.SIGTERM, _give_up)
    job = MapJob.model_validate_json(text)
    done = run_map(job, load_settings().catalog, store, Records(job.table))
    about = {"collection": job.collection, "map": job.map}
    logger.info("map done" if done else "the map was deleted meanwhile", extra=about)


def take_sample(text: bytes, store: S3Store, _child: int) -> None:
    """Choose some of a collection's items, and tag them."""
    from framesift.contracts.samples import SampleJob
    from framesift.samples.jobs import run_sample

    signal.signal(signal.SIGTERM, _give_up)
    job = SampleJob.model_validate_json(text)
    done = run_sample(job, load_settings().catalog, store, Records(job.table))
    about = {"collection": job.collection, "sample": job.sample}
    logger.info("sample done" if done else "the sample was deleted meanwhile", extra=about)


def _give_up(_number: int, _frame: FrameType | None) -> None:
    raise InterruptedByHostError("The host is stopping this job; what is finished is kept. Run it again.")


_WORK: Mapping[str, Callable[[bytes, S3Store, int], None]] = {
    "images": analyze_images,
    "poses": extract_all_poses,
    "look": look_at_images,
    "compare": compare_images,
    "export": export_items,
    "import": import_labels,
    "map": draw_map,
    "sample": take_sample,
}
_BY_THEMSELVES = frozenset({"export", "import", "map", "sample"})
"""Kinds of jobs that belong to no run: their own records say why they failed."""


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
