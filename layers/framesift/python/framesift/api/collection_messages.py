"""The messages of people and collections: what is sent to the API, and what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from framesift.catalog.batches import BatchFile, FileLinks, NewFile
from framesift.catalog.labels import MAX_ANNOTATIONS, LabelFaultError, read_label
from framesift.catalog.ledger import LedgerLine
from framesift.contracts import (
    Annotation,
    CatalogItem,
    Contract,
    Health,
    MetadataValue,
    NearDuplicate,
    Prediction,
)
from framesift.contracts.catalog import ItemId
from framesift.contracts.exports import ExportFormat, ExportOptions
from framesift.contracts.maps import MapOptions, MapSummary
from framesift.contracts.samples import SampleOptions, SampleSummary
from framesift.storage.direct import UploadForm
from framesift.table import (
    BatchRecord,
    CatalogVersion,
    Collection,
    ExportRecord,
    ImportRecord,
    Member,
    Profile,
    Role,
    SavedQuery,
    Share,
    Visibility,
)
from framesift.table.batches import BatchKind, BatchState
from framesift.table.imports import ImportFormat
from framesift.table.jobs import JobState
from framesift.table.maps import MapRecord
from framesift.table.samples import SampleRecord

if TYPE_CHECKING:
    from framesift.catalog.versions import Difference

MAX_IDS = 10_000
MAX_FILES = 1_000
MAX_QUERY_LENGTH = 4_000

# Letters that are one character each on every file system.
_LETTERS = "A-Za-z0-9가-힣ぁ-ゖァ-ヺ一-龥"

Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=5_000)]
Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")]
UserId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:@-]{1,128}$")]
Tag = Annotated[str, StringConstraints(max_length=500)]


def _normalize_label(annotation: Annotation) -> Annotation:
    try:
        return annotation.model_copy(update={"label": read_label(annotation.label)})
    except LabelFaultError as fault:
        raise ValueError(str(fault)) from None


NewAnnotation = Annotated[Annotation, AfterValidator(_normalize_label)]


class Request(BaseModel):
    """Base of what is sent; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Choice(Request):
    """Base of what is sent with exactly one of some fields, which are then not null."""

    choices: ClassVar[tuple[str, ...]]

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Say so in the schema, too."""
        given: list[JsonValue] = [
            {"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in cls.choices
        ]
        cls.model_config["json_schema_extra"] = {"oneOf": given}
        cls.model_rebuild(force=True)

    @model_validator(mode="after")
    def _choose_one(self) -> Self:
        if sum(getattr(self, name) is not None for name in self.choices) != 1:
            raise ValueError(f"send one of {', '.join(self.choices)}")
        return self


class ProfileChange(Request):
    """What a person changes of the own profile; what is left out stays."""

    name: Line | None = None
    department: Line | None = None
    duty: Line | None = None
    place: Line | None = None


class Me(Contract):
    """The person who asks."""

    profile: Profile
    is_admin: bool
    is_approved: bool = Field(description="False: only the own profile can be used until an administrator approves.")


class PeopleList(Contract):
    """Some of all people."""

    people: list[Profile]
    next_cursor: str | None = Field(None, description="`cursor` of the next page; null: this is the last.")


class NewCollection(Request):
    """A collection to make."""

    id: str = Field(
        pattern=f"^[{_LETTERS}](?:[{_LETTERS} _-]{{0,28}}[{_LETTERS}_-])?$",
        description="Letters, digits, spaces, `-` and `_`, at most 30; it never changes.",
    )
    name: Line = ""
    description: Text = ""
    visibility: Visibility = "private"
    department: Line = Field("", description="Whose people see it; empty: the owner's department.")
    models: list[Line] = Field([], max_length=20, description="The models that look at its images.")


class CollectionChange(Request):
    """What is changed of a collection; what is left out stays."""

    name: Line | None = None
    description: Text | None = None
    visibility: Visibility | None = None
    department: Line | None = None
    models: list[Line] | None = Field(None, max_length=20)


class ServedCollection(Contract):
    """A collection, and what the caller may do with it."""

    collection: Collection
    role: Role


class CollectionList(Contract):
    """Some of the collections that the caller can see."""

    collections: list[ServedCollection]
    next_cursor: str | None = Field(None, description="`cursor` of the next page; null: this is the last.")


class NewMember(Choice):
    """Somebody who is to belong to a collection."""

    choices = ("user", "email")

    user: UserId | None = Field(None, description="The user's id; or `email`.")
    email: Email | None = Field(None, description="Of somebody who has used collections before.")
    role: Role


class MemberList(Contract):
    """Everybody who belongs to a collection."""

    owner: str = Field(description="The user whose collection it is.")
    members: list[Member]


class NewShare(Request):
    """A link to make."""

    item: ItemId | None = Field(None, description="The one item that it opens; null: the collection.")
    note: Line = ""
    days: int = Field(7, ge=1, le=365, description="How long it works; the settings have a most.")


class MadeShare(Contract):
    """A link that was made."""

    share: Share
    token: str = Field(description="What opens `/v1/shared/{token}`. It is shown only now.")


class ShareList(Contract):
    """A collection's links."""

    shares: list[Share]


