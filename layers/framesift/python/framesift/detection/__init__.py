"""Objects in pictures: what looks for them, and what is taught to."""

from framesift.detection.detector import Detector, check_tags, open_detector

__all__ = ["Detector", "check_tags", "open_detector"]
