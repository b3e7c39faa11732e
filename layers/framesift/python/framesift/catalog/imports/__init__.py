"""Imports: the labels and splits of data sets in COCO's and YOLO's formats.

```
the names of the uploaded files -> data_set (which files describe it, which images they mean)
                                -> coco | yolo -> DataSet: image -> annotations and split, and faults
```
"""

from framesift.catalog.imports.data_set import DataSet, LabelledImage
from framesift.catalog.imports.read import comes_along, may_describe, read_data_set

__all__ = ["DataSet", "LabelledImage", "comes_along", "may_describe", "read_data_set"]
