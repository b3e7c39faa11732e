"""Every failure that a caller can act on, in one class hierarchy.

Step Functions matches the exact name of the raised class, so leaf classes are raised and named in
`statemachine/pipeline.asl.json`; the others exist for `except` clauses and exit codes.

```
FramesiftError
├── InputError                      the request is wrong: change it before repeating it           (exit 65)
│   ├── InvalidStartError · UnknownSourceError · UnknownCategoryError · InvalidDateError
│   ├── InvalidCollectionError · NoUploadsError · UnknownServiceError · InvalidPortError
│   ├── InvalidUserError · TextTooLongError
│   ├── SettingsError               a setting, or the thing it names, cannot be used
│   │   └── UnknownSettingError · SecretUnreadableError · SecretContentError
│   ├── NotFoundError (ObjectMissingError) · TranslateDeniedError
│   │   ├── CollectionMissingError · ItemMissingError · VersionMissingError · BatchMissingError
│   │   ├── ExportMissingError · ImportMissingError · MapMissingError · SampleMissingError
│   │   └── PersonMissingError · ShareMissingError
│   ├── BatchError                  an upload batch cannot do what was requested
│   │   ├── BatchStateError · BatchIncompleteError · BatchTooLargeError · FileNameError
│   │   └── BucketNotAllowedError · NothingTakenError · NothingToRetryError
│   ├── NothingToAnalyzeError
│   ├── YoutubeKeyError · FeedError
│   ├── DetectorError               the detector, or the candidate project, cannot do what was requested
│   │   ├── DetectorKeyError · ProjectNotFoundError · PredictionResourceError
│   │   ├── IterationNotPublishedError · TagsDifferError · ProjectFullError · RequestRefusedError
│   │   ├── TrainingFailedError · NothingToRollBackError
│   │   ├── NotADetectorError · NotAClassifierError · NotAnExportError · ExternalDataError
│   │   └── RowCountError · ModelTooCostlyError
│   ├── EvaluationError             a model cannot be evaluated as requested
│   │   ├── UnknownImageError · NothingToEvaluateError · ClassesDifferError · SlicesError
│   │   └── DataDiffersError
│   ├── TrackingError               what is tracked of trainings cannot be used
│   │   └── TrackedRunMissingError · WeightsMissingError · WeightsDamagedError
│   ├── ImageFolderError            a folder of images, or its index, cannot be used as requested
│   │   ├── NoImagesError · NotAnIndexError · IndexModelError
│   │   └── MoveFolderError · NotAMoveListError
│   ├── AccessError                 the person may not do this
│   │   └── NotApprovedError · RoleTooLowError
│   ├── NotLoggedInError · LoginFailedError · RequestTooLargeError · HalfCharacterError
│   ├── RequestConflictError        the request does not fit what is there
│   │   ├── CollectionExistsError · LastOwnerError · OwnedCollectionsError
│   │   ├── ExportNotReadyError · ImportStateError · MapNotReadyError · TagInUseError
│   │   └── RevisionMissingError · RevisionChangedError · RequestReusedError · RequestRunningError
│   ├── CatalogError                a collection's catalog cannot do what was requested
│   │   ├── InvalidTagError · TooManyTagsError · InvalidMetadataError · ChangeTooLargeError
│   │   ├── CollectionDeletedError · ItemChangedError · VersionExistsError · InvalidVersionError · InvalidSplitError
│   │   ├── UnknownSortError · UnknownFacetError · InvalidCursorError · QueryTooLargeError
│   │   ├── NoVectorsError · InvalidVectorError · LabelFileError · FieldTableError
│   │   ├── UnstableCollectionError · ExportFailedError · ImportFailedError
│   │   ├── MapError                a map cannot be drawn
│   │   │   └── TooFewItemsError · MapOptionsError · MapFailedError
│   │   ├── SampleError             a sample cannot be taken
│   │   │   └── SampleOptionsError · NothingToSampleError · SampleFailedError
│   │   ├── SearchError             a search for similar images cannot be made as requested
│   │   │   ├── EmptySearchError · EmptyCollectionError · TooManyResultsError
│   │   │   └── IndexMismatchError
│   │   └── QueryError              a query cannot be understood
│   │       └── QuerySyntaxError · UnknownFieldError · QueryValueError · QueryTooComplexError
│   ├── PoseError                   the pose commands cannot do what was requested
│   │   └── UnknownPresetError · PoseConfigError · NoVideosError · NotASequenceError · SequencesDifferError
│   ├── TrainingError               a network cannot be trained as requested
│   │   ├── RecipeError · CheckpointMismatchError · LossNotFiniteError · TrainingMemoryError
│   │   └── ImagesMissingError · LabelsMissingError · ClassMissingError
│   └── MediaError                  one item's media; recorded on the item, the run continues
│       ├── NotAnImageError (ImageFormatError) · ImageTooLargeError · ImageTooCostlyError · MediaTooLargeError
│       ├── ItemReplacedError · BadValueError · HostNotAllowedError · PrivateAddressError
│       ├── DownloadFailedError
│       ├── ImageRefusedError · RegionOutsideError
│       ├── FileReplacedError · FileLostError · RepeatedNameError · DigestMismatchError
│       ├── ZipError                a zip, or one of its entries, cannot be read
│       │   ├── NotAZipError · ZipLimitError · NestedZipError · EncryptedEntryError
│       │   └── UnsafeEntryError · UnsupportedEntryError · DamagedEntryError
│       └── VideoError              one video cannot be read, or shows no person
│           ├── NotAVideoError · PlaylistRefusedError · VideoUnreadableError
│           ├── EmptyVideoError · TruncatedVideoError · ResolutionChangedError · VideoLimitError
│           ├── FramesLostError · MalwareFoundError · NotScannedError
│           └── NoPersonError · VideoWorkerDiedError · VideoLostError
├── CrawlError                      the site did not show its normal content                     (exit 69)
│   ├── CrawlBlockedError · CaptchaShownError · LoginRequiredError
│   └── EmptyPageError · EmptyFeedError · SiteUnreachableError
├── EmptyListError                  no clip of a category qualified; the published list stays    (exit 69)
├── TooManyFailedItemsError         more items failed than the settings tolerate                 (exit 69)
├── TemporaryError                  the same call may work later                                 (exit 75)
│   ├── InterruptedByHostError · RunBusyError · BatchBusyError · ClientLimitError · QueryTimeoutError
│   ├── LoginUnreachableError · ScanPendingError · SnapshotLostError · UploadGoneError
│   ├── IndexLostError · IndexBusyError · TrackingUnreachableError
│   ├── TranslateQuotaError · TranslateUnavailableError
│   ├── YoutubeQuotaError · YoutubeUnavailableError
│   └── DetectorQuotaError · DetectorBusyError
├── SecretNotWrittenError           Secrets Manager rejects a value; the secret is unchanged     (exit 77)
├── OutputNotWrittenError           a file that a command was to write cannot be written         (exit 73)
├── AwsRefusedError                 AWS refuses a call of a command                              (exit 77)
├── AwsUnreachableError             AWS, or the embedded AWS, does not answer a command          (exit 69)
├── ObjectNotDeletedError           S3 refuses to delete an object or a version of it            (exit 77)
├── UploadError                     S3 does not accept the files                                 (exit 77)
│   └── BucketMissingError · CredentialsError · UploadDeniedError · UploadMismatchError
├── ModelError                      a model's file is missing or does not match its card         (exit 66)
│   ├── ModelMissingError (ModelUnreachableError, exit 75) · ModelMismatchError · ModelInaccurateError
│   │   └── NoTextEncoderError
│   └── NotAnEncoderError · NotACheckpointError
└── MachineError                    this machine lacks something                                 (exit 69)
    ├── ChromiumMissingError · ChromiumFailedError · StacksError
    ├── NodeMissingError · PageBuildError · ExtraMissingError · PortInUseError · DiskFullError
    └── EmbeddedAwsDownError · DataFolderBusyError · DataFolderError · StateDamagedError · ForkServerDownError
```
"""

