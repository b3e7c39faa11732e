"""What the library offers beside near-duplicates: poses from videos, without AWS. Needs `framesift[pose]`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from framesift.contracts import VideoEntry
from framesift.pose.extract import extract, find_videos, pending
from framesift.pose.manifest import Manifest
from framesift.settings.pose import DEFAULT_PRESET, load_pose_settings


def extract_poses(
    video: Path | str,
    output: Path | str,
    *,
    preset: str = DEFAULT_PRESET,
    on_video: Callable[[VideoEntry], None] = lambda _: None,
) -> Manifest:
    """Find the people in a video, or in each video of a folder, and write a pose sequence for each.

    Works in processes: a script that calls it needs `if __name__ == "__main__":`.

    Args:
        video: A video, or a folder of videos.
        output: The folder for the sequences and their manifest. Videos that are in it with the same settings are done.
        preset: `development`, `production`, `high_accuracy` or `fast`.
        on_video: Called as each video is done.

    Returns:
        The folder's manifest: for each video its sequence file, or why there is none. `pose.sequence.read_sequence`
        reads a sequence.

    Raises:
        NoVideosError: There is no video.
        UnknownPresetError: There is no such preset.
        ModelMissingError: The networks are not installed (`framesift models fetch pose-full`).

    >>> import tempfile
    >>> import cv2
    >>> from skimage import data
    >>> folder = tempfile.TemporaryDirectory()
    >>> astronaut = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    >>> writer = cv2.VideoWriter(f"{folder.name}/astronaut.mp4", cv2.VideoWriter_fourcc(*"mp4v"), 10, (512, 512))
    >>> _ = [writer.write(astronaut) for _ in range(10)]
    >>> writer.release()
    >>> manifest = extract_poses(f"{folder.name}/astronaut.mp4", f"{folder.name}/poses")
    >>> manifest.videos["astronaut.mp4"].status, manifest.videos["astronaut.mp4"].output
    ('done', 'astronaut.mp4.pose.parquet')
    >>> folder.cleanup()
    """
    settings, folder = load_pose_settings(preset, None, {}), Path(output)
    return extract(pending(find_videos(Path(video), settings), folder, settings), folder, settings, on_video)
