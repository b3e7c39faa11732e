"""Every function, and all that it may use: one entry each, which the pipeline stack reads in one loop.

To add a function: a folder in `functions/`, and an entry here. Its settings follow from what it may use: who touches
objects gets the bucket's name, who touches records the table's, who reads a secret its ARN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Actions = tuple[str, ...]

_GET: Actions = ("GetItem",)
_PUT: Actions = ("PutItem",)
_QUERY: Actions = ("Query",)
_UPDATE: Actions = ("UpdateItem",)
_DELETE: Actions = ("DeleteItem",)
_BATCH: Actions = ("BatchWriteItem",)


@dataclass(frozen=True)
class Access:
    """What a role may use of the bucket, the table, the secrets and the topic.

    Attributes:
        records: DynamoDB actions by partition key; `*` at the end of a key stands for any rest.
        reads: Prefixes of objects that it reads and lists.
        versions: Prefixes of which it also reads objects that were overwritten.
        writes: Prefixes of objects that it writes.
        writes_in_parts: The same of large ones, whose parts it takes back where their upload fails.
        resumes: Prefixes of such objects whose upload it goes on with after a stop.
        aborts: Prefixes of objects whose uploads it gives up, whoever began them.
        deletes: Prefixes of objects that it deletes.
        tags: Prefixes of objects whose tags it reads.
        secrets: Actions by secret (`cdk/secrets.py`).
        notifies: Publishes to the topic of failures.
        watches_runs: Asks whether executions of the state machine are still at work.
        starts_runs: Starts executions of the state machine.
        versions_deletes: Prefixes of objects of which it deletes single versions.
        purges: Prefixes of objects that it deletes with all their versions.
        starts_maintenance: Calls the function that maintains collections.
        lent: Also reads and lists the buckets that the stage reads in place.
        users: Actions on the users of the pool that people log in to.
    """

    records: Mapping[str, Actions] = field(default_factory=dict)
    reads: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    writes_in_parts: tuple[str, ...] = ()
    resumes: tuple[str, ...] = ()
    aborts: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    secrets: Mapping[str, Actions] = field(default_factory=dict)
    notifies: bool = False
    watches_runs: bool = False
    starts_runs: bool = False
    versions_deletes: tuple[str, ...] = ()
    purges: tuple[str, ...] = ()
    starts_maintenance: bool = False
    lent: bool = False
    users: Actions = ()

    @property
    def uses_bucket(self) -> bool:
        """Whether it touches objects."""
        return bool(self.reads or self.versions or self.writes or self.writes_in_parts or self.deletes)


@dataclass(frozen=True)
class Function:
    """A function of `functions/`, or the handler of an image of its own.

    Attributes:
        name: Its name in the code: the folder in `functions/`.
        memory_mb: Memory; Lambda gives one CPU for each 1,769 MB.
        timeout_s: Less than its task's `TimeoutSeconds` in the state machine.
        access: What it may use.
        disk_mb: Space in `/tmp`.
        image: Its image (`cdk/constructs/image.py`).
        handler: The handler's dotted name in the image; by default that of its folder in `functions/`.
        is_step: Whether a state of the workflow calls it.
    """

    name: str
    memory_mb: int
    timeout_s: int
    access: Access
    disk_mb: int = 512
    image: str = "steps"
    handler: str = ""
    is_step: bool = True

    @property
    def command(self) -> str:
        """The handler's dotted name in the image."""
        return self.handler or f"functions.{self.name}.handler.handler"


