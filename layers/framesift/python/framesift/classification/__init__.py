"""Classifiers: images in, the probabilities of labels and a feature vector an image out. Needs `framesift[onnx]`."""

from framesift.classification.classifier import OnnxClassifier

__all__ = ["OnnxClassifier"]
