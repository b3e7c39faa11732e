"""The layout of the bucket: every object's key is made here.

```
runs/{source}/{edition}/analysis/{categories}/job.json · summary.json
runs/{source}/{edition}/{category}/collected.jsonl · analyzed.jsonl · curated.jsonl · predicted.jsonl
runs/{source}/{edition}/{category}/media/{id}.{ext}
runs/{source}/{edition}/{category}/features/…         the vision job's shards
runs/{source}/{edition}/{category}/screenshots/…      the page of a failed crawl
runs/youtube/answers/{digest}.json                    the Data API's last answer to a request, with its ETag
published/{edition}/{category}/top10/{category}_top10.json · thumbnails/{category}01.jpg
published/latest/{category}_top10.json                a copy of the newest list, written last
residual/{edition}/{category}/…                       the rest of a day; expires after 3 days
models/{name}/{version}/…
uploads/{collection}/…                                users' uploads: each object starts a run
incoming/{collection}/{batch}/{file}.{ext}            an upload batch's files: the complete batch starts one run
collections/{collection}/poses/manifests/{edition}.json      the outcome for each video of a run
collections/{collection}/poses/{sha256}-{settings}.pose.parquet
collections/{collection}/originals/{item}.{ext}       images as they came, by the digest of their bytes
collections/{collection}/thumbnails/{size}/{item}.webp
collections/{collection}/features/{model}/{part}.npy · {part}.json    vectors, and the ids of their rows
collections/{collection}/index/{model}/{segment}/…    indexes of the vectors: files that never change
collections/{collection}/duplicates/{part}.json.gz    pairs of images that resemble each other
collections/{collection}/catalog/snapshots/…          every item after a certain change, as Parquet
collections/{collection}/catalog/versions/…           the named versions' snapshots
collections/{collection}/catalog/changes/…            what is too large for a change's record
collections/{collection}/jobs/{job}.json              of an export, import or map that is under way
collections/{collection}/maps/{map}/map.parquet · map.png
collections/{collection}/batches/{batch}/…            what was uploaded together, and its ledger
exports/{collection}/{export}/…                       they expire
imports/{collection}/{import}                         files of labels that are being brought in; they expire
```

Only users write to `uploads/` and `incoming/`, so no output of a run starts another.
An edition is a day's first run (`2026-11-20`) or a forced repeat of it (`2026-11-20.2`); uploads
have one for each object (`2026-11-20/dance.3f2a90b1c4d5`) and for each start that names a whole collection
(`2026-11-20/dance`). A published edition never changes.
"""

from __future__ import annotations

from collections.abc import Sequence

from framesift.contracts import Run

UPLOADS = "uploads/"
INCOMING = "incoming/"
EXPORTS = "exports/"
IMPORTS = "imports/"
THUMBNAIL_SIZES = (256, 1024)
"""The lengths of the longer sides of a collection's thumbnails, pixels."""


def edition(run: Run) -> str:
    """The name of a run's edition: its id, and the attempt if it was forced."""
    return run.id if run.attempt == 1 else f"{run.id}.{run.attempt}"


def run_prefix(run: Run) -> str:
    """The folder of a run."""
    return f"runs/{run.source}/{edition(run)}"


def _analysis_prefix(run: Run, categories: Sequence[str]) -> str:
    # A resumed run analyzes only the missing categories, so they are part of the name.
    return f"{run_prefix(run)}/analysis/{'.'.join(categories)}"


def job_spec(run: Run, categories: Sequence[str]) -> str:
    """The vision job's specification."""
    return f"{_analysis_prefix(run, categories)}/job.json"


def analysis_summary(run: Run, categories: Sequence[str]) -> str:
    """The vision job's result; it exists once the job is done."""
    return f"{_analysis_prefix(run, categories)}/summary.json"


def category_prefix(run: Run, category: str) -> str:
    """The folder of a run's category."""
    return f"{run_prefix(run)}/{category}"


def manifest(run: Run, category: str, stage: str) -> str:
    """A stage's manifest: `collected`, `analyzed`, `curated` or `predicted`."""
    return f"{category_prefix(run, category)}/{stage}.jsonl"


def media_prefix(run: Run, category: str) -> str:
    """The folder of the items' media."""
    return f"{category_prefix(run, category)}/media/"


def media(run: Run, category: str, item_id: str, extension: str) -> str:
    """An item's image as it was collected."""
    return f"{media_prefix(run, category)}{item_id}.{extension}"


def features_prefix(run: Run, category: str) -> str:
    """The folder of the vision job's shards."""
    return f"{category_prefix(run, category)}/features"


def screenshot(run: Run, category: str, moment: str) -> str:
    """A screenshot of a failed crawl's page."""
    return f"{category_prefix(run, category)}/screenshots/{moment}.png"