from __future__ import annotations

import sys
from typing import ClassVar, Self


class FramesiftError(Exception):
    """Base of all: the message is one line with what happened and what to do.

    Attributes:
        exit_code: The exit code of a process that this error ends (`sysexits.h`); Batch's retry strategy reads it.
    """

    exit_code: ClassVar[int] = 70


class InputError(FramesiftError):
    """The request cannot be carried out; repeating it does not help."""

    exit_code = 65


class InvalidStartError(InputError):
    """A start's input has an unknown field or an invalid value."""


class UnknownSourceError(InputError):
    """The source does not exist, or has no branch in the workflow."""


class UnknownServiceError(InputError):
    """There is no outside service of that name."""


class UnknownCategoryError(InputError):
    """The source does not have this category."""


class InvalidCollectionError(InputError):
    """No collection is named, its name is invalid, or the object is in none."""


class NoUploadsError(InputError):
    """A collection's uploads contain no video that can be processed."""


class InvalidDateError(InputError):
    """The date is not YYYY-MM-DD, does not exist, or is in the future."""


class SettingsError(InputError):
    """A setting is missing or out of range."""


class UnknownSettingError(SettingsError):
    """A variable with the prefix `FRAMESIFT_` is not a setting: its name is probably misspelt."""


class SecretUnreadableError(SettingsError):
    """A secret that the settings name does not exist, has no value, or cannot be read."""


