"""Where media comes from: one module or package a source, and what they share (counts, images, the downloader)."""
