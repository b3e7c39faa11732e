"""Pose sequences: videos in, landmark sequences out.

```
commands -> extract -> workers -> engine (mediapipe_engine | batched) -> decode, selection
                    -> refine -> sequence (the file) -> manifest
commands -> upload · export · overlay
```

A sequence file is Parquet and needs none of this code to be read: see `framesift.pose.sequence`.
"""
