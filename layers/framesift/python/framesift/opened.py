"""A collection as people use it, in commands and notebooks: items are found, changed, exported and drawn as maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from framesift import keys
from framesift.catalog.compact import compact
from framesift.catalog.export import export
from framesift.catalog.log import CatalogLog
from framesift.catalog.metadata_import import ImportReport, import_metadata
from framesift.catalog.paging import SORTS, Order
from framesift.catalog.query import compile_query
from framesift.catalog.query.fields import FIELDS
from framesift.catalog.reader import CatalogReader, FacetValue, Page, open_reader
from framesift.catalog.splits import SplitReport, assign_splits
from framesift.catalog.terms import KINDS
from framesift.catalog.versions import Difference, compare_snapshots, create_version, find_version
from framesift.contracts import Box, CatalogItem, MetadataValue
from framesift.contracts.exports import ExportFormat, ExportOptions, ExportSummary
from framesift.settings import CatalogSettings, load_settings
from framesift.storage import Store
from framesift.table import CatalogVersion, MapRecord, Records, SampleRecord, Snapshot, VectorIndex

if TYPE_CHECKING:
    import pyarrow as pa

    from framesift.search.collection import CollectionSearch, Part
    from framesift.search.searcher import Found

_PAGE_ITEMS = 500


@dataclass(frozen=True)
class OpenCollection:
    """A collection's images, found by queries (the guide on queries has the language); made by `open_collection`.

    Whatever is changed here is found by the next query.

    Attributes:
        id: The collection's id.
        store: The bucket.
        records: The table.
        settings: Limits of queries.
        by: Who changes items: a user's id; empty: an operator.

    Raises:
        CollectionMissingError: There is no such collection.
        CollectionDeletedError: It is being deleted.
    """

    id: str
    store: Store
    records: Records
    settings: CatalogSettings
    by: str = ""
    log: CatalogLog = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.records.collections.get(self.id)
        object.__setattr__(self, "log", CatalogLog(self.id, self.store, self.records))

    def query(self, query: str = "", *, sort: str = "", limit: int | None = None) -> Iterator[CatalogItem]:
        """Yield the items that a query finds.

        Args:
            query: In the query language; empty: all.
            sort: A field, with `-` before it for the largest first; by default what was added last comes first.
            limit: Items at most; None: all.

        Raises:
            QueryError: The query cannot be understood; its `column` says where.
            UnknownSortError: Items cannot be sorted so.
            QueryTimeoutError: It takes too long.
            QueryTooLargeError: It takes too much memory.
        """
        left, cursor = limit, ""
        while left is None or left > 0:
            page = self.page(query, sort=sort, limit=min(_PAGE_ITEMS, left or _PAGE_ITEMS), cursor=cursor)
            yield from page.items
            left = None if left is None else left - len(page.items)
            if page.next is None:
                return
            cursor = page.next

    def page(self, query: str = "", *, sort: str = "", limit: int = 50, cursor: str = "") -> Page:
        """One page of what `query` yields; `Page.next` is the cursor of the next one.

        Raises:
            InvalidCursorError: The cursor belongs to another query.
            QueryError: See `query`, as for the others.
        """
        return self.reader.page(compile_query(query), order=read_order(sort), limit=limit, cursor=cursor)

    def count(self, query: str = "") -> int:
        """How many items a query finds."""
        return self.reader.count(compile_query(query))

    def facets(
        self, query: str = "", *, kinds: Sequence[str] = tuple(KINDS), limit: int = 50
    ) -> dict[str, list[FacetValue]]:
        """Which values the items that a query finds have, and how many have each, the most frequent first.

        Args:
            query: In the query language.
            kinds: What to count: `tags`, `labels`, `flags`, `models`, `source`, `content_type`, `metadata` (the names
                of your own fields) or `metadata:NAME` (the values of one).
            limit: Values of each kind at most.

        Raises:
            UnknownFacetError: There is no such kind.
        """
        return self.reader.facets(compile_query(query), kinds=kinds, limit=limit)

    def get(self, item_id: str) -> CatalogItem:
        """One item.

        Raises:
            ItemMissingError: There is none of that id.
        """
        return self.reader.get(item_id)

    def get_many(self, ids: Sequence[str]) -> list[CatalogItem]:
        """Those of some items that there are, in that order."""
        found = self.reader.get_many(ids)
        return [found[item_id] for item_id in ids if item_id in found]

    def read(self, item: CatalogItem) -> bytes:
        """The bytes of an item's image, as they were uploaded.

        Raises:
            ObjectMissingError: They are gone.
            ValueError: The image stays in a bucket of its own, and is read there.
        """
        if item.key is None:
            raise ValueError(f"{item.uri} is read where it lies")
        return self.store.get(item.key)

    def tag(self, query: str, *tags: str) -> int:
        """Add tags to the items that a query finds; return how many items these are.

        Raises:
            InvalidTagError: A tag cannot be used.
        """
        return self._change_tags(query, add=tags)

    def untag(self, query: str, *tags: str) -> int:
        """Remove tags from the items that a query finds; return how many items these are."""
        return self._change_tags(query, remove=tags)

    def set(self, query: str, values: Mapping[str, MetadataValue | None]) -> int:
        """Set fields of your own of the items that a query finds (None removes one); return how many items these are.

        Raises:
            InvalidMetadataError: A field's name or value cannot be used.
        """
        return self.set_each(dict.fromkeys(self._ids(query), values))

    def import_metadata(self, lines: Iterable[str], file_format: str = "csv") -> ImportReport:
        """Set fields by a table's lines, which name items by `id` or `name`; say which rows were not used.

        Raises:
            InvalidMetadataError: The format is neither csv nor jsonl, or the table has neither column.
        """
        return import_metadata(self.log, self.reader, lines, file_format, self.by)

    def split(
        self, query: str = "", *, shares: Mapping[str, float] | None = None, seed: int = 0, stratify: bool = True
    ) -> SplitReport:
        """Deal the items that a query finds into train, val and test, as tags; near-duplicates stay on one side.

        Args:
            query: In the query language; empty: all.
            shares: The share of each, which add up to 1; None: 0.8, 0.1 and 0.1.
            seed: Another seed deals otherwise.
            stratify: Deal so that each label has its shares.

        Raises:
            InvalidSplitError: The shares do not add up to 1, or one is negative.
        """
        condition = compile_query(query)
        return assign_splits(
            self.log, self.reader, self.by, shares=shares, seed=seed, stratify=stratify, condition=condition
        )

    def keep(self, name: str, description: str = "") -> CatalogVersion:
        """Keep the catalog as it is now under a name; such a version never changes.

        Raises:
            InvalidVersionError: It cannot be called so.
            VersionExistsError: There is a version of that name.
        """
        return create_version(self.id, name, self.by, self.store, self.records, description=description)

    def compare(self, before: str, after: str = "") -> Iterator[Difference]:
        """Yield the items that differ between two versions, or between one and the catalog as it is now.

        Raises:
            VersionMissingError: There is no such version.
        """
        first = find_version(self.id, before, self.records).snapshot
        second = find_version(self.id, after, self.records).snapshot if after else self._current()
        return compare_snapshots(first, second, self.store)

    def set_each(self, values: Mapping[str, Mapping[str, MetadataValue | None]]) -> int:
        """Set fields of items by their ids, each its own; return how many items these are.

        Raises:
            InvalidMetadataError: A field's name or value cannot be used.
        """
        if values:
            self.log.set_metadata(values, self.by)
        return len(values)

    def export(
        self,
        query: str,
        format: ExportFormat,  # noqa: A002 - the word for it
        path: Path,
        options: ExportOptions | None = None,
    ) -> ExportSummary:
        """Export the items that a query finds to a file, in a format that other programs read.

        The file is made in the bucket, and goes on where an interrupted call of the same export has stopped.

        Args:
            query: In the query language; empty: all.
            format: A key of `framesift.catalog.export.FORMATS`.
            path: Where the file is written.
            options: Which labels, classes and images; None: the usual ones.

        Raises:
            NoVectorsError: The collection has no vectors of the model that the options name.
        """
        condition, options = compile_query(query), options or ExportOptions()
        named = f"{condition.sql}\n{condition.parameters}\n{format}\n{options.model_dump_json()}"
        prefix = keys.export_prefix(self.id, sha256(named.encode()).hexdigest()[:16])
        items = (item for some in self.reader.iterate(condition) for item in some)
        summary = export(self.id, items, format, options, self.store, prefix)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.store.download(summary.key, path)
        return summary

    def search(
        self,
        text: str = "",
        *,
        image: Path | str | bytes | None = None,
        item: str = "",
        box: Box | None = None,
        unlike: str = "",
        parts: Sequence[Part] = (),
        where: str = "",
        limit: int = 20,
        model: str = "",
        objects: bool = False,
        min_score: float = -1.0,
        fold_from: float | None = None,
    ) -> Found:
        """Find the images that are most similar to a text, an image or an item, or to all of them together.

        Args:
            text: What they show.
            image: A file, or its bytes.
            item: An item of this collection.
            box: Only this part of the image, else of the item.
            unlike: What they do not show.
            parts: The same with weights, in any number (`framesift.search.collection`).
            where: Only items that this query finds, in the query language.
            limit: Results at most.
            model: Whose vectors are compared, `name@version`; empty: the first that can take all this.
            objects: Find objects in images, not whole images.
            min_score: The least cosine, -1 to 1.
            fold_from: Results whose cosine to a better one is this or more are counted with it.

        Returns:
            The results with their cosines, the best first.

        Raises:
            SearchError: See its subclasses: nothing to be similar to, too many results, an empty collection …
            NoVectorsError: The collection has no vectors of the model.
            ModelError: The model is not at hand, or reads no texts.
            NotAnImageError: The image is none.
            ItemMissingError: There is no such item.
            QueryError: The query cannot be understood.
        """
        from framesift.search.collection import ImagePart, ItemPart, SearchRequest, TextPart

        wanted = list(parts)
        if text:
            wanted.append(TextPart(text))
        if image is not None:
            data = image if isinstance(image, bytes) else Path(image).read_bytes()
            wanted.append(ImagePart(data, box))
        if item:
            wanted.append(ItemPart(item, box if image is None else None))
        if unlike:
            wanted.append(TextPart(unlike, -1.0))
        request = SearchRequest(wanted, where, limit, model, objects, min_score, fold_from)
        return self._search.search(request)

    def index(self, *, rebuild: bool = False) -> list[VectorIndex]:
        """Bring the indexes of the stored vectors up to date.

        Args:
            rebuild: Make them anew, each as one segment.

        Raises:
            IndexBusyError: Others change them at the same moment.
        """
        return [update.index for update in self._search.update(rebuild=rebuild)]

    def map(self, query: str = "", **options: Any) -> MapRecord:
        """Draw a map of the items that a query finds: those that resemble each other lie together.

        Args:
            query: In the query language; empty: all.
            **options: Fields of `contracts.maps.MapOptions`: `method`, `dimensions`, `model`, `neighbors`, `seed`.

        Returns:
            What the map shows: its clusters and their names, and which items stand apart. `points` has its points.

        Raises:
            TooFewItemsError: There are fewer than 10 items with vectors.
            NoVectorsError: The collection has no vectors of the model.
            MapOptionsError: The method has no such dimensions.
            InvalidVectorError: A vector has a number that is none (NaN), or infinite.
        """
        from framesift.contracts.maps import MapOptions
        from framesift.maps.records import create_map

        record = create_map(self.id, self.by, query, MapOptions(**options), records=self.records)
        return self._draw_map(record)

    def update_map(self, map_id: str) -> MapRecord:
        """Place the items on a map that came since, and take those off that are gone; nothing moves.

        Raises:
            MapMissingError: There is no such map.
            MapNotReadyError: It is being drawn.
        """
        from framesift.maps.records import reopen_map

        return self._draw_map(reopen_map(self.records.maps.find(self.id, map_id), self.records))

    def maps(self) -> list[MapRecord]:
        """The maps that were drawn, with their options, the newest first."""
        return list(self.records.maps.of_collection(self.id))

    def points(self, map_id: str) -> pa.Table:
        """A map's points, a row for each: the item's id, its place and cluster, and how far it stands apart.

        `maps.table` says what the columns mean.

        Raises:
            MapMissingError: There is no such map.
            MapNotReadyError: It is being drawn, or could not be drawn.
        """
        from framesift.maps.jobs import read_map

        return read_map(self.records.maps.find(self.id, map_id), self.store)

    def sample(self, tag: str, query: str = "", **options: Any) -> SampleRecord:
        """Choose some of the items that a query finds, and tag them.

        Args:
            tag: Their tag, which no item has yet.
            query: In the query language; empty: all.
            **options: Fields of `contracts.samples.SampleOptions`: `method`, `count`, `model`, `known`, `threshold`,
                `seed`.

        Returns:
            The tag's recipe, which `samples` shows again later.

        Raises:
            TagInUseError: Items have the tag already.
            SampleOptionsError: The method does not go with the options.
            NothingToSampleError: The query finds nothing that has what the method looks at.
            NoVectorsError: The collection has no vectors of the model.
            InvalidVectorError: A vector cannot be compared.
        """
        from framesift.contracts.samples import SampleJob, SampleOptions
        from framesift.samples.jobs import run_sample
        from framesift.samples.records import create_sample

        record = create_sample(
            self.id, self.by, tag, query, SampleOptions(**options), reader=self.reader, records=self.records
        )
        job = SampleJob(bucket=self.store.bucket, table=self.records.name, collection=self.id, sample=record.id)
        done = run_sample(job, self.settings, self.store, self.records)
        return done or self.records.samples.find(self.id, record.id)

    def samples(self) -> list[SampleRecord]:
        """The samples that were taken, the newest first."""
        return list(self.records.samples.of_collection(self.id))

    @property
    def _search(self) -> CollectionSearch:
        from framesift.search.collection import CollectionSearch

        settings = load_settings().model_copy(update={"catalog": self.settings})
        return CollectionSearch(self.id, self.store, self.records, settings)

    def _draw_map(self, record: MapRecord) -> MapRecord:
        from framesift.contracts.maps import MapJob
        from framesift.maps.jobs import run_map

        job = MapJob(bucket=self.store.bucket, table=self.records.name, collection=self.id, map=record.id)
        done = run_map(job, self.settings, self.store, self.records)
        return done or self.records.maps.find(self.id, record.id)

    def remove(self, query: str) -> int:
        """Delete the items that a query finds, with all that is kept of them; return how many items these are.

        Nobody sees them any more once they are removed, before all that is kept of them is deleted.

        Raises:
            ObjectNotDeletedError: S3 refuses to delete something.
        """
        from framesift.catalog.deletion import purge

        ids = self._ids(query)
        if ids:
            self.log.remove_items(ids, self.by)
            purge(self.id, self.store, self.records)
        return len(ids)

    def _current(self) -> Snapshot:
        snapshot = compact(self.id, self.store, self.records).snapshot
        return snapshot or cast("Snapshot", compact(self.id, self.store, self.records, at_least=0).snapshot)

    @property
    def reader(self) -> CatalogReader:
        """Answers queries on what is known now."""
        return open_reader(self.id, self.store, self.records, self.settings)

    def _ids(self, query: str) -> list[str]:
        return self.reader.ids(compile_query(query))

    def _change_tags(self, query: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> int:
        ids = self._ids(query)
        if ids:
            self.log.set_tags(ids, self.by, add=add, remove=remove)
        return len(ids)


def read_order(sort: str) -> Order:
    """Read how items are sorted: a field of the query language or a column, `-` before it for the largest first.

    Example:
        >>> read_order("-size")
        Order(column='size_bytes', descending=True)

    Raises:
        UnknownSortError: Items cannot be sorted so.
    """
    if not sort:
        return Order()
    name = sort.removeprefix("-")
    column = name if name in SORTS or name not in FIELDS else FIELDS[name].column
    return Order(column, descending=sort.startswith("-"))
