"""Detectors of our own: any that was exported to ONNX."""

from framesift.detection.onnx.detector import OnnxDetector

__all__ = ["OnnxDetector"]
