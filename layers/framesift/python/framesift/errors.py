"""Every failure that a caller can act on, in one tree.

Step Functions matches the exact name of the class that was raised, so leaves are raised and named in
`statemachine/pipeline.asl.json`; the branches exist for `except` and for exit codes.

```
FramesiftError
├── InputError                      the request cannot be carried out: change it, do not repeat it (exit 65)
│   ├── InvalidStartError · UnknownSourceError · UnknownCategoryError · InvalidDateError
│   ├── InvalidCollectionError · NoUploadsError
│   ├── SettingsError               a setting, or what it names, cannot be used
│   │   └── UnknownSettingError · SecretUnreadableError · SecretContentError
│   ├── NotFoundError · ObjectMissingError · TranslateDeniedError
│   ├── NothingToAnalyzeError
│   ├── YoutubeKeyError · FeedError
│   ├── DetectorError               the detector, or the candidate project, cannot do what was requested
│   │   ├── DetectorKeyError · ProjectNotFoundError · PredictionResourceError
│   │   ├── IterationNotPublishedError · TagsDifferError · ProjectFullError · RequestRefusedError
│   │   ├── TrainingFailedError · NothingToRollBackError
│   │   └── NotADetectorError · NotAnExportError · ExternalDataError · RowCountError · ModelTooCostlyError
│   ├── ImageFolderError            a folder of images, or an index of one, cannot be used as asked
│   │   ├── NoImagesError · NotAnIndexError · IndexModelError
│   │   └── MoveFolderError · NotAMoveListError
│   ├── PoseError                   the pose commands cannot do what was requested
│   │   └── UnknownPresetError · PoseConfigError · NoVideosError · NotASequenceError · SequencesDifferError
│   └── MediaError                  one item's media; recorded on the item, the run goes on
│       ├── NotAnImageError · ImageTooLargeError · ImageTooCostlyError · MediaTooLargeError
│       ├── BadValueError · HostNotAllowedError · PrivateAddressError
│       ├── DownloadFailedError
│       ├── ImageRefusedError · RegionOutsideError
│       └── VideoError              one video cannot be read, or shows no person
│           ├── NotAVideoError · PlaylistRefusedError · VideoUnreadableError
│           ├── EmptyVideoError · TruncatedVideoError · ResolutionChangedError · VideoLimitError
│           ├── FramesLostError
│           └── NoPersonError · VideoWorkerDiedError · VideoLostError
├── CrawlError                      the site did not show what a person would see                (exit 69)
│   ├── CrawlBlockedError · CaptchaShownError · LoginRequiredError
│   └── EmptyPageError · EmptyFeedError · SiteUnreachableError
├── EmptyListError                  no clip of a category qualified; the list that is up stays up (exit 69)
├── TooManyFailedItemsError         more items failed than the settings tolerate                 (exit 69)
├── TemporaryError                  the same call may work later                                 (exit 75)
│   ├── InterruptedByHostError · RunBusyError
│   ├── TranslateQuotaError · TranslateUnavailableError
│   ├── YoutubeQuotaError · YoutubeUnavailableError
│   └── DetectorQuotaError · DetectorBusyError
├── SecretNotWrittenError           Secrets Manager rejects a value; the secret keeps its own     (exit 77)
├── UploadError                     S3 does not accept the files                                 (exit 77)
│   └── BucketMissingError · CredentialsError · UploadDeniedError · UploadMismatchError
├── ModelError                      a model's file is missing or is not what its card says       (exit 66)
│   └── ModelMissingError (ModelUnreachableError, exit 75) · ModelMismatchError
└── MachineError                    this machine lacks something                                 (exit 69)
    ├── ChromiumMissingError · ChromiumFailedError · StacksError
    ├── NodeMissingError · ExtraMissingError · PortInUseError · DiskFullError
    └── EmbeddedAwsDownError · DataFolderBusyError · DataFolderError · StateDamagedError · ForkServerDownError
```
"""

from __future__ import annotations

import sys
from typing import ClassVar, Self


class FramesiftError(Exception):
    """Base of all: the message is one line that says what happened and what to do.

    Attributes:
        exit_code: The exit code of a process that ends with it (`sysexits.h`); Batch's retry strategy reads it.
    """

    exit_code: ClassVar[int] = 70


class InputError(FramesiftError):
    """The request cannot be carried out; repeating it changes nothing."""

    exit_code = 65


class InvalidStartError(InputError):
    """A start's input has an unknown field or a value of the wrong form."""


class UnknownSourceError(InputError):
    """A source that does not exist, or has no branch in the workflow."""


class UnknownServiceError(InputError):
    """There is no outside service of that name."""


class UnknownCategoryError(InputError):
    """A category that the source does not have."""


class InvalidCollectionError(InputError):
    """No collection is named, its name cannot be used, or the object lies in none."""