class SecretContentError(SettingsError):
    """A secret that the settings name has invalid content."""


class NotFoundError(InputError):
    """Nothing with the requested name exists."""


class ObjectMissingError(NotFoundError):
    """An object does not exist in the bucket; the message names the bucket and must not be shown publicly."""


class PersonMissingError(NotFoundError):
    """There is no such person."""


class ShareMissingError(NotFoundError):
    """The link opens nothing: it is not one of ours, has expired, or was revoked."""


class CollectionMissingError(NotFoundError):
    """There is no collection of that id."""


class ItemMissingError(NotFoundError):
    """The collection has no item of that id."""


class MapMissingError(NotFoundError):
    """The collection has no map of that id."""


class SampleMissingError(NotFoundError):
    """The collection has no sample of that id."""


class VersionMissingError(NotFoundError):
    """The collection's catalog has no version of that name."""


class ExportMissingError(NotFoundError):
    """The collection has no export of that id, or it has expired."""


class ImportMissingError(NotFoundError):
    """The collection has no import of that id."""


class BatchMissingError(NotFoundError):
    """The collection has no upload batch with that id, or the collection is gone."""


class BatchError(InputError):
    """An upload batch cannot do what was requested."""


class BatchStateError(BatchError):
    """The batch is not open any more, or not done yet."""


class BatchIncompleteError(BatchError):
    """A batch is to be completed, and not all of its files have arrived as they were announced."""


class BatchTooLargeError(BatchError):
    """A batch, or one of its files, is larger than the settings allow."""


class FileNameError(BatchError):
    """A file's name cannot be used: it climbs out of its folder, is absolute, too long, or not text."""


class BucketNotAllowedError(BatchError):
    """Images are to be read in place from a bucket that the settings do not list."""


class NothingTakenError(BatchError):
    """Each file of the batch was refused."""


class NothingToRetryError(BatchError):
    """No file of the batch failed, or the failed ones are gone."""


class TranslateDeniedError(InputError):
    """Google Cloud Translate refuses the key or the project, or there is no key."""


class NothingToAnalyzeError(InputError):
    """A run reached the vision job without a single readable item."""


class YoutubeKeyError(InputError):
    """The YouTube Data API refuses the key, or there is none."""


class FeedError(InputError):
    """A YouTube feed's setting is malformed, or the channel, playlist or chart does not exist."""


class DetectorError(InputError):
    """The detector, or the candidate project, cannot do what was requested."""


class DetectorKeyError(DetectorError):
    """Custom Vision refuses the key, or there is none."""


class ProjectNotFoundError(DetectorError):
    """Custom Vision has no such project, or the key belongs to another resource."""


class PredictionResourceError(DetectorError):
    """Custom Vision cannot publish to the prediction resource that the settings name."""


class IterationNotPublishedError(DetectorError):
    """No iteration of the project is published, or not under that name."""


