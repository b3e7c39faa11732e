"""YouTube's day: list feeds, detect objects in thumbnails, upload training images, train, and gate the result."""
