"""A stand-in for Google Cloud Translate v3 on loopback: what the official client's REST transport calls."""

from framesift_local.translate.server import Fault, TranslateStandIn

__all__ = ["Fault", "TranslateStandIn"]
