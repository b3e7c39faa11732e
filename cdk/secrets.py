"""The secrets, each made only where its source or feature is switched on in the stage's config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SecretPlace:
    """Where a secret is kept: its value is put in by hand and never passes through a template.

    Attributes:
        construct_id: Names the resource; its ARN is the output `{construct_id}SecretArn`.
        setting: The environment variable that takes its ARN.
        placeholder: What it holds until then. A change of it would write over the value.
    """

    construct_id: str
    setting: str
    placeholder: str


SECRETS: Mapping[str, SecretPlace] = {
    # The crawler's session (Playwright's storage state), which it renews.
    "session": SecretPlace("Session", "FRAMESIFT_CRAWL__SESSION_SECRET", '{"cookies": [], "origins": []}'),
    # The service account for Google Cloud Translate.
    "google": SecretPlace("Google", "FRAMESIFT_LANGUAGE__GOOGLE_SECRET", "{}"),
    # The key of the YouTube Data API.
    "youtube": SecretPlace("Youtube", "FRAMESIFT_YOUTUBE__API_SECRET", '{"api_key": ""}'),
    # Keys, addresses and projects of Azure Custom Vision.
    "azure": SecretPlace("CustomVision", "FRAMESIFT_CUSTOM_VISION__SECRET", "{}"),
}
