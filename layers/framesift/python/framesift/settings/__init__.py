"""Settings of a process: read from the environment and `.env`, checked, documented; presets of pose extraction.

```
settings (groups, loading) -> pose (what a pose extraction can be asked for)
own (what the user has set, apart from defaults)
```
"""

from framesift.settings.settings import (
    OTHER_VARIABLES,
    UPLOAD_OVERRIDES,
    AnalysisSettings,
    ApiSettings,
    CatalogSettings,
    CollectionSettings,
    CrawlSettings,
    CustomVisionSettings,
    DetectionSettings,
    DownloadSettings,
    DuplicateSettings,
    EmbedderName,
    IntakeSettings,
    LanguageSettings,
    PeopleSettings,
    PublishSettings,
    RunSettings,
    SearchSettings,
    Settings,
    UploadSettings,
    YoutubeSettings,
    groups,
    load_settings,
    variables_of,
)

__all__ = [
    "OTHER_VARIABLES",
    "UPLOAD_OVERRIDES",
    "AnalysisSettings",
    "ApiSettings",
    "CatalogSettings",
    "CollectionSettings",
    "CrawlSettings",
    "CustomVisionSettings",
    "DetectionSettings",
    "DownloadSettings",
    "DuplicateSettings",
    "EmbedderName",
    "IntakeSettings",
    "LanguageSettings",
    "PeopleSettings",
    "PublishSettings",
    "RunSettings",
    "SearchSettings",
    "Settings",
    "UploadSettings",
    "YoutubeSettings",
    "groups",
    "load_settings",
    "variables_of",
]
