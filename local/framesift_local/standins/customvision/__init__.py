"""A stand-in for Azure Custom Vision on loopback: training and prediction, as the client library calls them."""

from framesift_local.standins.customvision.server import CustomVisionStandIn

__all__ = ["CustomVisionStandIn"]
