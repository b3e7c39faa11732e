"""Trains, evaluates and tracks networks: detectors and classifiers of one's own.

Nothing is imported here: `recipe` and `types` need no torch, and so does the evaluation.
"""