class ServedImage(Contract):
    """An item; its images are at its address with `/media`."""

    id: ItemId
    names: list[str]
    content_type: str
    size_bytes: int
    width: int
    height: int
    source: str
    taken_at: AwareDatetime | None
    added_at: AwareDatetime
    added_by: str
    batch: str
    health: Health | None
    duplicate: NearDuplicate | None
    predictions: list[Prediction]
    annotations: list[Annotation]
    tags: list[str]
    metadata: dict[str, MetadataValue]
    viewers: list[str] | None = Field(None, description="For editors and owners only.")
    changed_at: AwareDatetime | None
    changed_by: str
    version: int = Field(description="Its ETag.")
    thumbnail_url: str | None = Field(None, description="A link to it with 256 pixels, which works for a while.")
    image_url: str | None = Field(None, description="Of a single item: the same with 1,024 pixels.")

    @classmethod
    def of(
        cls, item: CatalogItem, *, to_editor: bool, thumbnail_url: str | None = None, image_url: str | None = None
    ) -> Self:
        """An item as somebody sees it."""
        hidden: dict[str, Any] = {} if to_editor else {"viewers": None}
        links = {"thumbnail_url": thumbnail_url, "image_url": image_url}
        return cls.model_validate({**item.model_dump(), **hidden, **links})


class ItemPage(Contract):
    """A page of items."""

    items: list[ServedImage]
    next_cursor: str | None = Field(None, description="`cursor` of the next page; null: this is the last.")
    number: int = Field(description="The change up to which it is true at least.")


class TagChange(Request):
    """Tags to add and to remove."""

    add: list[Tag] = Field([], max_length=200)
    remove: list[Tag] = Field([], max_length=200)


class ItemChange(Choice):
    """What is changed of an item: one of these, so that it is done whole or not at all."""

    choices = ("metadata", "annotations", "viewers", "everybody", "tags")

    metadata: dict[str, MetadataValue | None] | None = Field(None, description="Fields to set; null removes one.")
    annotations: list[NewAnnotation] | None = Field(
        None, max_length=MAX_ANNOTATIONS, description="In place of those before."
    )
    viewers: list[UserId] | None = Field(None, max_length=1_000, description="Who may see it; `everybody` ends that.")
    everybody: Literal[True] | None = Field(None, description="Whoever sees the collection may see it again.")
    tags: TagChange | None = None


class BulkTags(TagChange, Choice):
    """Tags to add to, and to remove from, many items: those of a list, or all that a query finds."""

    choices = ("ids", "query")

    ids: list[ItemId] | None = Field(None, max_length=MAX_IDS)
    query: str | None = Field(None, max_length=MAX_QUERY_LENGTH)


class BulkDeletion(Choice):
    """Items to delete: those of a list, or all that a query finds."""

    choices = ("ids", "query")

    ids: list[ItemId] | None = Field(None, max_length=MAX_IDS)
    query: str | None = Field(None, min_length=1, max_length=MAX_QUERY_LENGTH, description="Never empty: not all.")


class BulkMetadata(Choice):
    """Fields to set of many items: `values` by item, or a table as text."""

    choices = ("values", "csv", "jsonl")

    values: dict[str, dict[str, MetadataValue | None]] | None = Field(None, max_length=MAX_IDS, description="By id.")
    csv: str | None = Field(None, description="A line of names, one of them `id` or `name`; then a line for each item.")
    jsonl: str | None = Field(None, description="A JSON object on each line, with `id` or `name`, and the fields.")