class NoUploadsError(InputError):
    """A collection's uploads hold no video that can be processed."""


class InvalidDateError(InputError):
    """A date that is not YYYY-MM-DD, does not exist, or lies in the future."""


class SettingsError(InputError):
    """A setting is missing or out of range."""


class UnknownSettingError(SettingsError):
    """A variable with our prefix is no setting: its name is probably misspelt."""


class SecretUnreadableError(SettingsError):
    """A secret that the settings name does not exist, has no value, or may not be read."""


class SecretContentError(SettingsError):
    """A secret that the settings name holds something else than it should."""


class NotFoundError(InputError):
    """Nothing has the requested name."""


class ObjectMissingError(NotFoundError):
    """An object does not exist in the bucket; the message names the bucket and is not for the public."""


class TranslateDeniedError(InputError):
    """Google Cloud Translate refuses the key or the project, or there is no key."""


class NothingToAnalyzeError(InputError):
    """A run reached the vision job without a single readable item."""


class YoutubeKeyError(InputError):
    """The YouTube Data API refuses the key, or there is none."""


class FeedError(InputError):
    """A feed of YouTube is of the wrong form, or YouTube knows no such channel, playlist or chart."""


class DetectorError(InputError):
    """The detector, or the candidate project, cannot do what was requested."""


class DetectorKeyError(DetectorError):
    """Custom Vision refuses the key, or there is none."""


class ProjectNotFoundError(DetectorError):
    """Custom Vision has no such project, or the key is another resource's."""


class PredictionResourceError(DetectorError):
    """Custom Vision cannot publish to the prediction resource that the settings name."""


class IterationNotPublishedError(DetectorError):
    """No iteration of the project is published, or not under that name."""


class TagsDifferError(DetectorError):
    """The settings' tags and the detector's are not the same; nothing was predicted."""


class ProjectFullError(DetectorError):
    """The project accepts no more images, tags or iterations; what it has stays."""


class RequestRefusedError(DetectorError):
    """Custom Vision rejects a request for a reason that has no class of its own.

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


class NotADetectorError(DetectorError):
    """The model file is not an object detector of a supported form."""


class NotAnExportError(DetectorError):
    """The zip is no export of Custom Vision, is damaged or encrypted, or unpacks to far more than a network."""


class ExternalDataError(DetectorError):
    """The ONNX file keeps its weights in other files, which are never read."""


class RowCountError(DetectorError):
    """The network gives other than one row of results for each image."""


class ModelTooCostlyError(DetectorError):
    """The network takes more memory or time than its size justifies, or crashes what loads it."""


class MediaError(InputError):
    """One item's media cannot be used; the item is marked, the run goes on."""


class NotAnImageError(MediaError):
    """The bytes are not an image that we read, or are damaged."""


class ImageTooLargeError(MediaError):
    """The image has more pixels than the settings allow."""


class ImageTooCostlyError(MediaError):
    """Decoding the image takes more time or memory than an image may, or its structure shows that it would."""


class MediaTooLargeError(MediaError):
    """The file has more bytes than the settings allow."""


class BadValueError(MediaError):
    """A value that a site, an API or a host sent cannot be used."""


class HostNotAllowedError(MediaError):
    """The URL's host or scheme is not on the list of allowed ones."""


class PrivateAddressError(MediaError):
    """The URL's host resolves to an address inside a private network."""


class DownloadFailedError(MediaError):
    """The host answered with an error, or the connection broke, after all tries."""


class ImageRefusedError(MediaError):
    """Custom Vision rejects the image, even after it was converted to a supported form."""


class RegionOutsideError(MediaError):
    """A region lies outside of its image, or has no size."""


class VideoError(MediaError):
    """One video cannot be read, or shows no person; the other videos go on."""


class NotAVideoError(VideoError):
    """The file is no video in a container that we read, or is damaged at its head."""


class PlaylistRefusedError(VideoError):
    """The file is a playlist that names other files or addresses."""


class VideoUnreadableError(VideoError):
    """The file is gone, or its permissions forbid reading it."""


class EmptyVideoError(VideoError):
    """The video holds no frame that can be decoded."""


class TruncatedVideoError(VideoError):
    """The video ends earlier than its own header says."""


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
    """A preset that does not exist."""


class PoseConfigError(PoseError):
    """The configuration has an unknown key, or a value of the wrong form."""


class NoVideosError(PoseError):
    """The path does not exist, or the folder holds no video."""


class NotASequenceError(PoseError):
    """The file is no pose sequence of ours, or is damaged."""


class SequencesDifferError(PoseError):
    """The sequence does not belong to the video that it should be drawn on."""


class ImageFolderError(InputError):
    """A folder of images, or an index of one, cannot be used as asked."""


