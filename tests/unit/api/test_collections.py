"""What people see of collections and items, and what becomes of their changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from framesift import aws
from framesift.catalog.deletion import continue_deletions
from framesift.catalog.log import CatalogLog
from framesift.contracts import Annotation, Box
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Profile, Records, Share
from framesift.table.shares import share_id
from tests.conftest import BUCKET, TABLE
from tests.unit.api.conftest import Answer
from tests.unit.api.people import NOW, OUR_ITEM, OUR_TOKEN, World, an_item, ask_as
from tests.unit.catalog.whole_store import find_text

PLAIN = "c" * 32


@pytest.fixture
def world(store: S3Store, records: Records, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    """Two items in our collection."""
    monkeypatch.setenv("FRAMESIFT_PLATFORM__BUCKET", BUCKET)
    monkeypatch.setenv("FRAMESIFT_PLATFORM__TABLE", TABLE)
    monkeypatch.setenv("FRAMESIFT_API__CLIENT_REQUESTS_PER_MINUTE", "0")
    monkeypatch.setenv("FRAMESIFT_CATALOG__CACHE_DIR", str(tmp_path))
    load_settings.cache_clear()
    made = World(store, records).make()
    CatalogLog(made.ours, store, records).add_items([an_item(PLAIN, made.ours)], made.users["owner"])
    return made


@pytest.fixture
def ask(world: World) -> Callable[..., Answer]:
    """Ask as somebody, below our collection."""

    def ask(who: str | None, method: str, path: str = "", **parts: Any) -> Answer:
        if "if_match" in parts:
            parts["headers"] = {"if-match": parts.pop("if_match")}
        return ask_as(world.users.get(who or "", who), method, f"/v1/collections/{world.ours}{path}", **parts)

    return ask


def ids(answer: Answer) -> list[str]:
    return sorted(item["id"] for item in answer.json["items"])


# --- items ---


@pytest.mark.parametrize("label", ["a\0b", "\x1b[31m", "", "x" * 101])
def test_a_label_is_as_a_file_of_labels_may_have_it(ask: Any, label: str) -> None:
    answer = ask("editor", "PATCH", f"/items/{PLAIN}", body={"annotations": [{"label": label}]}, if_match="*")
    assert answer.status == 422
    assert "label" in answer.json["detail"]
    kept = ask("editor", "PATCH", f"/items/{PLAIN}", body={"annotations": [{"label": "  two  words "}]}, if_match="*")
    assert kept.json["annotations"][0]["label"] == "two words"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", f"/items/{PLAIN}", {"metadata": {"a": "\ud800"}}),
        ("PATCH", f"/items/{PLAIN}", {"annotations": [{"label": "\ud800"}]}),
        ("PATCH", f"/items/{PLAIN}", {"\ud800": 1}),
        ("POST", "/metadata", {"values": {"\ud800": {"a": 1}}}),
        ("POST", "/metadata", {"values": {PLAIN: {"a": "\ud800"}}}),
        ("POST", "/exports", {"format": "coco", "options": {"classes": ["\ud800"]}}),
    ],
)
def test_half_of_a_character_is_refused_by_an_answer_that_can_be_sent(
    ask: Any, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = ask("owner", method, path, body=body, if_match="*")
    assert (answer.status, bool(answer.body.encode())) == (422, True)
    if "metadata" in body:  # Of other fields the form is checked first, which finds it, too.
        assert answer.json["type"] == "urn:framesift:problem:half-character"


def test_a_page_of_large_items_fits_into_an_answer(world: World, ask: Any) -> None:
    log = CatalogLog(world.ours, world.store, world.records)
    large = [
        Annotation(label=f"{number:04d}" + "가" * 96, by="k" * 40, box=Box(left=0, top=0, width=1, height=1))
        for number in range(5_000)
    ]
    log.set_annotations(dict.fromkeys((OUR_ITEM, PLAIN), large), "kim")
    first = ask("editor", "GET", "/items", query={"limit": "200"})
    assert first.status == 200, first.body
    assert (len(first.json["items"]), len(first.body.encode()) < 5_000_000) == (1, True)
    rest = ask("editor", "GET", "/items", query={"limit": "200", "cursor": first.json["next_cursor"]})
    assert sorted([*ids(first), *ids(rest)]) == [OUR_ITEM, PLAIN]


def test_an_item_that_names_its_viewers_is_seen_by_them_and_by_editors(world: World, ask: Any) -> None:
    named = {"viewers": [world.users["stranger"]]}
    assert ask("editor", "PATCH", f"/items/{OUR_ITEM}", body=named, if_match="*").status == 403
    assert ask("owner", "PATCH", f"/items/{OUR_ITEM}", body=named, if_match="*").json["viewers"] == named["viewers"]

    assert ids(ask("viewer", "GET", "/items")) == [PLAIN]
    assert ids(ask("editor", "GET", "/items")) == [OUR_ITEM, PLAIN]
    assert ask("viewer", "GET", f"/items/{OUR_ITEM}").status == 404
    assert ask("viewer", "GET", "/count").json == {"count": 1}
    # Named, but no member: this item, and nothing else.
    seen = ask("stranger", "GET", f"/items/{OUR_ITEM}")
    assert (seen.status, seen.json["viewers"]) == (200, None)
    assert ask("stranger", "GET", f"/items/{OUR_ITEM}/media").status == 302
    assert ask("stranger", "GET", f"/items/{PLAIN}").status == 404
    assert ask("stranger", "GET", "/items").status == 404
    assert ids(ask_as(None, "GET", f"/v1/shared/{OUR_TOKEN}/items")) == [PLAIN]

    ask("owner", "PATCH", f"/items/{OUR_ITEM}", body={"everybody": True}, if_match="*")
    assert ids(ask("viewer", "GET", "/items")) == [OUR_ITEM, PLAIN]
    assert ask("stranger", "GET", f"/items/{OUR_ITEM}").status == 404


def test_of_two_who_change_an_item_at_once_one_is_told_to_read_it_again(ask: Any) -> None:
    etag = ask("editor", "GET", f"/items/{OUR_ITEM}").headers["etag"]
    first = ask("editor", "PATCH", f"/items/{OUR_ITEM}", body={"metadata": {"line": 3}}, if_match=etag)
    second = ask("owner", "PATCH", f"/items/{OUR_ITEM}", body={"metadata": {"line": 4}}, if_match=etag)

    assert (first.status, first.json["metadata"]) == (200, {"line": 3.0})
    assert (second.status, second.json["type"]) == (412, "urn:framesift:problem:item-changed")
    again = ask("owner", "PATCH", f"/items/{OUR_ITEM}", body={"metadata": {"line": 4}}, if_match=first.headers["etag"])
    assert again.json["metadata"] == {"line": 4.0}


@pytest.mark.parametrize(
    ("if_match", "status"),
    [("", 428), ('"x"', 412), ("W/", 412), ('"' + "9" * 40 + '"', 412), ('"0"', 412), ("*", 200)],
)
def test_whoever_changes_says_what_was_read(ask: Any, if_match: str, status: int) -> None:
    change = {"tags": {"add": ["dent"]}}
    assert ask("editor", "PATCH", f"/items/{OUR_ITEM}", body=change, if_match=if_match).status == status


@pytest.mark.parametrize("body", [{}, {"metadata": {}, "viewers": []}, {"sha256": "0"}, {"everybody": False}])
def test_an_item_is_changed_in_one_way_at_a_time(ask: Any, body: Any) -> None:
    assert ask("owner", "PATCH", f"/items/{OUR_ITEM}", body=body, if_match="*").status == 422


def test_whoever_annotates_is_named(world: World, ask: Any) -> None:
    said = {"annotations": [{"label": "dent", "by": "somebody else"}]}
    changed = ask("editor", "PATCH", f"/items/{OUR_ITEM}", body=said, if_match="*").json
    assert changed["annotations"][0]["by"] == world.users["editor"]


def test_a_history_says_who_changed_what(world: World, ask: Any) -> None:
    ask("editor", "PATCH", f"/items/{OUR_ITEM}", body={"tags": {"add": ["dent"]}}, if_match="*")
    history = ask("editor", "GET", f"/items/{OUR_ITEM}/history").json
    assert [(entry["kind"], entry["by"]) for entry in history["changes"]] == [
        ("add_items", world.users["owner"]),
        ("set_tags", world.users["editor"]),
    ]
    assert history["changes"][1]["says"] == {"add": ["dent"], "remove": []}


def test_originals_which_may_say_where_they_were_taken_are_for_owners(world: World, ask: Any) -> None:
    where = ask("owner", "GET", f"/items/{OUR_ITEM}/media", query={"size": "original"}).headers["location"]
    assert f"/originals/{OUR_ITEM}.png" in where
    assert int(parse_qs(urlsplit(where).query)["X-Amz-Expires"][0]) == load_settings().api.media_url_s
    assert ask("editor", "GET", f"/items/{OUR_ITEM}/media", query={"size": "original"}).status == 403
    assert (
        ask_as(None, "GET", f"/v1/shared/{OUR_TOKEN}/items/{OUR_ITEM}/media", query={"size": "original"}).status == 422
    )


def test_pages_go_on_where_the_last_one_ended(ask: Any) -> None:
    first = ask("viewer", "GET", "/items", query={"sort": "id", "limit": "1"}).json
    second = ask("viewer", "GET", "/items", query={"sort": "id", "limit": "1", "cursor": first["next_cursor"]}).json
    assert [page["items"][0]["id"] for page in (first, second)] == [OUR_ITEM, PLAIN]
    assert second["next_cursor"] is None
    other = {"sort": "-id", "cursor": first["next_cursor"]}
    assert ask("viewer", "GET", "/items", query=other).json["type"] == "urn:framesift:problem:invalid-cursor"


def test_a_query_that_cannot_be_understood_says_where(ask: Any) -> None:
    refused = ask("viewer", "GET", "/items", query={"query": "tag:dog AND ("})
    assert (refused.status, refused.json["column"]) == (422, 14)
    assert refused.json["expected"]


def test_a_deleted_item_is_gone_at_once(ask: Any) -> None:
    assert ask("editor", "DELETE", f"/items/{OUR_ITEM}", if_match="*").status == 200
    assert ask("editor", "GET", f"/items/{OUR_ITEM}").status == 404


# --- many at once ---


def test_tags_of_all_that_a_query_finds_are_one_change_that_is_seen_at_once(ask: Any) -> None:
    made = ask("editor", "POST", "/tags", body={"add": ["찌그러짐"], "query": "width>=640"}).json
    assert made["items"] == 2
    assert ask("viewer", "GET", "/tags").json["tags"] == [{"value": "찌그러짐", "count": 2}]
    assert ask("viewer", "GET", "/count", query={"query": "tag:찌그러짐"}).json == {"count": 2}
    assert ask("editor", "POST", "/tags", body={"add": ["a"], "query": "tag:nothing"}).json == {
        "number": None, "items": 0,
    }  # fmt: skip


def test_items_of_a_list_or_a_query_are_deleted_as_one_change(ask: Any) -> None:
    missing = "f" * 32
    assert ask("editor", "POST", "/deletions", body={"ids": [missing]}).json == {"number": None, "items": 0}
    made = ask("editor", "POST", "/deletions", body={"ids": [OUR_ITEM, missing]}).json
    assert made["items"] == 1
    assert ask("editor", "GET", f"/items/{OUR_ITEM}").status == 404
    assert ask("editor", "POST", "/deletions", body={"query": "tag:nothing"}).json["items"] == 0
    left = ask("viewer", "GET", "/count").json["count"]
    assert ask("editor", "POST", "/deletions", body={"query": "width>=1"}).json["items"] == left > 0
    assert ask("viewer", "GET", "/count").json == {"count": 0}
    assert ask("editor", "POST", "/deletions", body={"query": ""}).status == 422, "an empty query never means all"
    assert ask("editor", "POST", "/deletions", body={}).status == 422


def test_fields_come_by_a_table_of_names_or_ids(ask: Any) -> None:
    table = f"name,line,ok\n{'a' * 4}.png,3,true\nmissing.png,4,false\n"
    made = ask("editor", "POST", "/metadata", body={"csv": table}).json
    assert made == {
        "items": 1,
        "unknown": [],
        "refused": [{"line": 3, "reason": "No item has the name 'missing.png'."}],
    }
    lines = f'{{"id": "{PLAIN}", "line": "왼쪽"}}\n'
    assert ask("editor", "POST", "/metadata", body={"jsonl": lines}).json["items"] == 1
    assert ask("viewer", "GET", f"/items/{OUR_ITEM}").json["metadata"] == {"line": 3.0, "ok": True}
    facets = ask("viewer", "GET", "/facets", query={"kinds": "metadata:line"}).json["facets"]
    assert {each["value"] for each in facets["metadata:line"]} == {"3", "왼쪽"}


@pytest.mark.parametrize(
    ("body", "line", "says"),
    [
        ({"csv": "name,line\na,3,4\n"}, 2, "3 cells"),
        ({"csv": 'name,line\na,"b\n'}, 2, "unexpected end"),
        ({"jsonl": '{"name": "a", "x": [1]}'}, 1, "'x'"),
        ({"jsonl": "{"}, 1, "not JSON"),
        ({"jsonl": '{"line": 1}'}, 1, "names no item"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_costs_no_other(ask: Any, body: Any, line: int, says: str) -> None:
    more = {form: f'{text}\n{{"id": "{PLAIN}", "line": 1}}' for form, text in body.items() if form == "jsonl"}
    made = ask("editor", "POST", "/metadata", body=body | more).json
    assert made["items"] == len(more)
    (refused,) = made["refused"]
    assert refused["line"] == line
    assert says in refused["reason"]


def test_a_table_that_names_no_items_is_refused(ask: Any) -> None:
    refused = ask("editor", "POST", "/metadata", body={"csv": "line\n3\n"})
    assert refused.status == 422
    assert "`id` nor a column `name`" in refused.json["detail"]


def test_fields_of_an_item_that_is_none_are_said(ask: Any) -> None:
    values = {"0" * 32: {"line": 3}, "\u00e9": {}, OUR_ITEM: {"line": 4}}
    made = ask("editor", "POST", "/metadata", body={"values": values}).json
    assert made == {"items": 1, "unknown": ["0" * 32, "\u00e9"], "refused": []}


def test_a_saved_query_is_understood_first(world: World, ask: Any) -> None:
    assert ask("editor", "PUT", "/queries/dents", body={"query": "tag:("}).status == 422
    assert ask("editor", "PUT", "/queries/dents", body={"query": "tag:dent"}).status == 200
    assert [each["name"] for each in ask("viewer", "GET", "/queries").json["queries"]] == ["dents"]


def test_a_query_is_completed_by_what_the_collection_has(ask: Any) -> None:
    ask("editor", "POST", "/tags", body={"add": ["찌그러짐"], "query": ""})
    ask("editor", "POST", "/metadata", body={"values": {OUR_ITEM: {"line": "left"}}})

    def suggested(query: str, **more: str) -> list[str]:
        found = ask("viewer", "GET", "/complete", query={"query": query, **more})
        return [each["text"] for each in found.json["suggestions"]]

    assert suggested("tag:찌") == ["찌그러짐"]
    assert suggested("meta.line:l") == ["left"]
    assert suggested("wid width>3", cursor="3")[0].startswith("width")


# --- idempotency, sizes ---


def test_a_request_with_a_key_is_carried_out_once(ask: Any) -> None:
    key = {"idempotency-key": "one"}
    first = ask("editor", "POST", "/tags", body={"add": ["dent"], "ids": [OUR_ITEM]}, headers=key)
    ask("editor", "PATCH", f"/items/{OUR_ITEM}", body={"tags": {"remove": ["dent"]}}, if_match="*")
    second = ask("editor", "POST", "/tags", body={"add": ["dent"], "ids": [OUR_ITEM]}, headers=key)

    assert (second.status, second.json) == (first.status, first.json)
    assert ask("viewer", "GET", "/tags").json["tags"] == []
    reused = ask("editor", "POST", "/tags", body={"add": ["other"], "ids": [OUR_ITEM]}, headers=key)
    assert (reused.status, reused.json["type"]) == (409, "urn:framesift:problem:request-reused")
    # Another user's key is another key.
    assert ask("owner", "POST", "/tags", body={"add": ["other"], "ids": [OUR_ITEM]}, headers=key).status == 200


def test_a_request_that_failed_is_carried_out_with_the_same_key(world: World) -> None:
    key = {"idempotency-key": "one"}
    body = {"id": world.ours}
    user = world.users["stranger"]
    assert ask_as(user, "POST", "/v1/collections", body=body, headers=key).status == 409
    assert ask_as(user, "POST", "/v1/collections", body={"id": "mine"}, headers=key).status == 201


def test_a_request_that_is_being_carried_out_is_not_begun_again(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    key = {"idempotency-key": "one"}
    inner: list[Answer] = []
    set_tags = CatalogLog.set_tags

    def ask_meanwhile(self: CatalogLog, *args: Any, **options: Any) -> Any:
        if not inner:
            inner.append(ask("editor", "POST", "/tags", body={"add": ["dent"], "ids": [OUR_ITEM]}, headers=key))
        return set_tags(self, *args, **options)

    monkeypatch.setattr(CatalogLog, "set_tags", ask_meanwhile)
    ask("editor", "POST", "/tags", body={"add": ["dent"], "ids": [OUR_ITEM]}, headers=key)
    assert (inner[0].status, inner[0].json["type"]) == (409, "urn:framesift:problem:request-running")


def test_a_key_that_is_too_long_is_refused(ask: Any) -> None:
    headers = {"idempotency-key": "k" * 201}
    assert ask("editor", "POST", "/tags", body={"add": ["a"], "query": ""}, headers=headers).status == 422


def test_a_body_that_is_too_large_is_refused_before_it_is_read(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMESIFT_API__MAX_BODY_BYTES", "1000")
    load_settings.cache_clear()
    refused = ask("editor", "POST", "/metadata", body={"csv": "x" * 1000})
    assert (refused.status, refused.json["type"]) == (413, "urn:framesift:problem:request-too-large")


# --- who sees which collection ---


def collections_of(user: str) -> dict[str, str]:
    found = ask_as(user, "GET", "/v1/collections").json["collections"]
    return {each["collection"]["id"]: each["role"] for each in found}


def test_each_finds_the_collections_that_they_may_see(world: World, ask: Any) -> None:
    assert collections_of(world.users["viewer"]) == {world.ours: "viewer"}
    assert collections_of(world.users["newcomer"]) == {}
    about = ask("owner", "GET")
    public = ask("owner", "PATCH", body={"visibility": "public"}, if_match=about.headers["etag"])
    assert collections_of(world.users["newcomer"]) == {world.ours: "viewer"}

    private = ask("owner", "PATCH", body={"visibility": "private"}, if_match=about.headers["etag"])
    assert private.status == 412
    ask("owner", "PATCH", body={"visibility": "private"}, if_match=public.headers["etag"])
    assert collections_of(world.users["newcomer"]) == {}


def test_pages_of_collections(world: World) -> None:
    user = world.users["owner"]
    for name in ("b", "a"):
        assert ask_as(user, "POST", "/v1/collections", body={"id": name}).status == 201
    first = ask_as(user, "GET", "/v1/collections", query={"limit": "2"}).json
    second = ask_as(user, "GET", "/v1/collections", query={"limit": "2", "cursor": first["next_cursor"]}).json
    found = [each["collection"]["id"] for page in (first, second) for each in page["collections"]]
    assert (found, second["next_cursor"]) == (["a", "b", world.ours], None)


def test_a_department_sees_what_is_shared_with_it(world: World, ask: Any) -> None:
    stranger = world.users["stranger"]
    ask("owner", "PATCH", body={"visibility": "department", "department": "Casting"}, if_match="*")
    assert ask("stranger", "GET").status == 404
    me = ask_as(stranger, "GET", "/v1/me")
    ask_as(stranger, "PATCH", "/v1/me", body={"department": "casting"}, headers={"if-match": me.headers["etag"]})
    assert ask("stranger", "GET").json["role"] == "viewer"
    assert world.ours in collections_of(stranger)


def test_where_people_are_approved_a_department_is_too(world: World, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMESIFT_PEOPLE__APPROVAL_REQUIRED", "true")
    load_settings.cache_clear()
    stranger, admin = world.users["stranger"], world.users["admin"]
    ask("owner", "PATCH", body={"visibility": "department", "department": "Casting"}, if_match="*")
    ask_as(stranger, "PATCH", "/v1/me", body={"department": "Casting"}, headers={"if-match": "*"})
    assert ask("stranger", "GET").status == 404

    assert ask_as(admin, "PUT", f"/v1/people/{stranger}/approval").json["approved_department"] == "Casting"
    assert ask("stranger", "GET").status == 200
    ask_as(admin, "DELETE", f"/v1/people/{stranger}/approval")
    refused = ask("stranger", "GET")
    assert (refused.status, refused.json["type"]) == (403, "urn:framesift:problem:not-approved")
    assert "www-authenticate" not in refused.headers


def test_what_belongs_to_nobody_is_the_administrators(world: World) -> None:
    world.records.collections.ensure("dropped in")
    assert collections_of(world.users["admin"])["dropped in"] == "owner"
    assert ask_as(world.users["owner"], "GET", "/v1/collections/dropped in").status == 404


def test_a_collection_that_is_being_deleted_says_so_to_those_who_knew_it(world: World, ask: Any) -> None:
    about = world.records.collections.get(world.ours)
    world.records.collections.put(about.model_copy(update={"deleting": True}))
    assert ask("viewer", "GET", "/items").status == 410
    assert ask("stranger", "GET", "/items").status == 404
    assert collections_of(world.users["owner"]) == {}
    assert ask_as(None, "GET", f"/v1/shared/{OUR_TOKEN}").status == 404


@pytest.mark.parametrize("name", ["../other", "a#b", " a", "CON"])
def test_an_id_that_cannot_be_a_folder_is_refused(world: World, name: str) -> None:
    assert ask_as(world.users["owner"], "POST", "/v1/collections", body={"id": name}).status == 422


# --- members and links ---


def test_a_member_can_leave_and_only_owners_send_others_away(world: World, ask: Any) -> None:
    viewer, editor = world.users["viewer"], world.users["editor"]
    assert ask("viewer", "DELETE", f"/members/{editor}").status == 403
    assert ask("viewer", "DELETE", f"/members/{viewer}").status == 200
    assert ask("viewer", "GET").status == 404
    last = ask("owner", "DELETE", f"/members/{world.users['owner']}")
    assert (last.status, last.json["type"]) == (409, "urn:framesift:problem:last-owner")
    own = {"user": world.users["owner"], "role": "viewer"}
    assert ask("owner", "POST", "/members", body=own).status == 409


def test_only_somebody_who_has_logged_in_becomes_a_member(world: World, ask: Any) -> None:
    nobody = ask("owner", "POST", "/members", body={"email": "nobody@example.com", "role": "viewer"})
    assert (nobody.status, nobody.json["type"]) == (404, "urn:framesift:problem:person-missing")
    assert ask("owner", "POST", "/members", body={"role": "viewer"}).status == 422
    email = f"{world.users['stranger']}@example.com".upper()
    assert ask("owner", "POST", "/members", body={"email": email, "role": "editor"}).status == 200
    assert ask("stranger", "GET").json["role"] == "editor"


def test_a_link_opens_one_item_until_it_is_revoked_or_expires(world: World, ask: Any) -> None:
    made = ask("owner", "POST", "/shares", body={"item": PLAIN, "days": 365}).json
    token, share = made["token"], made["share"]
    lasts = datetime.fromisoformat(share["expires_at"]) - datetime.now(UTC)
    assert lasts < timedelta(days=load_settings().people.share_days + 1)
    assert ids(ask_as(None, "GET", f"/v1/shared/{token}/items")) == [PLAIN]
    assert ask_as(None, "GET", f"/v1/shared/{token}/items/{OUR_ITEM}").status == 404
    assert ask_as(None, "GET", f"/v1/shared/{token}/items/{OUR_ITEM}/media").status == 404
    assert ask("owner", "POST", "/shares", body={"item": "d" * 32}).status == 404

    assert ask("owner", "DELETE", f"/shares/{share['id']}").status == 200
    assert ask_as(None, "GET", f"/v1/shared/{token}").json["type"] == "urn:framesift:problem:share-missing"
    expired = "old-token-" + "x" * 20
    old = Share(id=share_id(expired), collection=world.ours, created_at=NOW, expires_at=NOW - timedelta(seconds=1))
    world.records.shares.create(old)
    assert ask_as(None, "GET", f"/v1/shared/{expired}").status == 404
    assert old.id not in [each["id"] for each in ask("owner", "GET", "/shares").json["shares"]]


def test_a_links_token_is_kept_nowhere(world: World, ask: Any) -> None:
    token = ask("owner", "POST", "/shares", body={}, headers={"idempotency-key": "one"}).json["token"]
    kept = aws.dynamodb().scan(TableName=TABLE)["Items"]
    assert token not in str(kept)


# --- me ---


@pytest.fixture
def user(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """Somebody who has signed up, and asks for the first time."""
    cognito = aws.cognito()
    pool = cognito.create_user_pool(PoolName="people", UsernameAttributes=["email"])["UserPool"]["Id"]
    monkeypatch.setenv("FRAMESIFT_PLATFORM__USER_POOL", pool)
    load_settings.cache_clear()
    return str(cognito.admin_create_user(UserPoolId=pool, Username="lee@example.com")["User"]["Username"])


def test_a_profile_begins_with_the_verified_address(user: str) -> None:
    me = ask_as(user, "GET", "/v1/me")
    assert (me.json["profile"]["email"], me.json["is_approved"], me.headers["etag"]) == ("lee@example.com", True, '"1"')
    change = {"name": "Lee", "duty": "Inspector", "place": "Hall 3"}
    assert ask_as(user, "PATCH", "/v1/me", body=change).status == 428
    changed = ask_as(user, "PATCH", "/v1/me", body=change, headers={"if-match": '"1"'})
    assert changed.json["profile"] | change == changed.json["profile"]
    assert ask_as(user, "PATCH", "/v1/me", body=change, headers={"if-match": '"1"'}).status == 412
    assert ask_as(user, "PATCH", "/v1/me", body={"approved": True}, headers={"if-match": "*"}).status == 422


def test_a_deleted_account_leaves_nothing_but_collections_of_other_owners(user: str, world: World, ask: Any) -> None:
    ask_as(user, "GET", "/v1/me")
    ask("owner", "POST", "/members", body={"user": user, "role": "owner"})
    for name in ("shared", "unshared"):
        assert ask_as(user, "POST", "/v1/collections", body={"id": name}).status == 201
    viewer, member = world.users["viewer"], "/v1/collections/shared/members"
    ask_as(user, "POST", member, body={"user": viewer, "role": "viewer"})
    refused = ask_as(user, "DELETE", "/v1/me")
    assert (refused.status, refused.json["detail"].split(",")[0]) == (409, "Others share shared")
    ask_as(user, "POST", member, body={"user": viewer, "role": "owner"})

    assert ask_as(user, "DELETE", "/v1/me").status == 202

    assert world.records.collections.get("shared").owner == viewer
    assert collections_of(viewer)["shared"] == "owner"
    assert world.records.people.get(user) is None
    assert continue_deletions(world.store, world.records)
    assert world.records.collections.find("unshared") is None
    # The access token still has some time to live.
    late = ask_as(user, "POST", "/v1/collections", body={"id": "late"})
    assert late.json["type"] == "urn:framesift:problem:person-missing"
    assert find_text(world.store, world.records, user) == []
    assert find_text(world.store, world.records, "lee@") == []
    pool = load_settings().platform.user_pool
    assert aws.cognito().list_users(UserPoolId=pool)["Users"] == []
    assert ask_as(user, "GET", "/v1/me").json["type"] == "urn:framesift:problem:person-missing"


def test_people_are_listed_page_by_page(world: World) -> None:
    admin = world.users["admin"]
    found: list[Profile] = []
    cursor: str | None = ""
    while cursor is not None:
        page = ask_as(admin, "GET", "/v1/people", query={"limit": "4", "cursor": cursor}).json
        found += [Profile.model_validate(each) for each in page["people"]]
        cursor = page["next_cursor"]
    assert [each.user for each in found] == sorted(world.users.values())
    missing = ask_as(admin, "PUT", "/v1/people/nobody/approval")
    assert missing.json["type"] == "urn:framesift:problem:person-missing"


# --- operators' routes, where anybody may sign up ---


def test_where_anybody_signs_up_runs_are_for_administrators(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from framesift.api.app import app
    from tests.unit.api.conftest import CLAIMS, CONTEXT, an_event

    def status(groups: str) -> int:
        claims = CLAIMS | {"sub": "kim", "cognito:groups": groups}
        return int(app.resolve(an_event("GET", "/v1/runs", claims=claims), CONTEXT)["statusCode"])

    assert status("[]") == 200
    monkeypatch.setenv("FRAMESIFT_PEOPLE__SIGN_UP", "true")
    load_settings.cache_clear()
    assert (status("[]"), status("[administrators]"), status("[curators admin]")) == (403, 403, 200)
