"""Near-duplicates: fingerprints, comparison, keepers; for a day's clips, a collection, and a folder on disk alike."""
