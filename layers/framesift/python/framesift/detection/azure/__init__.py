"""Azure Custom Vision, through Microsoft's client library. Microsoft retires the service on 25 September 2028."""

from framesift.detection.azure.batches import LabelledImage, UploadOutcome
from framesift.detection.azure.detector import CustomVisionDetector
from framesift.detection.azure.trainer import CustomVisionTrainer, open_trainer

__all__ = ["CustomVisionDetector", "CustomVisionTrainer", "LabelledImage", "UploadOutcome", "open_trainer"]
