"""A collection's catalog: what its images are and show, and how they are found and taken away."""
