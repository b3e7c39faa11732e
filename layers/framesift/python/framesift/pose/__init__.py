"""Pose sequences: videos in, landmark sequences out.

```
extract -> workers -> segments -> decode, selection
                               -> engine (mediapipe_engine | batched) -> people
        -> tracking -> refine -> sequence (the file) -> manifest
upload · export · overlay
```

A sequence file is Parquet and needs none of this code to be read: see `framesift.pose.sequence`.
"""
