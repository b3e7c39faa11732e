"""Samples of a collection: a few items that tell much, chosen of many, and tagged.

`choose` has the methods, on arrays; `records` what people have asked for; `jobs` does it.
"""