def youtube_answer(digest: str) -> str:
    """The Data API's last answer to a request."""
    return f"runs/youtube/answers/{digest}.json"


def top_prefix(edition_name: str, category: str) -> str:
    """The folder of a published list."""
    return f"published/{edition_name}/{category}/top10"


def top_list(edition_name: str, category: str) -> str:
    """A published list."""
    return f"{top_prefix(edition_name, category)}/{category}_top10.json"


def top_thumbnail(edition_name: str, category: str, list_id: str) -> str:
    """A thumbnail of a published list."""
    return f"{top_prefix(edition_name, category)}/thumbnails/{list_id}.jpg"


def latest_list(category: str) -> str:
    """The copy of a category's newest list."""
    return f"published/latest/{category}_top10.json"


def residual_prefix(edition_name: str, category: str) -> str:
    """The folder of what a day did not publish."""
    return f"residual/{edition_name}/{category}"


def uploads_prefix(collection: str) -> str:
    """The folder that users put a collection's files into."""
    return f"{UPLOADS}{collection}/"


def upload_name(key: str) -> tuple[str, str] | None:
    """Split an upload's key into its collection and its name there; None if the key is in no collection."""
    collection, slash, name = key.removeprefix(UPLOADS).partition("/")
    return (collection, name) if key.startswith(UPLOADS) and collection and slash else None


def collections_prefix() -> str:
    """The prefix of all collections."""
    return "collections/"


def poses_prefix(collection: str) -> str:
    """The folder of a collection's pose sequences."""
    return f"{collections_prefix()}{collection}/poses/"


def pose_sequence(collection: str, sha256: str, settings_digest: str) -> str:
    """A video's pose sequence, named by the digests of the video's bytes and of the settings."""
    return f"{poses_prefix(collection)}{sha256[:32]}-{settings_digest}.pose.parquet"


def poses_manifest(run: Run, collection: str) -> str:
    """The outcome for each of a run's videos."""
    return f"{poses_prefix(collection)}manifests/{edition(run)}.json"


def collection_prefix(collection: str) -> str:
    """The folder of all that is made of a collection."""
    return f"collections/{collection}/"


def originals_prefix(collection: str) -> str:
    """The folder of a collection's images as they came."""
    return f"{collection_prefix(collection)}originals/"


def original(collection: str, item_id: str, extension: str) -> str:
    """An image as it came."""
    return f"{originals_prefix(collection)}{item_id}.{extension}"


def collection_thumbnail(collection: str, item_id: str, size: int) -> str:
    """An image's thumbnail.

    Args:
        collection: The collection.
        item_id: The item.
        size: The length of its longer side at most, pixels.
    """
    return f"{collection_prefix(collection)}thumbnails/{size}/{item_id}.webp"


def features_of_collection(collection: str) -> str:
    """The folder of all models' vectors."""
    return f"{collection_prefix(collection)}features/"


def collection_features(collection: str, model: str) -> str:
    """The folder of one model's vectors: `{part}.npy` (float16, a row for each item) and `{part}.json` (the ids)."""
    return f"{features_of_collection(collection)}{model}/"


def indexes_prefix(collection: str) -> str:
    """The folder of the indexes of a collection's vectors."""
    return f"{collection_prefix(collection)}index/"


def index_prefix(collection: str, model: str) -> str:
    """The folder of the index of one model's vectors."""
    return f"{indexes_prefix(collection)}{model}/"


def index_file(collection: str, model: str, segment: str, name: str) -> str:
    """A file of an index's segment."""
    return f"{index_prefix(collection, model)}{segment}/{name}"


def collection_duplicates(collection: str) -> str:
    """The folder of pairs of similar images: `{part}.json.gz`, what one comparison has found."""
    return f"{collection_prefix(collection)}duplicates/"


def catalog_prefix(collection: str) -> str:
    """The folder of a collection's catalog."""
    return f"{collection_prefix(collection)}catalog/"


def catalog_snapshot(collection: str, number: int, digest: str) -> str:
    """A snapshot of a catalog after the change of that number; the digest tells apart two makers' files."""
    return f"{snapshots_prefix(collection)}{number:012d}-{digest}.parquet"


def snapshots_prefix(collection: str) -> str:
    """The folder of a catalog's snapshots."""
    return f"{catalog_prefix(collection)}snapshots/"


def versions_prefix(collection: str) -> str:
    """The folder of the snapshots of a catalog's named versions."""
    return f"{catalog_prefix(collection)}versions/"


def catalog_version(collection: str, number: int, name: str) -> str:
    """The snapshot of a named version, which is the catalog after the change of that number; the name is unique."""
    return f"{versions_prefix(collection)}{number:012d}-{name}.parquet"


def snapshot_number(key: str) -> int:
    """The number of the change that a snapshot's key names."""
    return int(key.rpartition("/")[2].partition("-")[0])


