"""A stand-in for TikTok's category pages, on loopback, that a real Chromium crawls.

```
with ClipSite(date=date, cache_dir=folder) as site:
    crawl(site.url + "/dance")
    report = grade(site.truth(), kept, dropped)
```
`python -m framesift_local.clipsite` starts it to be looked at. `server` says what it answers, `control` how it can be
told to misbehave, `catalogue` what is on it, `scenes` and `edits` what its pictures are.
"""

from framesift_local.clipsite.catalogue import CATEGORIES, Clip
from framesift_local.clipsite.control import Control
from framesift_local.clipsite.grade import Grade, KindGrade, grade
from framesift_local.clipsite.server import ClipSite

__all__ = ["CATEGORIES", "Clip", "ClipSite", "Control", "Grade", "KindGrade", "grade"]
