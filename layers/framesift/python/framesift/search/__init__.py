"""Similar images: indexes of the vectors that are stored of collections, and searches in them with filters inside."""
