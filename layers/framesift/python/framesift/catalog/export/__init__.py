"""Exports: the items of any query in formats that other programs read.

```
items -> rows (on disk) -> coco | yolo | voc | label_studio | tables | parquet -> documents
      -> export (FORMATS, the table of all formats) -> zip_upload, or a file -> the bucket
```
"""

from framesift.catalog.export.export import FORMATS, export
from framesift.catalog.export.label_studio import read_label_studio

__all__ = ["FORMATS", "export", "read_label_studio"]