class TagsDifferError(DetectorError):
    """The settings' tags and the detector's are not the same; nothing was predicted."""


class ProjectFullError(DetectorError):
    """The project accepts no more images, tags or iterations."""


class RequestRefusedError(DetectorError):
    """Custom Vision rejects a request for a reason without a more specific class.

    Attributes:
        code: The service's name of the reason, such as `BadRequestTrainingNotNeeded`.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class TrainingFailedError(DetectorError):
    """A training ended without a usable iteration, or took too long."""


class NothingToRollBackError(DetectorError):
    """There is no previous iteration to return to."""


class NotAClassifierError(DetectorError):
    """The model file is not a classifier of a supported kind."""


class NotADetectorError(DetectorError):
    """The model file is not an object detector of a supported kind."""


class NotAnExportError(DetectorError):
    """The zip is not an export of Custom Vision, is damaged or encrypted, or unpacks to far more than a network."""


class ExternalDataError(DetectorError):
    """The ONNX file stores its weights in other files, which are never read."""


class RowCountError(DetectorError):
    """The network does not return one row of results per image."""


class ModelTooCostlyError(DetectorError):
    """The network takes more memory or time than its size justifies, or crashes the process that loads it."""


class TrainingError(InputError):
    """A network cannot be trained as requested."""


class RecipeError(TrainingError):
    """The recipe cannot be read, or a field is missing, unknown or out of range."""


class CheckpointMismatchError(TrainingError):
    """The folder's checkpoint belongs to another recipe or to other data."""


class LossNotFiniteError(TrainingError):
    """The loss became infinite or not a number; the last checkpoint is kept."""


class TrainingMemoryError(TrainingError):
    """A step does not fit into memory, not even with one image at a time."""


class ImagesMissingError(TrainingError):
    """Labels are there without their images."""


class LabelsMissingError(TrainingError):
    """Images are there without labels."""


class ClassMissingError(TrainingError):
    """A class has no example in the training split."""


class MediaError(InputError):
    """One item's media cannot be used; the item is marked, and the run continues."""


class NotAnImageError(MediaError):
    """The bytes are not an image of a supported format, or are damaged."""


class ImageFormatError(NotAnImageError):
    """The image is of a format, or of a variant of one, that is not read; the message names it."""


class ImageTooLargeError(MediaError):
    """The image has more pixels than the settings allow."""


class ImageTooCostlyError(MediaError):
    """Decoding the image would exceed, or did exceed, the limits on time or memory."""


class MediaTooLargeError(MediaError):
    """The file has more bytes than the settings allow."""


class ItemReplacedError(MediaError):
    """A file that was to be looked at again no longer has the bytes of its item."""


class BadValueError(MediaError):
    """A site, an API or a host sent an invalid value."""


class HostNotAllowedError(MediaError):
    """The URL's host or scheme is not allowed."""


class PrivateAddressError(MediaError):
    """The URL's host resolves to an address inside a private network."""


class DownloadFailedError(MediaError):
    """The host responded with an error, or the connection broke, after all retries."""


class ImageRefusedError(MediaError):
    """Custom Vision rejects the image, even after it was converted to a supported form."""


class RegionOutsideError(MediaError):
    """A region lies outside its image, or has no size."""


class FileReplacedError(MediaError):
    """The object that holds the file was overwritten or deleted since it was listed."""


class DigestMismatchError(MediaError):
    """A file arrived with other bytes than its uploader announced."""


class FileLostError(MediaError):
    """The job that looked at the file ended without reporting a result."""


class RepeatedNameError(MediaError):
    """An earlier file of the same zip has the same name."""


class ZipError(MediaError):
    """A zip, or one of its entries, cannot be read."""


class NotAZipError(ZipError):
    """The file is not a zip, or its directory is damaged."""


class ZipLimitError(ZipError):
    """The zip, or one of its entries, exceeds a limit on bytes, entries or compression ratio."""


class NestedZipError(ZipError):
    """The entry is an archive itself."""


class EncryptedEntryError(ZipError):
    """The entry is encrypted."""


class UnsafeEntryError(ZipError):
    """The entry's name climbs out of the zip or is no text, or the entry is a link or a device."""


