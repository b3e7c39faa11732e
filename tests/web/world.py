"""What the page shows in its tests: two days with re-uploads, a wall and hostile titles; predictions to review."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import date as Date  # noqa: N812 - as elsewhere
from datetime import datetime, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

from PIL import Image, ImageDraw

from framesift import keys
from framesift.contracts import Clip, Detection, Duplicate, Language, Media, Run
from framesift.pipeline.tiktok.archive import clip_day
from framesift.pipeline.tiktok.publish import decide_again, publish_clips
from framesift.settings import Settings
from framesift.storage import S3Store, write_manifest
from framesift.table import Failure, Records, Review, RunRecord

SEOUL = ZoneInfo("Asia/Seoul")
CATEGORIES = ("main", "dance", "challenge", "food", "tts")
WALL = "tts"
"""The category that met a captcha today."""
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
TAGS = ("person", "logo", "text")

_WORDS = {
    "main": [
        "아침 출근길 브이로그",
        "비 오는 날 강아지 산책",
        "서울 야경 1분 요약",
        "엄마의 김치 비법",
        "방 정리 전후",
    ],
    "dance": [
        "신곡 포인트 안무 커버",
        "둘이서 맞춘 챌린지 댄스",
        "연습실 원테이크",
        "거울 모드 안무 배우기",
        "운동장 플래시몹",
    ],
    "challenge": [
        "10초 안에 맞히기",
        "젓가락으로 콩 옮기기",
        "눈 감고 그림 그리기",
        "친구 놀래키기 성공",
        "한 발 서기 1분",
    ],
    "food": ["매운 떡볶이 먹방", "편의점 신상 조합", "겉바속촉 치킨", "할머니 손칼국수", "디저트 카페 투어"],
    "tts": ["읽어 주는 오늘의 뉴스", "짧은 괴담 낭독", "역사 한 토막", "속담 풀이", "우주 이야기"],
}
_NAMES = ["김하늘", "이도윤", "박서연", "최지우", "정민준", "한소리"]


def fill(store: S3Store, records: Records, today: Date) -> None:
    """Make everything."""
    settings = Settings(run={"categories": list(CATEGORIES)})
    for day in (today - timedelta(days=1), today):
        _make_day(day, is_today=day == today, settings=settings, store=store, records=records)
    make_reviews(store, records, today)


def draw(seed: int, width: int = 270, height: int = 420) -> bytes:
    """A picture that one can tell from the others."""
    dice = random.Random(seed)
    hue = dice.randrange(360)
    image = Image.new("HSV", (width, height), (hue * 255 // 360, 120, 200)).convert("RGB")
    pen = ImageDraw.Draw(image, "RGBA")
    for _ in range(5):
        x, y, r = dice.randrange(width), dice.randrange(height), dice.randrange(30, 170)
        colour = (dice.randrange(256), dice.randrange(256), dice.randrange(256), 120)
        pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    pen.rectangle((0, height * 3 // 4, width, height), fill=(0, 0, 0, 60))
    data = BytesIO()
    image.save(data, "JPEG", quality=82)
    return data.getvalue()


def _make_day(day: Date, *, is_today: bool, settings: Settings, store: S3Store, records: Records) -> None:
    run = Run(source="tiktok", date=day.isoformat(), attempt=1)
    started = datetime.combine(day, datetime.min.time(), SEOUL)
    record = RunRecord(
        source="tiktok",
        date=run.date,
        status="RUNNING",
        attempt=1,
        execution_arn=f"arn:aws:states:ap-northeast-2:123456789012:execution:pipeline:{run.date}",
        trigger="schedule",
        categories=list(CATEGORIES),
        wanted=list(CATEGORIES),
        started_at=started,
        stand_ins=["tiktok"],
    )
    records.runs.claim(record, None)
    done = [name for name in CATEGORIES if not (is_today and name == WALL)]
    clips: dict[str, list[Clip]] = {}
    for name in done:
        items = list(_clips(run, name, is_today=is_today, store=store))
        write_manifest(store, keys.manifest(run, name, "curated"), items)
        clips[name] = decide_again(run, name, settings, store, records)
        output = json.dumps({"category": name, "items": len(items)})
        for stage in ("collect", "curate"):
            records.stages.end(run, stage, name, output)
        records.items.put_days(clip_day(run, name, item) for item in clips[name])
    records.stages.end(run, "analyze", ".".join(done), "{}")
    publish_clips(run, clips, settings, store, records)
    records.stages.end(run, "publish", ".".join(done), "{}")
    failures = {}
    if is_today:
        store.put(keys.screenshot(run, WALL, "000000"), draw_wall(), "image/png")
        cause = "The site shows a captcha instead of clips; seen: 0 clips, title 'Verify to continue'"
        failures[WALL] = Failure(stage="collect", error="CaptchaShownError", cause=cause)
    counts = {
        name: {
            "seen": len(items) + 4,
            "items": len(items),
            "ranked": sum(1 for item in items if item.decision and item.decision.list_id),
            "dropped": {"duplicate": 3, "language": 2, "below_top": 3},
        }
        for name, items in clips.items()
    }
    counts["analysis"] = {"embedder": "copydetect", "device": "cpu"}
    records.runs.end(record.end(at=started + timedelta(seconds=94), done=done, failures=failures, counts=counts))


def draw_wall() -> bytes:
    """What the crawler saw."""
    image = Image.new("RGB", (960, 600), "#f4f5f7")
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((300, 150, 660, 450), 18, fill="white", outline="#c9ccd4", width=2)
    pen.text((360, 190), "Verify to continue", fill="#16171d", font_size=26)
    pen.rounded_rectangle((340, 250, 620, 370), 10, fill="#dfe3ea")
    pen.rounded_rectangle((340, 395, 620, 425), 15, fill="#4744d4")
    data = BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def _clips(run: Run, category: str, *, is_today: bool, store: S3Store) -> Iterator[Clip]:
    """18 clips: 13 that could be listed, 3 re-uploads, 2 in another language. Most were there yesterday, too."""
    first = 3 if is_today else 0
    dice = random.Random(f"{run.date} {category}")
    kept: list[Clip] = []
    base = 1000 * (CATEGORIES.index(category) + 1)
    for number in range(first, first + 13):
        title = f"{_WORDS[category][number % 5]} #{number // 5 + 1}"
        if category == "main" and number == 4:
            title = HOSTILE
        views = int(4_800_000 * 0.86 ** (number - first) * dice.uniform(0.8, 1.25))
        kept.append(_clip(run, category, base + number, title, views, store=store))
    for number, copied in enumerate(kept[:3]):
        found = Duplicate(
            of=copied.id, method=("sha256", "pdq", "copydetect")[number], score=(1.0, 0.953, 0.874)[number]
        )
        copy = _clip(
            run,
            category,
            base + 500 + number + first,
            f"{copied.title} 다시 올림",
            copied.views // 9,
            store=store,
            picture=int(copied.id[-4:]),
        )
        yield copy.model_copy(update={"duplicate": found})
    for number in range(2):
        clip = _clip(run, category, base + 700 + number + first, "wait for the end of this one", 800_000, store=store)
        language = Language(code="en", confidence=0.97, decided_by="title", provider="offline")
        yield clip.model_copy(update={"language": language})
    yield from kept


def _clip(
    run: Run, category: str, number: int, title: str, views: int, *, store: S3Store, picture: int | None = None
) -> Clip:
    clip_id = f"7300000000000{number}"
    key = keys.media(run, category, clip_id, "jpg")
    data = draw(picture or number)
    store.put(key, data, "image/jpeg")
    author = _NAMES[number % len(_NAMES)]
    return Clip(
        source="tiktok",
        id=clip_id,
        title=title,
        collected_at=datetime.fromisoformat(f"{run.date}T00:01:00+09:00"),
        category=category,
        url=f"https://www.tiktok.com/@user{number}/video/{clip_id}",
        author=f"user{number}",
        author_name=author,
        views=views,
        media=Media(key=key, sha256="0" * 64, content_type="image/jpeg", size_bytes=len(data), width=270, height=420),
        language=Language(code="ko", confidence=0.98, decided_by="title", provider="offline"),
    )


def make_reviews(store: S3Store, records: Records, today: Date, count: int = 6) -> None:
    """Predictions that wait for a person."""
    run = Run(source="youtube", date=today.isoformat(), attempt=1)
    reviews = []
    for number in range(count):
        key = keys.media(run, "popular", f"v{number}", "jpg")
        data = draw(50 + number, 640, 360)
        store.put(key, data, "image/jpeg")
        seen = Detection(
            tag=TAGS[number % 2], probability=0.52 + number * 0.05, left=0.2, top=0.25, width=0.3, height=0.4
        )
        title = HOSTILE if number == 1 else f"오늘의 인기 영상 {number + 1}"
        reviews.append(
            Review(
                id=f"{run.date}.popular.v{number}.0",
                date=run.date,
                category="popular",
                item_id=f"v{number}",
                title=title,
                media_key=key,
                manifest_key=keys.manifest(run, "popular", "predicted"),
                detection=seen,
            )
        )
    records.reviews.request(reviews, days=30)