FUNCTIONS = (
    # --- every source ---
    Function(
        "begin_run",
        512,
        60,
        Access(
            records={
                "RUN#*": _GET + _PUT,
                "EXECUTION#*": _PUT,
                "EXECUTIONS#*": _PUT,
                "COLLECTION#*": _GET + _UPDATE,
                "INBOX#*": _GET + _PUT,
            },
            watches_runs=True,
        ),
    ),
    Function(
        "plan_analysis",
        512,
        120,
        Access(
            records={"RUN#*": _GET, "VIDEO#*": _GET + _QUERY, "COLLECTION#*": _GET},
            reads=("runs/", "models/", "collections/*/batches/"),
            writes=("runs/*/analysis/",),
        ),
    ),
    Function(
        "finish_run",
        512,
        120,
        Access(
            records={
                "RUN#*": (*_GET, *_QUERY, *_PUT, "DeleteItem"),
                "EXECUTIONS#*": _PUT,
                "COLLECTION#*": _GET + _PUT + _UPDATE,
            },
            reads=("runs/*/analysis/",),
            notifies=True,
            starts_runs=True,
        ),
    ),
    Function(
        "fail_run",
        512,
        60,
        Access(
            records={
                "EXECUTION#*": _GET,
                "EXECUTIONS#*": _PUT,
                "RUN#*": _GET + _QUERY + _PUT,
                "FAULT#*": _GET,
                "COLLECTION#*": _GET + _PUT + _UPDATE,
            },
            notifies=True,
            starts_runs=True,
        ),
    ),
    Function(
        "serve_api",
        512,
        20,
        Access(
            records={
                "LIST": _GET + _QUERY,
                "RUN#*": _GET + _QUERY,
                "ITEM#*": _QUERY,
                "TAKEDOWN#*": (*_QUERY, *_PUT, "DeleteItem"),
                "REVIEW": _GET + _QUERY + _PUT,
                "CLIENT#*": _UPDATE,
            },
            reads=("published/",),
            writes=("published/latest/",),
        ),
        is_step=False,
    ),
    # --- people and collections ---
    Function(
        "serve_collections",
        3008,  # Queries take two CPUs, and keep what they read in memory.
        29,  # The gateway waits no longer.
        Access(
            records={
                "COLLECTION": _QUERY + _PUT,
                "COLLECTION#*": _GET + _QUERY + _PUT + _UPDATE + _DELETE,
                "CHANGES#*": _GET + _QUERY + _PUT,
                "DELETION": _PUT + _DELETE,
                "USER#*": _GET + _QUERY + _PUT + _DELETE,
                "PEOPLE": _QUERY + _PUT + _DELETE,
                "EMAIL#*": _GET + _PUT + _DELETE,
                "SHARE#*": _GET + _PUT + _DELETE,
                "PUBLIC": _QUERY + _PUT + _DELETE,
                "DEPARTMENT#*": _QUERY + _PUT + _DELETE,
                "IDEMPOTENCY#*": _GET + _PUT + _UPDATE + _DELETE,
                "CLIENT#*": _UPDATE,
            },
            # Links to images, and to where uploads arrive, allow what the function that makes them may do.
            reads=("collections/", "incoming/", "uploads/", "exports/", "imports/", "models/"),
            writes=("imports/", "collections/*/jobs/"),
            writes_in_parts=("collections/*/catalog/", "collections/*/batches/", "incoming/", "uploads/"),
            resumes=("incoming/", "uploads/"),
            aborts=("exports/",),
            deletes=("collections/*/catalog/changes/", "collections/*/batches/", "incoming/"),
            purges=(
                "collections/*/catalog/snapshots/",
                "collections/*/catalog/versions/",
                "collections/*/maps/",
                "exports/",
            ),
            starts_runs=True,
            watches_runs=True,
            starts_maintenance=True,
            users=("AdminGetUser", "AdminDeleteUser"),
        ),
        disk_mb=4096,
        image="search",
        is_step=False,
    ),
    Function(
        "maintain_collections",
        3008,
        900,
        Access(
            records={
                "COLLECTION": _QUERY + _DELETE,
                "COLLECTION#*": _GET + _QUERY + _PUT + _DELETE,
                "CHANGES#*": _QUERY + _PUT + _DELETE,
                "REQUESTS#*": _QUERY + _DELETE,
                "DELETION": _QUERY + _PUT + _UPDATE + _DELETE,
                "USER#*": _GET + _QUERY + _PUT + _DELETE + _BATCH,
                "PEOPLE": _QUERY + _DELETE,
                "EMAIL#*": _DELETE,
                "SHARE#*": _QUERY + _BATCH,
                "PUBLIC": _DELETE,
                "DEPARTMENT#*": _DELETE,
                "IDEMPOTENCY#*": _QUERY + _BATCH,
                "RUN#upload": _QUERY + _DELETE,
                "RUN#upload#*": _QUERY + _BATCH,
                "PROGRESS#upload#*": _QUERY + _BATCH,
                "FAULT#upload#*": _QUERY + _BATCH,
                "EXECUTION#*": _QUERY + _BATCH,
                "EXECUTIONS#upload": _QUERY + _DELETE,
                "INBOX#*": _QUERY + _DELETE + _BATCH,
                "VIDEO#*": _QUERY + _BATCH,
                "SEQUENCE#*": _QUERY + _BATCH,
            },
            reads=("collections/", "exports/"),
            writes=(
                "collections/*/features/",
                "collections/*/duplicates/",
                "collections/*/maps/",
                "collections/*/batches/",
            ),
            writes_in_parts=("collections/*/catalog/",),
            aborts=("collections/", "uploads/", "incoming/", "exports/", "imports/"),
            purges=("collections/", "uploads/", "incoming/", "exports/", "imports/", "runs/upload/"),
            users=("AdminDeleteUser",),
        ),
        disk_mb=4096,
        image="search",
        is_step=False,
    ),
    # --- tiktok ---
    Function(
        "crawl_category",
        3008,  # A browser wants two CPUs and a profile on disk; 3,008 MB is the most that a new account gets.
        900,
        Access(
            records={"RUN#tiktok#*": _GET + _PUT, "PROGRESS#tiktok#*": _PUT},
            reads=("runs/tiktok/",),
            writes=("runs/tiktok/",),
            secrets={"session": ("GetSecretValue", "PutSecretValue")},
        ),
        disk_mb=2048,
        image="crawler",
        handler="containers.crawler.handler.handler",
    ),
    Function(
        "curate_category",
        1769,
        300,
        Access(
            records={"RUN#tiktok#*": _GET + _PUT, "TAKEDOWN#tiktok": _QUERY},
            reads=("runs/tiktok/",),
            writes=("runs/tiktok/",),
            secrets={"google": ("GetSecretValue",)},
        ),
    ),
    Function(
        "publish_lists",
        1769,
        300,
        Access(
            records={"RUN#tiktok#*": _GET + _PUT, "LIST": _GET + _PUT, "TAKEDOWN#tiktok": _QUERY},
            # Thumbnails of clips that move up after a takedown may be in the archive by then.
            reads=("runs/tiktok/", "published/", "residual/"),
            writes=("published/", "runs/tiktok/"),
        ),
    ),
    Function(
        "archive_run",
        512,
        300,
        Access(
            records={"RUN#tiktok#*": _GET + _PUT, "ITEM#tiktok#*": _BATCH},
            reads=("runs/tiktok/",),
            writes=("residual/",),
            deletes=("runs/tiktok/*/media/",),
        ),
    ),
    # --- youtube ---
    Function(
        "collect_feed",
        1769,
        600,
        Access(
            records={"RUN#youtube#*": _GET + _PUT, "QUOTA#youtube": _GET + _PUT},
            reads=("runs/youtube/",),
            writes=("runs/youtube/",),
            secrets={"youtube": ("GetSecretValue",)},
        ),
        image="detection",
    ),
    Function(
        "predict_items",
        1769,
        900,
        Access(
            records={
                "RUN#youtube#*": _GET + _PUT,
                "PROGRESS#youtube#*": _PUT,
                "ITEM#youtube#*": _BATCH,
                "REVIEW": _PUT,
                "DETECTOR": _GET,
            },
            reads=("runs/youtube/", "models/"),
            writes=("runs/youtube/",),
            secrets={"azure": ("GetSecretValue",)},
        ),
        image="detection",
    ),
    Function(
        "train_detector",
        1769,
        900,
        Access(
            records={
                "RUN#youtube#*": _GET + _PUT,
                "TRAINING_IMAGE#*": _QUERY + _PUT,
                "REVIEW": _QUERY,
                "JUDGED#*": _GET,
                "DETECTOR": _GET,
            },
            reads=("runs/youtube/",),
            secrets={"azure": ("GetSecretValue",)},
        ),
        image="detection",
    ),
    Function(
        "check_training",
        512,
        60,
        Access(secrets={"azure": ("GetSecretValue",)}),
        image="detection",
    ),
    Function(
        "gate_iteration",
        512,
        120,
        Access(
            records={"RUN#youtube#*": _GET + _PUT, "JUDGED#*": _PUT, "DETECTOR": _GET + _PUT},
            secrets={"azure": ("GetSecretValue",)},
        ),
        image="detection",
    ),
    # --- upload ---
    Function(
        "collect_uploads",
        3008,
        900,
        Access(
            records={
                "RUN#upload#*": _GET + _PUT,
                "VIDEO#*": _GET + _PUT,
                "SEQUENCE#*": _GET,
                "COLLECTION": _PUT,
                "COLLECTION#*": _GET + _PUT + _UPDATE + _QUERY,
                "INBOX#*": _QUERY,
            },
            reads=("uploads/", "incoming/", "collections/*/batches/", "collections/*/originals/"),
            writes=("runs/upload/",),
            writes_in_parts=("collections/*/batches/",),
            deletes=("uploads/",),
            tags=("uploads/", "incoming/"),
            lent=True,
        ),
        image="search",  # It reads the labels of data sets.
    ),
    Function(
        "update_catalog",
        1769,
        900,
        Access(
            records={
                "RUN#upload#*": _GET + _PUT,
                "FAULT#upload#*": _GET,
                "COLLECTION#*": _GET + _PUT,
                "CHANGES#*": _QUERY + _PUT,
                "REQUESTS#*": _GET + _PUT,
                "INBOX#*": _GET + _PUT,
            },
            reads=("uploads/", "incoming/", "collections/*/batches/", "collections/*/catalog/"),
            writes_in_parts=("collections/*/batches/", "collections/*/catalog/"),
            deletes=("uploads/", "incoming/", "collections/*/batches/", "collections/*/catalog/changes/"),
            versions_deletes=("uploads/", "incoming/"),
        ),
    ),
    Function(
        "publish_poses",
        1769,
        300,
        Access(
            records={
                "RUN#upload": _GET,
                "RUN#upload#*": _GET + _PUT,
                "FAULT#upload#*": _GET,
                "VIDEO#*": _GET + _QUERY + _PUT,
            },
            reads=("runs/upload/",),
            writes=("collections/*/poses/manifests/",),
        ),
    ),
)

