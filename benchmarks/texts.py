"""Parsing, language and rank of 10,000 clips: ours, and asking a language model for every title, one at a time.

    python -m benchmarks.texts [--clips 10000] [--rounds 3]

The clips are the clip site's, as its JSON. Writes `benchmarks/results/texts.md`.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lingua import LanguageDetectorBuilder

from benchmarks.rounds import interleaved, machine, report, table
from framesift.contracts import Clip
from framesift.language import make_decider
from framesift.pipeline.tiktok.rank import rank
from framesift.settings import Settings
from framesift.sources.tiktok.parse import Origin, parse_entries
from framesift_local.standins.clipsite import ClipSite
from framesift_local.standins.clipsite.answers import item_list

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
ORIGIN = Origin("dance", "http://127.0.0.1", NOW)
# The plain way is timed on fewer clips: it takes half a minute for all.
PLAIN_SHARE = 0.1


def entries(count: int) -> list[dict[str, Any]]:
    """Clips of several days as the site's JSON gives them."""
    found: list[dict[str, Any]] = []
    day = NOW.date()
    while len(found) < count:
        site = ClipSite(date=day, cache_dir=Path(), clips_per_category=1000)
        shown = site.catalogue()
        for category, feed in shown.feeds.items():
            found += item_list(shown, category, 0, len(feed), ORIGIN.site_url)["itemList"]
        day -= dt.timedelta(days=9)
    return found[:count]


def parse(found: Sequence[dict[str, Any]]) -> list[Clip]:
    """JSON to items."""
    return list(parse_entries(list(found), ORIGIN))


def ours(found: Sequence[dict[str, Any]], settings: Settings) -> list[Clip]:
    """Parse, decide, rank."""
    decided = make_decider(settings.language)(parse(found)).items
    return rank(decided, category="dance", top=10, keep_language="ko", taken_down={})


def main() -> None:
    """Run the comparison and write its report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    found, settings = entries(arguments.clips), Settings()
    few = found[: int(len(found) * PLAIN_SHARE)]
    detector = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models().build()

    def plain() -> None:
        items = parse(few)
        korean = [item for item in items if detector.detect_language_of(item.title or item.author_name)]
        sorted(korean, key=lambda item: -item.views)

    seconds = interleaved({"ours": lambda: ours(found, settings), "plain": plain}, arguments.rounds)
    whole = seconds["plain"] / PLAIN_SHARE
    rows = [
        ["plain: lingua with all its languages, a title at a time", f"{whole:.2f} (from {len(few):,})", "1"],
        ["framesift: parse, language, rank", f"{seconds['ours']:.2f}", f"{whole / seconds['ours']:.0f}"],
    ]
    report(
        "texts",
        [
            f"# Parsing, language and rank of {len(found):,} clips",
            "",
            *table(["way", "seconds", "times as fast"], rows),
            "",
            *machine(["lingua-language-detector", "pydantic"]),
        ],
    )


if __name__ == "__main__":
    main()
