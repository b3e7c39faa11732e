"""What is fuzzed: each target takes bytes, and raises only where it has found a defect."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path

from pydantic import ValidationError

from framesift.catalog.export import read_label_studio
from framesift.catalog.imports import read_data_set
from framesift.catalog.query import compile_query, complete_query, parse_query
from framesift.contracts import Clip, StartInput
from framesift.detection.onnx import add_worker as onnx_worker
from framesift.detection.onnx.added import read_detector
from framesift.detection.onnx.protobuf import ProtobufError
from framesift.errors import (
    BadValueError,
    DetectorError,
    InputError,
    LabelFileError,
    MediaError,
    QueryError,
    SettingsError,
)
from framesift.names import safe_id, safe_name, unique_names
from framesift.pipeline.branches import branch_of
from framesift.sandbox import Sandbox, SandboxKilledError
from framesift.settings import Settings, load_settings
from framesift.sources.counts import MAX_COUNT, parse_count
from framesift.sources.tiktok.parse import CrawlContext, list_entries, merge, parse_card, parse_entries
from framesift.sources.untrusted import join_url, read_json, read_list, read_mapping, read_retry_after_s, split_url
from framesift.sources.youtube.feeds import parse_feed
from framesift.sources.youtube.videos import parse_video
from framesift.vision import decode_worker, image_worker
from framesift.vision.image_structure import read_structure

_MAX_PIXELS = 4_000_000  # Larger ones would only make it slow.
_ORIGIN = CrawlContext("dance", "https://www.tiktok.com", datetime(2026, 11, 20, tzinfo=UTC))


@dataclass(frozen=True)
class Target:
    """A parser or decoder.

    Attributes:
        run: Takes bytes; raises if and only if there is a defect.
        seeds: Makes well-formed inputs, which are mutated.
        words: What is put in here and there, beside random bytes.
        slow_s: An input that takes longer is a defect; what starts a process may take a while.
    """

    run: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]]
    words: tuple[bytes, ...] = ()
    slow_s: float = 5.0


def _fuzz_images(data: bytes) -> None:
    with suppress(MediaError):
        structure = read_structure(data, _MAX_PIXELS)
        image_worker.inspect(data, image_format=structure.format, max_pixels=_MAX_PIXELS)
        if structure.format != "BMP":
            image_worker.encode_thumbnail(
                data, image_format=structure.format, max_pixels=_MAX_PIXELS, max_width=90, max_height=90, quality=80
            )


def _fuzz_decode(data: bytes) -> None:
    with suppress(MediaError):
        structure = read_structure(data, _MAX_PIXELS)
        reply = decode_worker.decode(data, image_format=structure.format, max_pixels=_MAX_PIXELS, min_side=64)
        if memoryview(reply.data).nbytes != reply.fields["width"] * reply.fields["height"] * 3:
            raise AssertionError("The pixels do not fill the image.")


def _fuzz_tiktok(data: bytes) -> None:
    with suppress(BadValueError):
        answer = read_json(data)
        items = list(parse_entries(list_entries(answer), _ORIGIN))
        cards = (parse_card(read_mapping(card), _ORIGIN) for card in read_list(read_mapping(answer).get("cards")))
        items += [item for item in cards if item]
        for item, other in zip(items, reversed(items), strict=True):
            _check_item(merge(item, other))


def _fuzz_youtube(data: bytes) -> None:
    with suppress(BadValueError):
        for video in read_list(read_mapping(read_json(data)).get("items")):
            _check_item(parse_video(video, "feed", _ORIGIN.seen_at))


def _check_item(item: Clip) -> None:
    Clip.model_validate_json(item.model_dump_json())
    if item.views > MAX_COUNT or safe_id(item.id) != item.id:
        raise AssertionError(f"{item!r} cannot be kept.")


def _fuzz_counts(data: bytes) -> None:
    count = parse_count(data.decode(errors="surrogateescape"))
    if count is not None and not 0 <= count <= MAX_COUNT:
        raise AssertionError(f"{count} is no count.")


def _fuzz_names(data: bytes) -> None:
    text = data.decode("utf-8", errors="surrogatepass") if _is_text(data) else data.decode("latin-1")
    for name in (safe_id(text), safe_name(text), *unique_names([text, text.upper(), text[::-1]])):
        if not name or "/" in name or "\0" in name or len(name.encode()) > 255 or name in {".", ".."}:
            raise AssertionError(f"{name!r} is no name.")
    if safe_name(safe_name(text)) != safe_name(text):
        raise AssertionError(f"{safe_name(text)!r} does not stay as it is.")


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8", errors="surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _fuzz_headers(data: bytes) -> None:
    text = data.decode("latin-1")
    wait_s = read_retry_after_s(text)
    if wait_s is not None and not wait_s >= 0:
        raise AssertionError(f"{wait_s} is no pause.")
    with suppress(BadValueError):
        split_url(join_url("https://host/a", text))
    with suppress(InputError):
        parse_feed(text)


def _fuzz_onnx(data: bytes) -> None:
    with suppress(ProtobufError):
        onnx_worker.has_external_data(data)
    # In a process of its own, since onnxruntime is not ours to make safe.
    with suppress(DetectorError, SandboxKilledError):
        _onnx_sandbox().call("inspect", data, file_name="fuzzed.onnx", head=None, size=32)


@cache
def _onnx_sandbox() -> Sandbox:
    module = "framesift.detection.onnx.add_worker"
    return Sandbox(module, timeout_s=20, memory_limit_bytes=1 << 30, workers=1)


def _fuzz_export(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".zip") as file, suppress(DetectorError):
        file.write(data)
        file.flush()
        read_detector(Path(file.name), "fuzzed")


def _fuzz_settings(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, suppress(SettingsError):
        path = Path(folder) / ".env"
        path.write_bytes(data)
        before = Settings.model_config["env_file"]
        Settings.model_config["env_file"] = str(path)
        load_settings.cache_clear()
        try:
            load_settings()
        finally:
            Settings.model_config["env_file"] = before
            load_settings.cache_clear()


def _fuzz_start(data: bytes) -> None:
    try:
        fields = read_json(data)
        start = StartInput.model_validate(fields)
    except (BadValueError, ValidationError):
        return
    with suppress(InputError):
        asked = branch_of(start.source).parse(start, Settings())
        if any("/" in scope or "#" in scope for scope in asked.scopes) or "#" in (asked.subject or ""):
            raise AssertionError(f"{asked.scopes!r} leaves its folder.")


def _fuzz_query(data: bytes) -> None:
    text = data.decode("utf-8", errors="surrogatepass") if _is_text(data) else data.decode("latin-1")
    complete_query(text, len(text), {"tag": ["dog", "강아지"], "meta": ["line no"]})
    with suppress(QueryError):
        query = parse_query(text)
        if parse_query(str(query)) != query:
            raise AssertionError(f"{query} does not read as itself.")
        condition = compile_query(query)
        if condition.sql.count("?") != len(condition.parameters):
            raise AssertionError(f"{condition.sql} has not as many marks as parameters.")


def _fuzz_labels(data: bytes) -> None:
    upload = {"labels.json": data, "data.yaml": data, "images/a.jpg": b"", "labels/a.txt": data}
    found = read_data_set(upload, upload.__getitem__)
    if not set(found.images) <= {"images/a.jpg"}:
        raise AssertionError(f"{found.images!r} are no images of the upload.")
    lines = {"data.yaml": b"names: [a]\ntrain: images\n", "images/a.jpg": b"", "labels/a.txt": data}
    read_data_set(lines, lines.__getitem__)
    with suppress(LabelFileError):
        read_label_studio(data)


# --- seeds ---


def _image_seeds() -> list[bytes]:
    from PIL import Image

    seeds = []
    noise = Image.effect_noise((40, 24), 90)
    for name, mode, options in (
        ("JPEG", "RGB", {}),
        ("JPEG", "L", {"progressive": True}),
        ("JPEG", "CMYK", {}),
        ("PNG", "RGBA", {}),
        ("PNG", "P", {}),
        ("PNG", "I;16", {}),
        ("GIF", "P", {}),
        ("WEBP", "RGB", {}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("BMP", "RGB", {}),
        ("TIFF", "RGB", {"compression": "tiff_lzw"}),
        ("TIFF", "I;16", {}),
        ("AVIF", "RGB", {"speed": 10}),
    ):
        exif = Image.Exif()
        exif[0x0112] = 6
        file = BytesIO()
        image = Image.new("I;16", (40, 24), 7) if mode == "I;16" else noise.convert(mode)
        image.save(file, name, **({"exif": exif} if name in {"JPEG", "WEBP"} else {}), **options)
        seeds.append(file.getvalue())
    for name in ("GIF", "WEBP", "PNG"):
        file = BytesIO()
        noise.convert("RGB").save(file, name, save_all=True, append_images=[Image.new("RGB", (40, 24), "red")])
        seeds.append(file.getvalue())
    return seeds


def _tiktok_seeds() -> list[bytes]:
    entry = {
        "id": "7709822134378299587",
        "desc": "댄스 챌린지 #fyp 💃",
        "createTime": 1763625600,
        "author": {"uniqueId": "dance.kim_1", "nickname": "댄스하는 김"},
        "stats": {"playCount": 1_200_000},
        "statsV2": {"playCount": "1234567"},
        "video": {"cover": "https://p16.tiktokcdn.com/a.webp?x=1", "originCover": "https://p16.tiktokcdn.com/b"},
    }
    card = {
        "href": "https://www.tiktok.com/@kim/video/77?is_from_webapp=1#x",
        "views": "1.2M",
        "title": "춤",
        "author_name": "kim",
        "image": "https://p16.tiktokcdn.com/a.webp",
        "alt": "",
    }
    return [_json({"statusCode": 0, "hasMore": True, "itemList": [entry, {**entry, "id": 7}], "cards": [card]})]


def _youtube_seeds() -> list[bytes]:
    thumbnails = {"high": {"url": "https://i.ytimg.com/a.jpg", "width": 480, "height": 360}}
    snippet = {"title": "먹방", "channelId": "UCx", "channelTitle": "kim", "publishedAt": "2026-11-19T08:00:00Z"}
    video = {
        "id": "dQw4w9WgXcQ",
        "snippet": {**snippet, "thumbnails": thumbnails},
        "statistics": {"viewCount": "1234567"},
    }
    return [_json({"items": [video], "nextPageToken": "CDIQAA"})]


def _start_seeds() -> list[bytes]:
    return [
        _json({"source": "tiktok", "date": "2026-11-20", "categories": ["dance"], "force": True}),
        _json({"source": "upload", "collection": "festival"}),
        _json({"source": "upload", "object": {"key": "uploads/festival/a.mp4", "etag": "x", "sequencer": "00"}}),
    ]


@cache
def _onnx_seed() -> bytes:
    """`Conv` on the image, as Custom Vision's compact form; its wire format is written by hand."""

    def field(number: int, value: int | bytes | str) -> bytes:
        if isinstance(value, int):
            return _varint(number << 3) + _varint(value)
        body = value.encode() if isinstance(value, str) else value
        return _varint(number << 3 | 2) + _varint(len(body)) + body

    def value_info(name: str, *sides: int) -> bytes:
        shape = b"".join(field(1, field(1, side)) for side in sides)
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))

    weights = b"".join(field(1, side) for side in (7, 3, 16, 16)) + field(2, 1) + field(8, "w")
    strides = field(1, "strides") + field(8, 16) * 2 + field(20, 7)
    node = field(1, "data") + field(1, "w") + field(2, "model_outputs0") + field(4, "Conv") + field(5, strides)
    graph = field(1, node) + field(2, "g") + field(5, weights + field(9, bytes(4 * 7 * 3 * 16 * 16)))
    graph += field(11, value_info("data", 1, 3, 32, 32)) + field(12, value_info("model_outputs0", 1, 7, 2, 2))
    return field(1, 10) + field(7, graph) + field(8, field(2, 18))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _export_seeds() -> list[bytes]:
    manifest = {
        "DomainType": "ObjectDetection",
        "Platform": "ONNX",
        "ExportedDate": "2026-11-20T03:00:00Z",
        "IterationId": "ba339713-9c60-4cab-b10b-f776628e9dda",
        "ModelFileName": "model.onnx",
        "LabelFileName": "labels.txt",
    }
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("cvexport.manifest", _json(manifest))
        archive.writestr("labels.txt", "person\r\nlogo\r\n")
        archive.writestr("model.onnx", b"none")
    return [file.getvalue()]


