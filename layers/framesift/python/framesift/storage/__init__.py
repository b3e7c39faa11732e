"""The bucket: objects, the documents that are kept in them, and checked uploads of files.

```
transfer (many files, checked) · documents (manifests, JSON) · files -> zips -> ranges
    -> store (the port) <- s3, direct (the only callers of S3)
```
"""

from framesift.storage.documents import read_lines, write_json, write_manifest
from framesift.storage.multipart import delete_folder
from framesift.storage.s3 import S3Store
from framesift.storage.store import Store, StoredObject, StoredVersion, copy_all, delete_for_good, parse_uri

__all__ = [
    "S3Store",
    "Store",
    "StoredObject",
    "StoredVersion",
    "copy_all",
    "delete_folder",
    "delete_for_good",
    "parse_uri",
    "read_lines",
    "write_json",
    "write_manifest",
]
