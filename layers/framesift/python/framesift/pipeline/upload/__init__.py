"""Uploads: what users put into a collection; videos become pose sequences."""
