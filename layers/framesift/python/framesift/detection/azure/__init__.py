"""Azure Custom Vision, by its own client library. Its maker ends the service on 25 September 2028."""

from framesift.detection.azure.batches import Labelled, Uploaded
from framesift.detection.azure.detector import CustomVisionDetector
from framesift.detection.azure.trainer import CustomVisionTrainer, open_trainer

__all__ = ["CustomVisionDetector", "CustomVisionTrainer", "Labelled", "Uploaded", "open_trainer"]
