"""Object detection: the port, and detectors by Azure Custom Vision and by ONNX files."""

from framesift.detection.detector import Detector, check_tags, open_detector

__all__ = ["Detector", "check_tags", "open_detector"]