class UnsupportedEntryError(ZipError):
    """The entry is compressed by a method other than deflate."""


class DamagedEntryError(ZipError):
    """The entry's bytes or headers disagree with the zip's directory."""


class VideoError(MediaError):
    """One video cannot be read, or shows no person; the other videos are processed."""


class NotAVideoError(VideoError):
    """The file is not a video in a supported container, or its header is damaged."""


class PlaylistRefusedError(VideoError):
    """The file is a playlist that names other files or addresses."""


class VideoUnreadableError(VideoError):
    """The file does not exist, or its permissions forbid reading it."""


class EmptyVideoError(VideoError):
    """The video has no frame that can be decoded."""


class TruncatedVideoError(VideoError):
    """The video ends before the duration in its header."""


class FramesLostError(VideoError):
    """More of the video's frames cannot be decoded than `video.max_undecoded_share` tolerates."""


class ResolutionChangedError(VideoError):
    """The frame size changes within the video."""


class MalwareFoundError(VideoError):
    """The malware scan has found something in an upload."""


class NotScannedError(VideoError):
    """The malware scan has not found an upload to be clean, and only such ones are taken."""


class VideoLimitError(VideoError):
    """The video exceeds a limit on bytes, pixels, duration, frame rate or frames."""


class NoPersonError(VideoError):
    """No frame shows a person with the requested confidence."""


class VideoWorkerDiedError(VideoError):
    """The process that read the video crashed, used too much memory or took too long."""


class VideoLostError(VideoError):
    """The job that processed the video ended without reporting a result."""


class PoseError(InputError):
    """The pose commands cannot do what was requested."""


class UnknownPresetError(PoseError):
    """The preset does not exist."""


class PoseConfigError(PoseError):
    """The configuration has an unknown key or an invalid value."""


class NoVideosError(PoseError):
    """The path does not exist, or the folder contains no video."""


class NotASequenceError(PoseError):
    """The file is not one of our pose sequences, or is damaged."""


class SequencesDifferError(PoseError):
    """The sequence does not belong to the video that it is to be drawn on."""


class ImageFolderError(InputError):
    """A folder of images, or its index, cannot be used as requested."""


class NoImagesError(ImageFolderError):
    """The folder does not exist, or contains no image."""


class NotAnIndexError(ImageFolderError):
    """The file is not one of our indexes of images, or is damaged."""


class IndexModelError(ImageFolderError):
    """The index was made with a different model than the requested one."""


class MoveFolderError(ImageFolderError):
    """The folder to move duplicates to contains the searched folder, or is inside it."""


class AccessError(InputError):
    """The person may not do this."""


class NotApprovedError(AccessError):
    """An administrator has not let the person in yet."""


class RoleTooLowError(AccessError):
    """The person may see the collection, but not do this with it."""


class NotLoggedInError(InputError):
    """Nobody is logged in, or the login has expired."""


class LoginFailedError(InputError):
    """The login was refused, given up, or took too long."""


class RequestTooLargeError(InputError):
    """The request's body has more bytes than the settings allow."""


class HalfCharacterError(InputError):
    """The request's body has half of a character (a lone surrogate), which is no text."""


class RequestConflictError(InputError):
    """The request does not fit what is there: read it again."""


class CollectionExistsError(RequestConflictError):
    """There is a collection of that id already."""


class LastOwnerError(RequestConflictError):
    """The collection would be left without an owner."""


class OwnedCollectionsError(RequestConflictError):
    """The person owns collections that nobody else owns."""


class ExportNotReadyError(RequestConflictError):
    """The export is still being made, or has failed: there is nothing to download."""


class ImportStateError(RequestConflictError):
    """The import runs or is done, or its file has not arrived."""


class RevisionMissingError(RequestConflictError):
    """The request does not say which version it changes."""


class RevisionChangedError(RequestConflictError):
    """Somebody else has changed it since it was read."""


class RequestReusedError(RequestConflictError):
    """The idempotency key was used for another request."""


class RequestRunningError(RequestConflictError):
    """The request with this idempotency key is being carried out."""


class CatalogError(InputError):
    """A collection's catalog cannot do what was requested."""


