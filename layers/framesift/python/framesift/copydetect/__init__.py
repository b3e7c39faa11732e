"""Our own copy-detection model: synthetic training images, training, evaluation, inference.

Nothing is imported here: `model` needs onnxruntime and OpenCV, only `network` and `train` need torch.
"""
