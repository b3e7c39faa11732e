"""Networks that are trained here: small ones of our own, and torchvision's."""
