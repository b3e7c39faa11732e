"""What a user sets always wins: a run crawls the site that they name, and says that it is no stand-in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from framesift_local.standins.clipsite import ClipSite

DAY = "2026-11-20"
FRAMESIFT = [sys.executable, "-c", "from framesift.cli import main; main()"]
pytestmark = pytest.mark.slow


def test_a_run_crawls_the_site_that_the_user_names(tmp_path: Path) -> None:
    with ClipSite(date=date.fromisoformat(DAY), cache_dir=tmp_path / "covers", clips_per_category=30) as own_site:
        (tmp_path / ".env").write_text(
            f"FRAMESIFT_CRAWL__SITE_URL={own_site.url}\n"
            'FRAMESIFT_CRAWL__PATHS={"dance": "/dance"}\n'
            "FRAMESIFT_CRAWL__SCROLL_PAUSE_S=[0.05, 0.15]\n"
            "FRAMESIFT_DOWNLOAD__ALLOW_LOOPBACK=true\n"
        )
        command = [*FRAMESIFT, "local", "run", "tiktok", "--category", "dance", "--date", DAY]
        ran = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, "COLUMNS": "200"}, capture_output=True, text=True, timeout=300
        )
        bucket = next((tmp_path / ".framesift" / "s3").glob("framesift-*"))
        lines = (bucket / f"runs/tiktok/{DAY}/dance/collected.jsonl").read_text().splitlines()
        own_clips = own_site.truth()
    assert ran.returncode == 0, ran.stderr + ran.stdout
    assert "Real: TikTok." in ran.stdout
    assert "Stand-ins" not in ran.stdout
    assert "re-uploads were found" not in ran.stdout  # Only the stand-in knows the truth.
    assert {json.loads(line)["id"] for line in lines} <= own_clips.keys()
    assert own_site.url in lines[0]
    assert (tmp_path / ".framesift" / "stand-ins.env").read_text() == ""


def test_a_missing_key_is_named_before_anything_starts(tmp_path: Path) -> None:
    command = [*FRAMESIFT, "local", "run", "youtube", "--real", "all"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 65
    assert "FRAMESIFT_YOUTUBE__API_KEY" in ran.stderr
    assert not (tmp_path / ".framesift").exists()
