"""Detectors that were exported to ONNX."""

from framesift.detection.onnx.detector import OnnxDetector

__all__ = ["OnnxDetector"]