class NoImagesError(ImageFolderError):
    """The folder does not exist, or holds no image."""


class NotAnIndexError(ImageFolderError):
    """The file is no index of images of ours, or is damaged."""


class IndexModelError(ImageFolderError):
    """The index was made by another model than the one that is asked for."""


class MoveFolderError(ImageFolderError):
    """The folder that duplicates should be moved to lies within the folder that is searched, or around it."""


class NotAMoveListError(ImageFolderError):
    """The file is no list of moved files of ours, or is damaged."""


class CrawlError(FramesiftError):
    """The site did not show what a person would see."""

    exit_code = 69


class CrawlBlockedError(CrawlError):
    """The site shows a wall: access denied, or an answer meant for bots."""


class CaptchaShownError(CrawlError):
    """The site asks to prove to be human."""


class LoginRequiredError(CrawlError):
    """The site asks to log in; the stored session is missing or has ended."""


class EmptyPageError(CrawlError):
    """The page loaded and held no clip."""


class EmptyFeedError(CrawlError):
    """A feed holds no video."""


class SiteUnreachableError(CrawlError):
    """The site did not answer, after all tries."""


class EmptyListError(FramesiftError):
    """No clip of a category qualified for its list; the list that is up stays up."""

    exit_code = 69


class TooManyFailedItemsError(FramesiftError):
    """More items failed than `tolerated_failed_share` allows."""

    exit_code = 69


class TemporaryError(FramesiftError):
    """The same call may work later."""

    exit_code = 75


class InterruptedByHostError(TemporaryError):
    """The process was asked to stop (SIGTERM); finished work is kept."""


class ClientLimitError(TemporaryError):
    """A client sends more requests to the API than the settings allow.

    Attributes:
        retry_after_s: When it may ask again, seconds.
    """

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RunBusyError(TemporaryError):
    """Another execution holds the run."""


class TranslateQuotaError(TemporaryError):
    """Google Cloud Translate refuses because a quota is used up."""


class TranslateUnavailableError(TemporaryError):
    """Google Cloud Translate cannot be reached or fails."""


class YoutubeQuotaError(TemporaryError):
    """The day's quota of the YouTube Data API is used up; it comes back at midnight Pacific time."""


class YoutubeUnavailableError(TemporaryError):
    """The YouTube Data API cannot be reached, or fails for too long."""


class DetectorQuotaError(TemporaryError):
    """Custom Vision's quota is used up: for the month on F0, or for the minute for too long."""


class DetectorBusyError(TemporaryError):
    """Custom Vision cannot be reached, or fails for too long.

    Attributes:
        wait_s: How long the service asks to wait, seconds.
        answered: False if the connection broke: the request may have been carried out nevertheless.
    """

    def __init__(self, message: str, *, wait_s: float = 0.0, answered: bool = True) -> None:
        super().__init__(message)
        self.wait_s = wait_s
        self.answered = answered


class SecretNotWrittenError(FramesiftError):
    """Secrets Manager rejects a secret's new value; the secret keeps the one it has."""

    exit_code = 77


class UploadError(FramesiftError):
    """S3 does not accept the files; what was uploaded before stays."""

    exit_code = 77


class BucketMissingError(UploadError):
    """The bucket does not exist."""


class CredentialsError(UploadError):
    """There are no AWS credentials, or AWS does not know them."""


class UploadDeniedError(UploadError):
    """The credentials are good, and do not allow writing there."""


class UploadMismatchError(UploadError):
    """The stored object differs from what was sent."""


class ModelError(FramesiftError):
    """A model cannot be used."""

    exit_code = 66


class ModelMissingError(ModelError):
    """No available origin has the model's file."""


class ModelUnreachableError(ModelMissingError):
    """The network, or the host that publishes the model, does not answer."""

    exit_code = 75


class ModelMismatchError(ModelError):
    """The model's file is not the one that its card describes."""


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


class InvalidPortError(InputError):
    """A port that does not exist was asked for."""


class DiskFullError(MachineError):
    """The disk has too little free space."""


class DataFolderError(MachineError):
    """The data folder cannot be written, or a file has its name."""


class ForkServerDownError(MachineError):
    """The process that starts the embedded AWS's functions and jobs dies again and again."""


class StateDamagedError(MachineError):
    """What the embedded AWS has kept cannot be read."""


class EmbeddedAwsDownError(MachineError):
    """The embedded AWS does not answer."""


class DataFolderBusyError(MachineError):
    """Another embedded AWS uses the data folder."""


def exit_code_of(name: str | None) -> int:
    """The exit code of an error that is known by its class's name alone, as Step Functions gives it."""
    found = globals().get(name or "")
    if isinstance(found, type) and issubclass(found, FramesiftError):
        return found.exit_code
    return FramesiftError.exit_code