def changes_prefix(collection: str) -> str:
    """The folder of the changes' payloads."""
    return f"{catalog_prefix(collection)}changes/"


def change_payload(collection: str, name: str) -> str:
    """What is too large for a change's record; the name is unique."""
    return f"{changes_prefix(collection)}{name}.jsonl.gz"


def batches_prefix(collection: str) -> str:
    """The folder of all upload batches."""
    return f"{collection_prefix(collection)}batches/"


def batch_prefix(collection: str, batch: str) -> str:
    """The folder of an upload batch."""
    return f"{batches_prefix(collection)}{batch}/"


def incoming_of_collection(collection: str) -> str:
    """The folder that the files of a collection's batches arrive in."""
    return f"{INCOMING}{collection}/"


def incoming_prefix(collection: str, batch: str) -> str:
    """The folder that a batch's files arrive in."""
    return f"{incoming_of_collection(collection)}{batch}/"


def incoming(collection: str, batch: str, file: int, extension: str) -> str:
    """A file of a batch as it arrives, by its number."""
    return f"{incoming_prefix(collection, batch)}{file:07d}{extension}"


def batch_files(collection: str, batch: str, name: str) -> str:
    """One of the lists of the files that a batch will have; the name is unique."""
    return f"{batch_prefix(collection, batch)}files/{name}.jsonl"


def ledger(collection: str, batch: str) -> str:
    """What became of each file of a batch."""
    return f"{batch_prefix(collection, batch)}ledger.jsonl.gz"


def batch_labels(collection: str, batch: str) -> str:
    """What a batch's label files say of its images."""
    return f"{batch_prefix(collection, batch)}labels.jsonl.gz"


def look_prefix(collection: str, batch: str, listing: str) -> str:
    """The folder of a look job's shards and results; it is deleted once they are published.

    Args:
        collection: The collection.
        batch: The batch.
        listing: Unique for each time that the batch is listed, so that no results meet another listing's shards.
    """
    return f"{batch_prefix(collection, batch)}look/{listing}/"


def compare_spec(collection: str, batch: str) -> str:
    """The specification of the job that compares a batch's images with the rest of the collection."""
    return f"{batch_prefix(collection, batch)}compare.json"


def look_shard(prefix: str, shard: int) -> str:
    """A shard of a look job: the files to look at."""
    return f"{prefix}shards/{shard:06d}.jsonl"


def look_refused(prefix: str) -> str:
    """The files that are not looked at, with the reason: lines of the batch's ledger."""
    return f"{prefix}refused.jsonl.gz"


def look_results_prefix(prefix: str) -> str:
    """The folder of a look job's results."""
    return f"{prefix}results/"


def look_results(prefix: str, shard: int) -> str:
    """What came of a shard's files."""
    return f"{look_results_prefix(prefix)}{shard:06d}.jsonl.gz"


def collection_job(collection: str, name: str) -> str:
    """The specification of a job by itself, an export, import or map; it is deleted once the job is done."""
    return f"{collection_prefix(collection)}jobs/{name}.json"


def maps_prefix(collection: str) -> str:
    """The folder of all maps."""
    return f"{collection_prefix(collection)}maps/"


def map_prefix(collection: str, map_id: str) -> str:
    """The folder of a map."""
    return f"{maps_prefix(collection)}{map_id}/"


def map_table(collection: str, map_id: str) -> str:
    """A map's points, as a Parquet table."""
    return f"{map_prefix(collection, map_id)}map.parquet"


def map_picture(collection: str, map_id: str) -> str:
    """A map's picture."""
    return f"{map_prefix(collection, map_id)}map.png"


def exports_prefix(collection: str) -> str:
    """The folder of all exports."""
    return f"{EXPORTS}{collection}/"


def export_prefix(collection: str, export: str) -> str:
    """The folder of an export."""
    return f"{exports_prefix(collection)}{export}/"


def imports_prefix(collection: str) -> str:
    """The folder of the files of labels that are being brought in."""
    return f"{IMPORTS}{collection}/"


def import_file(collection: str, import_id: str) -> str:
    """A file of labels that is being brought in; it is deleted once it is read."""
    return f"{imports_prefix(collection)}{import_id}"


def model_prefix(name: str) -> str:
    """The folder of a model's versions."""
    return f"models/{name}/"


def models_prefix() -> str:
    """The prefix of all models."""
    return "models/"


def model_file(name: str, version: str, file_name: str) -> str:
    """A model's file in the bucket."""
    return f"{model_prefix(name)}{version}/{file_name}"


def archived_media(run: Run, category: str, media_key: str) -> str:
    """An unpublished item's media in the residual archive."""
    return f"{residual_prefix(edition(run), category)}/media/{media_key.rpartition('/')[2]}"
