"""A stand-in for Google Cloud Translate v3 on loopback: what the official client's REST transport calls."""

from framesift_local.standins.translate.server import TranslateStandIn

__all__ = ["TranslateStandIn"]
