"""Maps of collections: where images that resemble each other lie together, what stands apart, and samples of them.

Needs `framesift[maps]` and `framesift[search]`.
"""