class InvalidTagError(CatalogError):
    """A tag is empty, too long, or has a character that cannot be seen."""


class TooManyTagsError(CatalogError):
    """An item would have more tags than it can."""


class InvalidMetadataError(CatalogError):
    """A metadata field's name or value cannot be used."""


class ChangeTooLargeError(CatalogError):
    """A change names more tags, fields or people than one change can."""


class FieldTableError(CatalogError):
    """A table of fields cannot be read."""


class CollectionDeletedError(CatalogError):
    """The collection has been deleted, or is being deleted."""


class ItemChangedError(CatalogError):
    """Somebody else has changed the item since it was read: read it again before changing it."""


class VersionExistsError(CatalogError):
    """The catalog has a version of that name already; a version never changes."""


class InvalidVersionError(CatalogError):
    """A version of a catalog cannot be called so."""


class InvalidSplitError(CatalogError):
    """The shares of a split do not add up to one, or one is negative."""


class UnknownSortError(CatalogError):
    """Items cannot be sorted by this."""


class UnknownFacetError(CatalogError):
    """Items cannot be counted by this."""


class InvalidCursorError(CatalogError):
    """The cursor is not one of ours, or belongs to another query."""


class QueryTooLargeError(CatalogError):
    """The query needs more memory than the settings allow."""


class NoVectorsError(CatalogError):
    """A collection has no vectors of a model."""


class UnstableCollectionError(CatalogError):
    """Items were removed from a collection each time that it was exported."""


class ExportFailedError(CatalogError):
    """The job that made an export has failed, or the export was deleted; the message says why."""


class ImportFailedError(CatalogError):
    """The job that read a file of labels has failed; the message says why."""


class InvalidVectorError(CatalogError):
    """A vector is zero, not finite, or not as long as those that it is compared with."""


class MapError(CatalogError):
    """A map cannot be drawn, or cannot be used."""


class TooFewItemsError(MapError):
    """There are fewer images with vectors than a map, or a sample, needs."""


class MapOptionsError(MapError):
    """A map cannot be drawn with these options."""


class MapNotReadyError(RequestConflictError):
    """The map is being drawn, or could not be drawn."""


class SampleError(CatalogError):
    """A sample cannot be taken."""


class SampleOptionsError(SampleError):
    """A sample cannot be taken with these options."""


class NothingToSampleError(SampleError):
    """No item of those that a query finds has what the method looks at."""


class SampleFailedError(SampleError):
    """The job that took a sample has failed; the message says why."""


class TagInUseError(RequestConflictError):
    """Items have the tag already that those of a sample would get."""


class MapFailedError(MapError):
    """The job that drew a map has failed; the message says why."""


class SearchError(CatalogError):
    """A search for similar images cannot be made as requested."""


class EmptySearchError(SearchError):
    """A search names nothing to be similar to, or its parts cancel each other out by weights of zero."""


class EmptyCollectionError(SearchError):
    """There is no image in the collection that could be found."""


class TooManyResultsError(SearchError):
    """More results are requested than a search gives."""


class IndexMismatchError(SearchError):
    """An index was built from vectors of another model than the one that looks at the query."""


class EvaluationError(InputError):
    """A model cannot be evaluated as requested."""


class UnknownImageError(EvaluationError):
    """Predictions belong to no image of the data set, or two entries to the same."""


class NothingToEvaluateError(EvaluationError):
    """The data set, or the split of it, has no image with labels."""


class ClassesDifferError(EvaluationError):
    """The model and the data set have no class in common."""


class SlicesError(EvaluationError):
    """The data set cannot be cut into slices by queries: it is no collection."""


class DataDiffersError(EvaluationError):
    """Two evaluations cannot be compared: they are of different data, or of different tasks."""


class TrackingError(InputError):
    """What is tracked of trainings cannot be used."""


class TrackedRunMissingError(TrackingError):
    """The tracking store has no such run, and no such experiment with weights."""


class WeightsMissingError(TrackingError):
    """A tracked run has no weights."""


class WeightsDamagedError(TrackingError):
    """The weights in the tracking store are not those that were recorded."""


class LabelFileError(CatalogError):
    """A file of labels is not of the format that it should be, or is larger than is read."""


