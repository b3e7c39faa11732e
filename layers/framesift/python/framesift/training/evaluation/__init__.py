"""Evaluation of detectors and classifiers: plain arrays in, figures out; NumPy is all that is needed."""

from framesift.training.evaluation.classification import ClassifierFigures, evaluate_classifier
from framesift.training.evaluation.detection import DetectionFigures, evaluate_detector

__all__ = ["ClassifierFigures", "DetectionFigures", "evaluate_classifier", "evaluate_detector"]
