"""Drawn photographs of manufactured parts with known defects: for trials, tests and training.

Nothing is imported here: `vocabulary` needs NumPy only, the rest also OpenCV.
"""