class QueryError(CatalogError):
    """A query cannot be understood.

    Attributes:
        column: Where, in characters from 1.
        expected: What could stand there, for people; empty if the message says it better.
    """

    def __init__(self, message: str, column: int, expected: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.column = column
        self.expected = expected


class QuerySyntaxError(QueryError):
    """A query does not follow the grammar."""


class UnknownFieldError(QueryError):
    """A query names a field that does not exist."""


class QueryValueError(QueryError):
    """A query compares a field with a value that it cannot have, or in a way that it has not."""


class QueryTooComplexError(QueryError):
    """A query is too long or too deep, or has too many terms or wildcards."""


class OutputNotWrittenError(FramesiftError):
    """A file that a command was to write cannot be written."""

    exit_code = 73


class NotAMoveListError(ImageFolderError):
    """The file is not one of our lists of moved files, or is damaged."""


class CrawlError(FramesiftError):
    """The site did not show its normal content."""

    exit_code = 69


class CrawlBlockedError(CrawlError):
    """The site denies access, or sends a response that is meant for bots."""


class CaptchaShownError(CrawlError):
    """The site shows a CAPTCHA."""


class LoginRequiredError(CrawlError):
    """The site requires a login; the stored session is missing or has expired."""


class EmptyPageError(CrawlError):
    """The page loaded, but contains no clip."""


class EmptyFeedError(CrawlError):
    """A feed contains no video."""


class SiteUnreachableError(CrawlError):
    """The site did not respond, after all retries."""


class EmptyListError(FramesiftError):
    """No clip of a category qualified for its list; the published list stays."""

    exit_code = 69


class TooManyFailedItemsError(FramesiftError):
    """More items failed than `tolerated_failed_share` allows."""

    exit_code = 69


class TemporaryError(FramesiftError):
    """The same call may work later."""

    exit_code = 75


class InterruptedByHostError(TemporaryError):
    """The process was asked to stop (SIGTERM); finished work is kept."""


class UploadGoneError(TemporaryError):
    """An upload in parts was given up by somebody else while it was sent."""


class ClientLimitError(TemporaryError):
    """A client sends more requests to the API than the settings allow.

    Attributes:
        retry_after_s: When it may ask again, seconds.
    """

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class LoginUnreachableError(TemporaryError):
    """The managed login does not answer."""


class RunBusyError(TemporaryError):
    """Another execution holds the run."""


class BatchBusyError(TemporaryError):
    """Somebody else changes the upload batch at the same moment."""


class QueryTimeoutError(TemporaryError):
    """The query takes longer than the settings allow."""


class SnapshotLostError(TemporaryError):
    """A snapshot of a catalog is gone or damaged; the next compaction makes it anew from the log."""


class IndexLostError(TemporaryError):
    """A segment of an index is gone or damaged; the next build makes it anew from the stored vectors."""


class TrackingUnreachableError(TemporaryError):
    """The tracking server does not answer; what is recorded waits, and is sent later."""


class IndexBusyError(TemporaryError):
    """Others change the index at the same moment."""


class ScanPendingError(TemporaryError):
    """The malware scan has not come to all files of a batch yet."""


class TranslateQuotaError(TemporaryError):
    """A quota of Google Cloud Translate is used up."""


class TranslateUnavailableError(TemporaryError):
    """Google Cloud Translate cannot be reached or fails."""


class YoutubeQuotaError(TemporaryError):
    """The day's quota of the YouTube Data API is used up; it resets at midnight Pacific time."""


class YoutubeUnavailableError(TemporaryError):
    """The YouTube Data API cannot be reached, or fails for too long."""


class DetectorQuotaError(TemporaryError):
    """Custom Vision's quota is used up: the monthly one of tier F0, or the rate limit for too long."""


class DetectorBusyError(TemporaryError):
    """Custom Vision cannot be reached, or fails for too long.

    Attributes:
        wait_s: How long the service requests to wait, seconds.
        answered: False if the connection broke: the request may have been carried out nevertheless.
    """

    def __init__(self, message: str, *, wait_s: float = 0.0, answered: bool = True) -> None:
        super().__init__(message)
        self.wait_s = wait_s
        self.answered = answered


class SecretNotWrittenError(FramesiftError):
    """Secrets Manager rejects a secret's new value; the secret is unchanged."""

    exit_code = 77


class ObjectNotDeletedError(FramesiftError):
    """S3 refuses to delete an object, or a version of it."""

    exit_code = 77


class AwsRefusedError(FramesiftError):
    """AWS refuses a call of a command: the credentials do not allow it, or what it names is gone."""

    exit_code = 77


class AwsUnreachableError(FramesiftError):
    """AWS, or the embedded AWS, does not answer a command."""

    exit_code = 69


class UploadError(FramesiftError):
    """S3 does not accept the files; what was uploaded before is kept."""

    exit_code = 77


class BucketMissingError(UploadError):
    """The bucket does not exist."""


class CredentialsError(UploadError):
    """There are no AWS credentials, or AWS rejects them."""


class UploadDeniedError(UploadError):
    """The credentials are valid, but do not allow writing there."""


class UploadMismatchError(UploadError):
    """The stored object differs from the uploaded file."""


class ModelError(FramesiftError):
    """A model cannot be used."""

    exit_code = 66


class ModelMissingError(ModelError):
    """No available origin has the model's file."""


class NoTextEncoderError(ModelMissingError):
    """Texts cannot be searched: no model that reads them is there."""


class ModelUnreachableError(ModelMissingError):
    """The network, or the host that publishes the model, does not respond."""

    exit_code = 75


class ModelMismatchError(ModelError):
    """The model's file does not match its card."""


class ModelInaccurateError(ModelError):
    """A quantized model's vectors differ too much from those of the model that it was made from."""


class NotAnEncoderError(ModelError):
    """A file, a folder or a model is no dual encoder that can be used."""


class NotACheckpointError(ModelError):
    """A checkpoint of another program is no dual encoder, or cannot be read."""


class TextTooLongError(InputError):
    """A text has more tokens than the encoder takes."""


class MachineError(FramesiftError):
    """This machine lacks something that the command needs."""

    exit_code = 69


class ChromiumMissingError(MachineError):
    """No Chromium is found."""


class ChromiumFailedError(MachineError):
    """Chromium is installed, and does not start or crashes repeatedly."""


class StacksError(MachineError):
    """The stacks cannot be synthesized from the CDK code."""


class NodeMissingError(MachineError):
    """No Node recent enough for CDK is available."""


class PageBuildError(MachineError):
    """The web page cannot be built, or a package for it cannot be fetched."""


class ExtraMissingError(MachineError):
    """The command needs an extra of the package, such as `framesift[torch]`."""

    @classmethod
    def for_module(cls, purpose: str, module: str | None, extra: str) -> Self:
        """The error for a module that is not installed.

        Args:
            purpose: What needs it, such as "Building the model resnet50".
            module: The module's name.
            extra: The extra that installs it, such as `torch`.
        """
        return cls(
            f"{purpose} needs {module}, which is not installed: run "
            f"`{sys.executable} -m pip install 'framesift[{extra}]'`."
        )


class PortInUseError(MachineError):
    """Another process listens on the port."""


class InvalidUserError(InputError):
    """The embedded user pool refuses a user's name or group."""


class InvalidPortError(InputError):
    """The port number is invalid."""


class DiskFullError(MachineError):
    """The disk has too little free space."""


class DataFolderError(MachineError):
    """The data folder cannot be written, or is a file."""


class ForkServerDownError(MachineError):
    """The process that starts the embedded AWS's functions and jobs dies repeatedly."""


class StateDamagedError(MachineError):
    """The stored state of the embedded AWS cannot be read."""


class EmbeddedAwsDownError(MachineError):
    """The embedded AWS does not respond."""


class DataFolderBusyError(MachineError):
    """Another embedded AWS uses the data folder."""


def get_exit_code(name: str | None) -> int:
    """Look up the exit code of an error by its class's name, as Step Functions reports it."""
    found = globals().get(name or "")
    if isinstance(found, type) and issubclass(found, FramesiftError):
        return found.exit_code
    return FramesiftError.exit_code
