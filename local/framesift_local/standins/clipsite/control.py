"""The site's controls: the date that it shows, and how it misbehaves."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Category = Literal["main", "dance", "challenge", "food", "tts"]
Wall = Literal["captcha", "login", "denied", "empty"]


class Misbehaviour(BaseModel):
    """How the site misbehaves; by default it does not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wall: Wall | None = Field(None, description="Shown in place of clips; the JSON is blocked too.")
    latency_s: float = Field(0.0, ge=0, le=120, description="Waited before each answer.")
    drop_share: float = Field(
        0.0, ge=0, le=1, description="Share of requests whose connection is cut without an answer."
    )
    broken_image_share: float = Field(
        0.0, ge=0, le=1, description="Share of covers that are broken; the same ones each time."
    )
    categories: tuple[Category, ...] | None = Field(None, description="Which categories misbehave; by default all do.")


class Control(Misbehaviour):
    """All controls of the site, at `POST /control` and by `ClipSite.control`."""

    date: dt.date = Field(description="The day that is shown.")
