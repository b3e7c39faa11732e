"""Looking at pictures: decoding, views, features, hashes and duplicates. Needs `framesift[vision]`."""
