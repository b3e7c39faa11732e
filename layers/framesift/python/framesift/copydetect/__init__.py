"""Our own copy-detection model: what draws its training pictures, trains it, judges it and runs it.

Nothing is imported here: `model` needs onnxruntime and OpenCV, only `network` and `train` need torch.
"""
