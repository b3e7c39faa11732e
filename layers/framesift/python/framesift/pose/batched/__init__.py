"""MediaPipe's PoseLandmarker graph in plain array code, its networks run on batches across streams.

One stream cannot be batched: where to look in a frame follows from the landmarks of the frame before. So several
streams (videos, or segments of one) are followed in step, and each step's crops make one batch.

| module | calculators of MediaPipe's graph that it stands for |
| --- | --- |
| `networks` | ImageToTensor's scaling, Inference (without the segmentation output) |
| `detector` | SsdAnchors, TensorsToDetections, NonMaxSuppression (weighted), DetectionLetterboxRemoval |
| `regions` | AlignmentPointsRects, RectTransformation, AssociationNormRect, ImageToTensor's warp |
| `landmarks` | TensorsToLandmarks, RefineLandmarksFromHeatmap, LandmarkProjection, WorldLandmarkProjection |
| `smoothing` | VisibilitySmoothing, LandmarksSmoothing (One Euro) |
| `engine` | PoseLandmarkerGraph's loop |

The constants are those of `mediapipe/tasks/cc/vision/pose_detector` and `pose_landmarker` (Apache-2.0).
"""
