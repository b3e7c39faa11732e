"""A stand-in for the YouTube Data API v3 on loopback, and for the host of its thumbnails."""

from framesift_local.standins.youtube.server import YoutubeStandIn

__all__ = ["YoutubeStandIn"]
