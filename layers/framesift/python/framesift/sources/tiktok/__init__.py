"""TikTok's category pages, read in a real Chromium."""

from framesift.sources.tiktok.page import Crawl, crawl

__all__ = ["Crawl", "crawl"]
