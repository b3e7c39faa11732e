"""A stand-in for TikTok's category pages, on loopback, that a real Chromium crawls.

```
with ClipSite(date=date, cache_dir=folder) as site:
    crawl(site.url + "/dance")
    report = grade(site.truth(), kept, dropped)
```
`python -m framesift_local.standins.clipsite` starts it for a person to open. `server` describes what it answers,
`control` how it can be made to misbehave, `catalogue` what is on it, `scenes` and `edits` what its images are.
"""

from framesift_local.standins.clipsite.catalogue import CATEGORIES, Clip
from framesift_local.standins.clipsite.control import Control
from framesift_local.standins.clipsite.grade import Grade, KindGrade, grade
from framesift_local.standins.clipsite.server import ClipSite

__all__ = ["CATEGORIES", "Clip", "ClipSite", "Control", "Grade", "KindGrade", "grade"]