# The job on AWS Batch. Images of earlier days that it aligns with today's lie in the archive.
VISION = Access(
    records={
        "PROGRESS#*": _PUT,
        "FAULT#*": _PUT,
        "VIDEO#*": _GET + _PUT,
        "SEQUENCE#*": _GET + _PUT,
        "RUN#upload#*": _GET + _PUT,
        "COLLECTION#*": _GET + _PUT + _QUERY,
        "CHANGES#*": _QUERY + _PUT,
        "REQUESTS#*": _GET + _PUT,
    },
    reads=("runs/", "models/", "residual/", "incoming/", "collections/", "exports/", "imports/"),
    versions=("uploads/",),
    writes=("runs/",),
    writes_in_parts=(
        "collections/*/poses/",
        "collections/*/originals/",
        "collections/*/thumbnails/",
        "collections/*/features/",
        "collections/*/batches/",
        "collections/*/duplicates/",
        "collections/*/index/",
        "collections/*/catalog/",
        "collections/*/maps/",
        "exports/",
    ),
    resumes=("exports/",),
    aborts=("exports/",),
    deletes=("collections/*/catalog/changes/", "exports/*/state/"),
    purges=(
        "collections/*/catalog/snapshots/",
        "collections/*/index/",
        "collections/*/jobs/",
        "collections/*/maps/",
        "exports/",
        "imports/",
    ),
    lent=True,
)