def _label_seeds() -> list[bytes]:
    image = {"id": 1, "file_name": "a.jpg", "width": 200, "height": 100}
    box = {"id": 1, "image_id": 1, "category_id": 5, "bbox": [20, 10, 100, 50]}
    value = {"x": 10, "y": 20, "width": 30, "height": 40, "rectanglelabels": ["dog"]}
    result = {"type": "rectanglelabels", "value": value}
    return [
        _json({"images": [image], "annotations": [box], "categories": [{"id": 5, "name": "dog"}]}),
        _json([{"data": {"item": "0" * 32}, "annotations": [{"result": [result]}]}]),
        "names: {0: 개}\npath: .\ntrain: images\nval: [images/*.jpg]\n".encode(),
        b"0 0.5 0.5 1 1\n0 0.1 0.2 0.3 0.2 0.3 0.6\n",
    ]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


_JSON_WORDS = (
    *(b"http://[", b"null", b"-1", b"1e400", b"NaN", b"true", b"[]", b"{}", b"[[[[[[", b'""', b"\\ud83d"),
    *(b"9" * 41, b"9" * 5_000, "조".encode(), b"\xff", b"9999-12-31T23:59:59-12:00", b"../../", b"\\u0000"),
)
_IMAGE_WORDS = (b"\xff\xda", b"\xff\xc4", b"\xff\xff", bytes(4), b"\x7f\xff\xff\xff")
TARGETS: Mapping[str, Target] = {
    "images": Target(_fuzz_images, _image_seeds, _IMAGE_WORDS),
    "decode": Target(_fuzz_decode, _image_seeds, _IMAGE_WORDS),
    "tiktok": Target(_fuzz_tiktok, _tiktok_seeds, _JSON_WORDS),
    "youtube": Target(_fuzz_youtube, _youtube_seeds, _JSON_WORDS),
    "counts": Target(
        _fuzz_counts,
        lambda: [b"1.2M views", "조회수 1억 2,300만회".encode(), b"1,234,567", "１２만".encode()],
        ("조".encode(), "만".encode(), b"9" * 30, b",", b".", b"K", "٣".encode(), "²".encode()),
    ),
    "names": Target(
        _fuzz_names,
        lambda: ["댄스 챌린지 💃.mp4".encode(), b"CON.txt", b"a/../b", "e\u0301\ufe0f".encode()],
        (b"..", b"/", b"\0", b"~2", b"nul", "\u202e".encode(), b"\xed\xa0\xbd"),
    ),
    "headers": Target(
        _fuzz_headers,
        lambda: [b"120", b"Fri, 31 Dec 9999 23:59:59 -1200", b"https://host/a?b#c", b"chart:KR:10"],
        (b"http://[", b"//", b"@", b":99999999", b"-2400", b"\xb2", b"9" * 400),
    ),
    "onnx": Target(_fuzz_onnx, lambda: [_onnx_seed()], (b"\xff\xff\xff\xff\x0f", b"\x70\x01", b"\x6a\x00"), 60.0),
    "export": Target(_fuzz_export, _export_seeds, (*_JSON_WORDS, b"PK\x01\x02", b"\xff\xff\xff\xff"), 60.0),
    "settings": Target(
        _fuzz_settings,
        lambda: [b'FRAMESIFT_RUN__CATEGORIES=["main"]\nFRAMESIFT_CRAWL__TARGET_CLIPS=500\n# x\nexport A="b"\n'],
        (b"FRAMESIFT_CRAWL__PATHS={", b"FRAMESIFT_DOWNLOAD__MAX_PIXELS=", b"${A}", b"'", b"\xff", *_JSON_WORDS),
    ),
    "query": Target(
        _fuzz_query,
        lambda: [
            b'tag:dog AND NOT (tag:blurry OR label:person>0.8) date>=2026-01-01 size<2MB "free words"',
            'meta."라인 1":3..5 -is:blurry name:*.png has:meta.x'.encode(),
        ],
        (b"(", b")", b'"', b"\\", b"*", b"NOT ", b"-", b"meta.", b"..", b"9" * 400, "강".encode(), b"\xed\xa0\xbd"),
    ),
    "labels": Target(
        _fuzz_labels,
        _label_seeds,
        (*_JSON_WORDS, b"&a ", b"*a", b"<<: ", b"../", b"[" * 2_000, b"0 0.5 0.5 1 1\n", b"nan"),
    ),
    "start": Target(_fuzz_start, _start_seeds, _JSON_WORDS),
}
