"""The review queue over HTTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from framesift.contracts import Detection
from framesift.table import Records, Review
from tests.unit.api.conftest import CLAIMS, Answer

Ask = Callable[..., Answer]
ID = "2026-11-20.popular.v1.0"


@pytest.fixture(autouse=True)
def one_review(records: Records) -> None:
    seen = Detection(tag="logo", probability=0.6, left=0.1, top=0.1, width=0.2, height=0.2)
    review = Review(
        id=ID,
        date="2026-11-20",
        category="popular",
        item_id="v1",
        media_key="runs/v1.jpg",
        manifest_key="runs/predicted.jsonl",
        detection=seen,
    )
    records.reviews.request([review], days=1)


def test_a_prediction_is_listed_decided_and_listed_elsewhere(ask: Ask):
    (waiting,) = ask("/v1/reviews", claims=CLAIMS).json["reviews"]
    assert (waiting["id"], waiting["detection"]["tag"]) == (ID, "logo")
    answer = ask(f"/v1/reviews/{ID}", "POST", body={"verdict": "accepted"}, claims=CLAIMS)
    assert (answer.status, answer.json["verdict"]) == (200, "accepted")
    assert answer.json["decided_by"] == CLAIMS.get("sub", "api")
    page = ask("/v1/reviews", claims=CLAIMS).json
    assert (page["reviews"], page["next_cursor"]) == ([], None)
    (accepted,) = ask("/v1/reviews", query={"verdict": "accepted"}, claims=CLAIMS).json["reviews"]
    assert accepted["id"] == ID


BOX = {"tag": "logo", "left": 0.3, "top": 0.2, "width": 0.4, "height": 0.5}


def test_a_correction_is_kept_and_taken_back_with_the_verdict(ask: Ask, records: Records):
    answer = ask(f"/v1/reviews/{ID}", "POST", body={"verdict": "accepted", "correction": BOX}, claims=CLAIMS)
    assert (answer.status, answer.json["correction"]) == (200, BOX)
    assert answer.json["detection"]["left"] == 0.1, "what was predicted stays"
    assert records.reviews.get(ID).region.left == 0.3
    answer = ask(f"/v1/reviews/{ID}", "POST", body={"verdict": "pending"}, claims=CLAIMS)
    assert (answer.json["correction"], answer.json["decided_by"], answer.json["decided_at"]) == (None, None, None)
    assert [each["id"] for each in ask("/v1/reviews", claims=CLAIMS).json["reviews"]] == [ID]


def test_predictions_come_with_their_image_and_the_tags_that_are_trained(ask: Ask):
    page = ask("/v1/reviews", claims=CLAIMS).json
    assert "/runs/v1.jpg?" in page["reviews"][0]["image_url"]
    assert "logo" in page["tags"]


@pytest.mark.parametrize(
    "change",
    [{"tag": "hat"}, {"left": 0.9}, {"width": 0}, {"left": -0.1}, {"height": 0.9}, {"colour": "red"}],
)
def test_a_correction_that_cannot_be_trained_is_refused(ask: Ask, change: dict[str, object]):
    body = {"verdict": "accepted", "correction": BOX | change}
    assert ask(f"/v1/reviews/{ID}", "POST", body=body, claims=CLAIMS).status == 422


def test_only_what_is_accepted_is_corrected(ask: Ask):
    body = {"verdict": "rejected", "correction": BOX}
    assert ask(f"/v1/reviews/{ID}", "POST", body=body, claims=CLAIMS).status == 422


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/reviews/2026-11-20.popular.v9.0", {"verdict": "accepted"}, 404),
        (f"/v1/reviews/{ID}", {"verdict": "perhaps"}, 422),
        (f"/v1/reviews/{ID}", {}, 422),
    ],
)
def test_what_cannot_be_decided_is_refused(ask: Ask, path: str, body: dict[str, str], status: int):
    assert ask(path, "POST", body=body, claims=CLAIMS).status == status


def test_nobody_decides_without_a_token(ask: Ask):
    assert ask(f"/v1/reviews/{ID}", "POST", body={"verdict": "accepted"}).status == 401
    assert ask("/v1/reviews").status == 401


def test_a_long_list_comes_in_pages(ask: Ask, records: Records):
    template = records.reviews.all()[0]
    others = [template.model_copy(update={"id": f"2026-11-21.popular.v{number}.0"}) for number in range(5)]
    records.reviews.request(others, days=1)
    records.reviews.decide(others[1].id, "rejected", by="a person")
    expected = [ID, *(review.id for review in others if review != others[1])]
    pages, cursor = [], ""
    while cursor is not None:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = ask("/v1/reviews", query=query, claims=CLAIMS).json
        pages.append([review["id"] for review in page["reviews"]])
        cursor = page.get("next_cursor")
    assert pages == [expected[:2], expected[2:4], expected[4:]]


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "501"}, {"cursor": "a/b"}])
def test_a_page_of_another_form_is_refused(ask: Ask, query: dict[str, str]):
    assert ask("/v1/reviews", query=query, claims=CLAIMS).status == 422
