"""What is kept in DynamoDB: one table, one kind of record per module.

| pk | sk | record | module |
| --- | --- | --- | --- |
| `RUN#{source}` | `{run}` | a run (`Run.id`): the source of truth about it | `runs` |
| `EXECUTION#{arn}` | `run` | which run an execution has claimed | `runs` |
| `EXECUTIONS#{source}` | `{started_at}#{arn}` | the log: who started an execution, how it ended | `runs` |
| `RUN#{source}#{run}` | `{attempt}#{stage}#{scope}` | a stage's output, which a resumed run reuses | `stages` |
| `PROGRESS#{source}#{run}` | `{stage}#{scope}` | a stage's progress, for people who watch | `stages` |
| `FAULT#{source}#{run}` | `{stage}` | why a job's process failed: Batch keeps no more than its exit code | `stages` |
| `ITEM#{source}#{id}` | `{date}#{category}` | what became of a clip on a day | `items` |
| `TAKEDOWN#{source}` | `{id}` | a clip that must not be listed | `items` |
| `LIST` | `{category}` | which list is the newest: the switch | `lists` |
| `QUOTA#{service}` | `{day}` | units that a day has cost | `quotas` |
| `CLIENT#{digest}` | `{minute}` | requests of a client of the API | `clients` |
| `REVIEW` | `{date}.{category}.{item}.{n}` | a prediction that waits for a person, or was decided | `reviews` |
| `TRAINING_IMAGE#{project}` | `{sha256}` | an image that a training project has | `training` |
| `JUDGED#{project}` | `{iteration}` | an iteration that the gate has decided about | `training` |
| `DETECTOR` | `in_service` | which iteration predicts, and which did before | `training` |
| `VIDEO#{collection}` | `{name}` | what became of a video: of the newest object under that name | `videos` |
| `SEQUENCE#{collection}` | `{sha256}#{settings}` | that a pose sequence of these bytes exists | `videos` |
| `COLLECTION#{collection}` | `ABOUT` | what a collection is | `collections` |
| `COLLECTION#{collection}` | `MEMBER#{user}` | somebody's role in it | `members` |
| `COLLECTION#{collection}` | `SHARE#{share}` | a link that opens it, or an item of it, for a while | `shares` |
| `COLLECTION#{collection}` | `QUERY#{name}` | a saved query | `queries` |
| `COLLECTION#{collection}` | `EXPORT#{export}` | an export, and how far it is | `exports`, `jobs` |
| `COLLECTION#{collection}` | `IMPORT#{import}` | a file of labels that is brought in | `imports`, `jobs` |
| `COLLECTION#{collection}` | `MAP#{map}` | a map, and how far it is | `maps`, `jobs` |
| `COLLECTION#{collection}` | `SAMPLE#{sample}` | a sample, the recipe of its tag | `samples`, `jobs` |
| `COLLECTION#{collection}` | `CATALOG` | where its catalog stands: its log, its snapshot | `collections` |
| `COLLECTION#{collection}` | `VERSION#{name}` | a named version of its catalog | `collections` |
| `COLLECTION#{collection}` | `PURGE` | how far a purge of removed items is | `collections` |
| `COLLECTION#{collection}` | `INDEX#{model}` | which segments the index of a model's vectors has | `indexes` |
| `COLLECTION#{collection}` | `AUTHOR#{user}` | that a user has changed its catalog | `collections` |
| `USER#{user}` | `COLLECTION#{collection}` | a user's part in a collection | `collections` |
| `USER#{user}` | `CHANGED#{collection}` | that a user has changed a catalog | `collections` |
| `DELETION` | `{kind}#{id}` | a collection, or an account, of which not all is deleted yet | `deletions` |
| `CHANGES#{log}` | `{number}` | a change of a catalog | `changes` |
| `REQUESTS#{log}` | `{request}` | where the log ended when a request began to make its change | `changes` |
| `COLLECTION` | `{collection}` | that a collection exists: the list of all | `collections` |
| `COLLECTION#{collection}` | `BATCH#{batch}` | what was uploaded together, and how far it is | `batches` |
| `COLLECTION#{collection}` | `PARTS#{batch}#{file}` | an upload in parts that is not complete | `batches` |
| `COLLECTION#{collection}` | `INBOX` | which execution takes in what was dropped, and what arrived since | `inboxes` |
| `INBOX#{collection}` | `{name}` | a dropped file whose event has come, and what became of it | `inboxes` |
| `EXECUTION#{arn}` | `inbox` | which collection's inbox an execution takes in | `inboxes` |
| `SHARE#{sha256 of the token}` | `SHARE` | which link a token is | `shares` |
| `USER#{user}` | `PROFILE` | a person | `people` |
| `USER#{user}` | `COLLECTION#{collection}` | a collection of the user's, or that the user is a member of | `members` |
| `PEOPLE` | `{user}` | that there is such a person | `people` |
| `EMAIL#{address}` | `USER` | whose e-mail address it is | `people` |
| `DEPARTMENT#{name}` | `{collection}` | a collection that a department can see | `members` |
| `PUBLIC` | `{collection}` | a collection that everybody can see | `members` |
| `IDEMPOTENCY#{user}` | `{function}#{digest}` | an answer that is kept for an idempotency key | Powertools |

Every write that can race is conditional.
"""

from __future__ import annotations

from dataclasses import dataclass