class Changed(Contract):
    """A change that was made."""

    number: int | None = Field(description="Its number in the catalog's log; null: there was nothing to change.")
    items: int = Field(description="The items that it names.")


class RefusedLine(Contract):
    """A line of a table that was not used."""

    line: int = Field(description="From 1.")
    reason: str


class FieldsSet(Contract):
    """What became of fields that were sent; one that cannot be used costs no other."""

    items: int = Field(description="Items that were changed.")
    unknown: list[str] = Field([], description="Ids that no item has; at most 100.")
    refused: list[RefusedLine] = Field([], description="Lines of a table that were not used; at most 100.")


class HistoryEntry(Contract):
    """A change that touched an item."""

    number: int
    at: AwareDatetime
    by: str
    kind: str
    says: dict[str, Any] = Field(description="What it says about the item.")


class History(Contract):
    """Changes that touched an item, the first one first."""

    changes: list[HistoryEntry]
    next_cursor: int | None = Field(None, description="`after` of the next page; null: this is the last.")


class Facets(Contract):
    """How many items have which value."""

    facets: dict[str, list[ValueCount]]


class ValueCount(Contract):
    """A value that items have."""

    value: str
    count: int


class TagCounts(Contract):
    """The tags of a collection, the most frequent first."""

    tags: list[ValueCount]


class ItemCount(Contract):
    """How many items there are."""

    count: int


class QuerySuggestion(Contract):
    """What can take the place of a part of a query."""

    text: str = Field(description="What to put there.")
    start: int = Field(description="Where the part begins that it replaces, in characters from 0.")
    end: int = Field(description="Where that part ends.")
    help: str = Field(description="What it means; empty for values.")


class QuerySuggestions(Contract):
    """How a query could go on."""

    suggestions: list[QuerySuggestion]


class QueryToSave(Request):
    """A query to save under a name."""

    query: str = Field(max_length=MAX_QUERY_LENGTH)
    sort: str = Field("", max_length=40)


class QueryList(Contract):
    """A collection's saved queries."""

    queries: list[SavedQuery]


class NewBatch(Request):
    """An upload to open."""

    digest: str = Field("", max_length=100, description="Of what is uploaded: the same again takes up the open batch.")
    models: list[Line] = Field([], max_length=20, description="What looks at it; none: the collection's models.")


class ServedBatch(Contract):
    """What was uploaded together."""

    id: str
    kind: BatchKind
    state: BatchState
    by: str
    created_at: AwareDatetime
    completed_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    files: int
    size_bytes: int
    counts: dict[str, int]
    models: list[str]
    error: str | None

    @classmethod
    def of(cls, batch: BatchRecord) -> Self:
        """A batch without where its parts lie."""
        return cls.model_validate(batch.model_dump())


class BatchPage(Contract):
    """Some of a collection's batches, the newest first."""

    batches: list[ServedBatch]
    next_cursor: str | None = Field(None, description="`cursor` of the next page; null: this is the last.")


class NewFiles(Request):
    """Files to announce."""

    files: list[NewFile] = Field(min_length=1, max_length=MAX_FILES)


class ServedFile(Contract):
    """A file of a batch."""

    number: int
    name: str
    size_bytes: int
    arrived: bool | None = Field(None, description="Whether it is there whole; null: not asked.")

    @classmethod
    def of(cls, file: BatchFile, *, arrived: bool | None = None) -> Self:
        """A file without where it arrives."""
        return cls(number=file.number, name=file.name, size_bytes=file.size_bytes, arrived=arrived)


class FileList(Contract):
    """Files of a batch."""

    files: list[ServedFile]
    next_cursor: int | None = Field(None, description="`after` of the next page; null: this is the last.")


class FileNumbers(Request):
    """Files that are to be sent, or that were sent in parts."""

    numbers: list[Annotated[int, Field(ge=0)]] = Field(min_length=1, max_length=MAX_FILES)


class LinkList(Contract):
    """How files are sent."""

    links: list[FileLinks]


