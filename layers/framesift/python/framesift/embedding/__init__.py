"""Embedders: images in, one feature vector an image out. One module per model; `choose` picks one and says why."""