from framesift.errors import ExportMissingError, ImportMissingError, MapMissingError, SampleMissingError
from framesift.table.batches import Batches, BatchRecord, PartUpload
from framesift.table.changes import Changes
from framesift.table.clients import Clients
from framesift.table.collections import (
    CatalogPointer,
    CatalogVersion,
    Collection,
    Collections,
    PurgeProgress,
    RetiredSnapshot,
    Snapshot,
    Visibility,
)
from framesift.table.deletions import Deletion, Deletions
from framesift.table.exports import ExportRecord
from framesift.table.imports import ImportRecord
from framesift.table.inboxes import Inbox, InboxEntry, Inboxes
from framesift.table.indexes import Indexes, IndexSegment, RetiredSegment, VectorIndex
from framesift.table.items import ItemDay, Items, TakenDown
from framesift.table.jobs import JobRecord, Jobs
from framesift.table.lists import ListPointer, Lists
from framesift.table.maps import MapRecord
from framesift.table.members import Member, Members, Role
from framesift.table.people import People, Profile
from framesift.table.queries import SavedQueries, SavedQuery
from framesift.table.quotas import Quotas
from framesift.table.reviews import Review, Reviews, Verdict
from framesift.table.runs import Execution, Failure, RunRecord, Runs, Status, Trigger
from framesift.table.samples import SampleRecord
from framesift.table.shares import Share, Shares
from framesift.table.stages import Fault, Stages
from framesift.table.table import Table
from framesift.table.training import InService, Training, TrainingImage
from framesift.table.videos import VideoRecord, Videos


@dataclass(frozen=True)
class Records:
    """Every kind of record of one table.

    Example:
        >>> records = Records("framesift-prod")
        >>> records.runs.table == records.table
        True

    Attributes:
        name: The table's name.
    """

    name: str

    @property
    def table(self) -> Table:
        """The table itself."""
        return Table(self.name)

    @property
    def runs(self) -> Runs:
        """Runs: what was wanted, what is done, what failed."""
        return Runs(self.table)

    @property
    def stages(self) -> Stages:
        """Outputs, progress and faults of a run's stages."""
        return Stages(self.table)

    @property
    def items(self) -> Items:
        """Clips' histories and takedowns."""
        return Items(self.table)

    @property
    def lists(self) -> Lists:
        """Which list of a category is the newest."""
        return Lists(self.table)

    @property
    def quotas(self) -> Quotas:
        """Units that services have cost."""
        return Quotas(self.table)

    @property
    def clients(self) -> Clients:
        """Requests of the API's clients."""
        return Clients(self.table)

    @property
    def reviews(self) -> Reviews:
        """Predictions for a person to decide about."""
        return Reviews(self.table)

    @property
    def training(self) -> Training:
        """What a training project has, and which iteration predicts."""
        return Training(self.table)

    @property
    def videos(self) -> Videos:
        """What became of uploaded videos."""
        return Videos(self.table)

    @property
    def collections(self) -> Collections:
        """Collections, and where their catalogs stand."""
        return Collections(self.table)

    @property
    def deletions(self) -> Deletions:
        """Deletions that are under way."""
        return Deletions(self.table)

    @property
    def members(self) -> Members:
        """Who belongs to which collection."""
        return Members(self.table)

    @property
    def shares(self) -> Shares:
        """Links that open a collection or an item."""
        return Shares(self.table)

    @property
    def queries(self) -> SavedQueries:
        """Saved queries."""
        return SavedQueries(self.table)

    @property
    def people(self) -> People:
        """People and their profiles."""
        return People(self.table)

    @property
    def indexes(self) -> Indexes:
        """Indexes of collections' vectors."""
        return Indexes(self.table)

    @property
    def changes(self) -> Changes:
        """The changes of catalogs."""
        return Changes(self.table)

    @property
    def exports(self) -> Jobs[ExportRecord]:
        """Exports of collections."""
        return Jobs(self.table, "export", ExportRecord, ExportMissingError)

    @property
    def maps(self) -> Jobs[MapRecord]:
        """Maps of collections."""
        return Jobs(self.table, "map", MapRecord, MapMissingError)

    @property
    def samples(self) -> Jobs[SampleRecord]:
        """Samples of collections, the recipes of their tags."""
        return Jobs(self.table, "sample", SampleRecord, SampleMissingError)

    @property
    def imports(self) -> Jobs[ImportRecord]:
        """Files of labels that are brought into collections."""
        return Jobs(self.table, "import", ImportRecord, ImportMissingError)

    @property
    def batches(self) -> Batches:
        """What was uploaded to collections together."""
        return Batches(self.table)

    @property
    def inboxes(self) -> Inboxes:
        """What was dropped into collections, and who takes it in."""
        return Inboxes(self.table)


__all__ = [
    "BatchRecord",
    "Batches",
    "CatalogPointer",
    "CatalogVersion",
    "Changes",
    "Clients",
    "Collection",
    "Collections",
    "Deletion",
    "Deletions",
    "Execution",
    "ExportRecord",
    "Failure",
    "Fault",
    "ImportRecord",
    "InService",
    "Inbox",
    "InboxEntry",
    "Inboxes",
    "IndexSegment",
    "Indexes",
    "ItemDay",
    "Items",
    "JobRecord",
    "Jobs",
    "ListPointer",
    "Lists",
    "MapRecord",
    "Member",
    "Members",
    "PartUpload",
    "People",
    "Profile",
    "PurgeProgress",
    "Quotas",
    "Records",
    "RetiredSegment",
    "RetiredSnapshot",
    "Review",
    "Reviews",
    "Role",
    "RunRecord",
    "Runs",
    "SampleRecord",
    "SavedQueries",
    "SavedQuery",
    "Share",
    "Shares",
    "Snapshot",
    "Stages",
    "Status",
    "Table",
    "TakenDown",
    "Training",
    "TrainingImage",
    "Trigger",
    "VectorIndex",
    "Verdict",
    "VideoRecord",
    "Videos",
    "Visibility",
]