class LedgerEntry(Contract):
    """What became of a file."""

    name: str
    status: str
    item: ItemId | None
    error: str | None = Field(description="Why it was refused.")
    reason: str | None = Field(description="The same for people; of a file that was taken: what they should know.")
    at: AwareDatetime

    @classmethod
    def of(cls, line: LedgerLine) -> Self:
        """A line without where the file lies."""
        error, reason = (line.error.error, line.error.message) if line.error else (None, line.note)
        return cls(name=line.name, status=line.status, item=line.item, error=error, reason=reason, at=line.at)


class LedgerPage(Contract):
    """Lines of a batch's ledger."""

    lines: list[LedgerEntry]
    next_cursor: int | None = Field(None, description="`after` of the next page; null: this is the last.")


class LookRequest(Request):
    """Which models look at all images of a collection again."""

    models: list[Line] = Field([], max_length=20, description="None: the collection's models.")


class ServedMap(Contract):
    """A map of a collection."""

    id: str
    by: str
    query: str
    options: MapOptions
    state: Literal["running", "done", "failed"]
    created_at: AwareDatetime
    finished_at: AwareDatetime | None
    summary: MapSummary | None = Field(description="What it shows; null: it was not drawn yet.")
    error: str | None = Field(description="Why the last job failed.")

    @classmethod
    def of(cls, record: MapRecord) -> Self:
        """A map without what names its job."""
        return cls.model_validate(record.model_dump())


class MapPage(Contract):
    """The maps of a collection, the newest first."""

    maps: list[ServedMap]
    next_cursor: str | None


class MapRequest(Request):
    """A map to draw."""

    query: str = Field("", max_length=MAX_QUERY_LENGTH, description="In the query language; empty: all items.")
    options: MapOptions = MapOptions()


class ServedSample(Contract):
    """A sample of a collection: the recipe of a tag."""

    id: str
    by: str
    tag: str
    query: str
    options: SampleOptions
    state: Literal["running", "done", "failed"]
    created_at: AwareDatetime
    finished_at: AwareDatetime | None
    summary: SampleSummary | None = Field(description="What came out; null: it was not taken yet.")
    error: str | None = Field(description="Why its job failed.")

    @classmethod
    def of(cls, record: SampleRecord) -> Self:
        """A sample without what names its job."""
        return cls.model_validate(record.model_dump())


class SamplePage(Contract):
    """The samples of a collection, the newest first."""

    samples: list[ServedSample]
    next_cursor: str | None


class SampleRequest(Request):
    """A sample to take."""

    tag: str = Field(min_length=1, max_length=1_000, description="Of the chosen items; none has it yet.")
    query: str = Field("", max_length=MAX_QUERY_LENGTH, description="In the query language; empty: all items.")
    options: SampleOptions = SampleOptions()


class ServedVersion(Contract):
    """A named version of a collection's catalog."""

    name: str
    description: str
    by: str
    at: AwareDatetime
    items: int
    number: int = Field(description="The change of the log after which the catalog was so.")

    @classmethod
    def of(cls, version: CatalogVersion) -> Self:
        """A version without where it lies."""
        snapshot = version.snapshot
        return cls.model_validate({**version.model_dump(), "items": snapshot.count, "number": snapshot.number})


class VersionList(Contract):
    """The named versions of a collection's catalog."""

    versions: list[ServedVersion]


class NewVersion(Request):
    """A version to keep."""

    name: str = Field(min_length=1, max_length=100, description="Letters, digits, spaces, `-` and `_`.")
    description: Text = ""


class ItemDifference(Contract):
    """An item that differs between two versions."""

    id: str
    before: ServedImage | None = Field(description="null: it was added.")
    after: ServedImage | None = Field(description="null: it was removed.")
    fields: list[str] = Field(description="Of one that is in both: what differs.")

    @classmethod
    def of(cls, difference: Difference) -> Self:
        """A difference, for editors."""
        before, after = (
            ServedImage.of(item, to_editor=True) if item else None for item in (difference.before, difference.after)
        )
        return cls(id=difference.id, before=before, after=after, fields=difference.fields)


class DifferencePage(Contract):
    """Some of what differs between two versions, in the order of the items' ids."""

    differences: list[ItemDifference]
    next_cursor: str | None = Field(None, description="`after` of the next page; null: this is the last.")


