"""Framesift: collects what people post, looks at it, keeps what matters, and serves it."""

__version__ = "0.1.0"
