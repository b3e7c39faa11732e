"""Images: decoding, views, and networks on a CPU. Needs `framesift[vision]`."""