class SplitRequest(Request):
    """How items are dealt into splits."""

    query: str = Field("", max_length=MAX_QUERY_LENGTH, description="The items; empty: all.")
    shares: dict[Literal["train", "val", "test"], float] | None = Field(
        None, description="The share of each, which add up to 1; null: 0.8, 0.1 and 0.1."
    )
    seed: int = Field(0, ge=-(2**53), le=2**53, description="Another one deals otherwise.")
    stratify: bool = Field(True, description="Each label has its shares in every split.")


class Leaks(Contract):
    """Groups of items that repeat each other and lie in different splits."""

    leaks: list[dict[str, list[str]]] = Field(description="Of each group, its items by split; at most 1,000 groups.")
    count: int = Field(description="All of the groups.")


class SplitResult(Leaks):
    """How items were dealt."""

    counts: dict[str, int] = Field(description="Items of each split.")
    labels: dict[str, dict[str, int]] = Field(description="For each label, its items in each split.")
    groups: int = Field(description="Groups of items that repeat each other.")


class NewExport(Request):
    """An export to make."""

    query: str = Field("", max_length=MAX_QUERY_LENGTH, description="The items; empty: all.")
    format: ExportFormat
    options: ExportOptions = ExportOptions()


class ServedExport(Contract):
    """An export, and how far it is."""

    id: str
    by: str
    query: str
    format: ExportFormat
    options: ExportOptions
    state: Literal["running", "done", "failed"]
    created_at: AwareDatetime
    finished_at: AwareDatetime | None
    done: int = Field(description="Items that are written so far.")
    total: int = Field(description="Items to write; 0: not known yet.")
    summary: ServedSummary | None = Field(description="What it holds, once it is done: its file is at `/file`.")
    error: str | None = Field(description="Why it failed.")
    expires_at: AwareDatetime = Field(description="When its file is deleted.")
    url: str | None = Field(None, description="Once it is done, a link to its file that works for a while.")

    @classmethod
    def of(cls, record: ExportRecord, url: str | None = None) -> Self:
        """An export without where it lies."""
        return cls.model_validate(record.model_dump() | {"url": url})


class ServedSummary(Contract):
    """What an export holds."""

    size_bytes: int
    items: int
    splits: dict[str, int] = Field(description="Items in each split; those without a split are in `train`.")
    classes: list[str] = Field(description="In the order of their numbers.")
    boxes: int
    image_labels: int
    left_out: int = Field(description="Labels of other classes than those that were asked for.")
    images_missing: int = Field(description="Images that are gone, or cannot be read where they lie.")
    first_missing: list[str] = Field(description="The ids of the first 100 of them.")
    without_vector: int


class ExportPage(Contract):
    """Some of a collection's exports, the newest first."""

    exports: list[ServedExport]
    next_cursor: str | None = Field(None, description="`cursor` of the next page; null: this is the last.")


class NewImport(Request):
    """A file of labels to bring in."""

    format: ImportFormat
    size_bytes: int = Field(ge=1, description="Of the file; S3 refuses another size.")


class ServedImport(Contract):
    """A file of labels that is brought in, and what became of it."""

    id: str
    by: str
    format: ImportFormat
    size_bytes: int
    state: JobState
    created_at: AwareDatetime
    finished_at: AwareDatetime | None
    items: int = Field(description="Items that were changed.")
    faults: int = Field(description="Tasks or lines that were not used.")
    first_faults: list[str] = Field(description="The first of them, with the reason.")
    error: str | None = Field(description="Why nothing was used.")

    @classmethod
    def of(cls, record: ImportRecord) -> Self:
        """An import without where its file lies."""
        return cls.model_validate(record.model_dump())


class OpenedImport(Contract):
    """An import, and how its file is sent."""

    record: ServedImport
    form: UploadForm = Field(description="Send (POST) it with the file as its last field, `file`.")


class ImportPage(Contract):
    """Some of a collection's imports, the newest first."""

    imports: list[ServedImport]
    next_cursor: str | None = Field(None, description="`cursor` of the next page; null: this is the last.")


class Shared(Contract):
    """What a link opens."""

    name: str
    description: str
    item: ItemId | None = Field(description="The one item; null: the collection.")


class Done(Contract):
    """That something is done."""

    done: bool = Field(True, description="False: it goes on in the background.")


Facets.model_rebuild()
ServedExport.model_rebuild()
