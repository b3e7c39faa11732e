"""The frame of every page: its style, and templates in which text from outside can never become markup."""

from __future__ import annotations

import base64
import unicodedata
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from framesift.settings import load_settings


def render(template: str, **values: Any) -> str:
    """Fill in a template of this package; every value is escaped.

    Args:
        template: The name of a file in `templates/`.
        **values: What it shows; it has to be given everything that it names.

    Returns:
        A whole HTML document.
    """
    return _environment().get_template(template).render(values)


def data_uri(body: bytes, content_type: str = "image/jpeg") -> str:
    """An image as an address that holds it."""
    return f"data:{content_type};base64,{base64.b64encode(body).decode('ascii')}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("framesift.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_show_controls,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(text=_isolate, number=_format_number, time=_format_time, web=_web_address)
    return environment


def _show_controls(value: Any) -> Any:
    """Make control characters, and bytes that are not text, visible in every value."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(
        f"\\x{ord(letter):02x}" if unicodedata.category(letter) in ("Cc", "Cs") and letter not in "\n\t" else letter
        for letter in value
    )


def _isolate(text: object) -> Markup:
    """Text from outside: its direction, and characters in it that change directions, end with it."""
    return Markup("<bdi>{}</bdi>").format(_show_controls(str(text)))


def _format_number(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _format_time(at: datetime) -> str:
    """A time in the time zone of the runs' days."""
    return f"{at.astimezone(ZoneInfo(load_settings().run.timezone)):%Y-%m-%d %H:%M %Z}"


def _web_address(url: str) -> str:
    """A web address, or nothing: a link must not be able to run a script."""
    return url if url.startswith(("https://", "http://")) else ""
