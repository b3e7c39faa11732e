"""The page in a real Chromium, as a person uses it."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from framesift_local.page_build import WEB
from tests.waiting import wait_until
from tests.web.conftest import PICTURES, Person, Site
from tests.web.looks import LOOKS, check_look
from tests.web.world import HOSTILE

FIRST_VIEW_BYTES = 250_000
DANCE = "73000000000002004"
expect.set_options(timeout=30_000)
# Each takes up what the ones before have left: a machine takes half a minute to start.
pytestmark = pytest.mark.slow


def test_a_person_signs_up_and_stays_logged_in_until_they_log_out(visitor: Callable[..., Person], login: Any) -> None:
    person = visitor()
    page = person.sign_up("second@example.com")
    kept = page.evaluate("[JSON.stringify({...localStorage}), JSON.stringify({...sessionStorage}), document.cookie]")
    assert not re.search(r"eyJ|token|verifier", " ".join(kept)), "a script of others finds no token"
    page.reload()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    other = person.context.new_page()
    other.goto(f"{person.site.url}/day")
    expect(other.get_by_role("button", name="Log out")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("Log in to see this")).to_be_visible()
    expect(other.get_by_role("button", name="Log in")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Log in to see this")).to_be_visible()
    # Whoever is not an administrator is told so, in the API's words.
    person.log_in("second@example.com")
    expect(page.get_by_role("alert")).to_contain_text("This is for administrators")
    person.complaints = [each for each in person.complaints if "403" not in each]


def test_the_lists_are_for_everybody_and_say_how_they_moved(visitor: Callable[..., Person]) -> None:
    page = visitor().go("/")
    page.wait_for_url("**/day")
    for name in ("Popular", "Dance", "Challenge", "Food", "TTS"):
        expect(page.get_by_role("region", name=name).get_by_role("listitem")).to_have_count(10)
    expect(page.get_by_role("region", name="TTS")).to_contain_text("Still the list of")
    dance = page.get_by_role("region", name="Dance")
    expect(dance.get_by_text(re.compile(r"up \d+, from \d+")).first).to_be_attached()
    assert dance.locator("img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    page.get_by_role("button", name="The day before").click()
    expect(page.get_by_role("region", name="TTS").get_by_text("new").first).to_be_visible()
    assert "date=" in page.url
    page.get_by_text("Re-uploads").click()
    expect(page.get_by_text("Log in to see this")).to_be_visible()


def test_a_hostile_title_is_text(visitor: Callable[..., Person], login: Any) -> None:
    page = visitor(storage_state=login).go("/day")
    expect(page.get_by_text(HOSTILE).first).to_be_visible()
    page.get_by_text(HOSTILE).first.click()
    expect(page.get_by_role("dialog")).to_contain_text(HOSTILE)
    page.goto(page.url.partition("/day")[0] + "/review")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    assert page.title() == "Review · Framesift"
    assert page.locator("main script").count() == 0


def test_a_clip_is_taken_down_put_back_and_ranks_close_up(operator: Person, site: Site) -> None:
    page = operator.go(f"/day?clip={DANCE}")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Rank")
    dialog.get_by_label("Reason").fill("작성자 요청")
    dialog.get_by_role("button", name="Take down").click()
    expect(dialog.get_by_text("작성자 요청")).to_be_visible()
    page.keyboard.press("Escape")
    dance = page.get_by_role("region", name="Dance")
    expect(dance.get_by_role("listitem")).to_have_count(9)
    page.get_by_role("button", name="Undo").click()
    expect(dance.get_by_role("listitem")).to_have_count(10)
    assert site.records.items.taken_down("tiktok") == {}
    page.get_by_role("listitem").filter(has_text="#").nth(12).get_by_role("button").click()
    page.get_by_label("Reason").fill("again")
    page.get_by_role("button", name="Take down").click()
    page.keyboard.press("Escape")
    expect(page.get_by_text("its rank stays empty")).to_be_visible()
    page.get_by_role("button", name="Publish again").click()
    expect(page.get_by_role("status")).to_contain_text(f"Published again as {site.today}.2")
    expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(50)
    page.get_by_text("Taken down", exact=True).click()
    page.get_by_role("button", name="Let it be listed again").click()
    expect(page.get_by_text("Nothing is taken down")).to_be_visible()


def test_every_dropped_clip_says_why(operator: Person) -> None:
    page = operator.go("/day?view=reuploads&category=dance")
    pairs = page.locator(".pair")
    expect(pairs).to_have_count(3)
    expect(pairs.first).to_contain_text("Dropped")
    expect(pairs.filter(has_text="0.953")).to_contain_text("perceptual hash")
    page.get_by_text("Left out").click()
    page.get_by_text("Another language").first.click()
    expect(page.locator(".rows > li")).to_have_count(2)
    expect(page.locator(".rows")).to_contain_text("Language: en")


def test_a_wall_is_shown_and_the_run_taken_up_again(operator: Person, site: Site) -> None:
    page = operator.go("/runs")
    page.get_by_role("main").get_by_role("link").filter(has_text="captcha").click()
    failure = page.locator(".failure")
    expect(failure).to_contain_text("CaptchaShownError")
    expect(failure).to_contain_text("framesift login tiktok")
    failure.get_by_role("button", name="What the crawler saw").click()
    seen = page.get_by_role("dialog").get_by_role("img")
    assert seen.evaluate("image => image.decode().then(() => image.naturalWidth)") == 960
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Take it up again").click()
    # A run of one category may end between two looks, so that nobody sees it at work.
    expect(page.locator(".summary .badge-good")).to_have_text("Done", timeout=120_000)
    assert site.records.runs.get("tiktok", site.today).status == "SUCCEEDED"


def test_what_cannot_be_started_is_said_in_the_dialog(operator: Person) -> None:
    page = operator.go("/runs")
    expect(page.get_by_role("main").get_by_role("link").first).to_be_visible()  # Keys work once the page is there.
    page.keyboard.press("s")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("checkbox")).to_have_count(6)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_predictions_are_decided_by_one_key_each(operator: Person, site: Site) -> None:
    page = operator.go("/review")
    ids = [review.id for review in site.records.reviews.all("pending")]

    def verdict(number: int) -> Any:
        return site.records.reviews.get(ids[number])

    expect(page.get_by_text("1 of 6")).to_be_visible()
    page.keyboard.press("a")
    wait_until(lambda: verdict(0).verdict == "accepted", within_s=20)
    assert verdict(0).correction is None
    expect(page.get_by_text("1 of 5")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    wait_until(lambda: verdict(1).verdict == "accepted", within_s=20)
    corrected = verdict(1).correction
    assert (corrected.tag, round(corrected.left, 3), round(corrected.height, 3)) == ("person", 0.21, 0.41)
    expect(page.get_by_text("1 of 4")).to_be_visible()
    page.keyboard.press("r")
    wait_until(lambda: verdict(2).verdict == "rejected", within_s=20)
    page.keyboard.press("u")
    wait_until(lambda: verdict(2).verdict == "pending", within_s=20)
    expect(page.get_by_text("1 of 4")).to_be_visible()
    page.keyboard.press("d")
    box = page.locator(".canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.9, steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Accept").click()
    wait_until(lambda: verdict(2).verdict == "accepted", within_s=20)
    drawn = verdict(2).correction
    assert [round(share, 1) for share in (drawn.left, drawn.top, drawn.width, drawn.height)] == [0.5, 0.5, 0.2, 0.4]
    page.get_by_text("Accepted", exact=True).click()
    expect(page.get_by_text("1 of 3")).to_be_visible()
    page.get_by_role("button", name="Put back").click()
    wait_until(lambda: verdict(0).verdict == "pending", within_s=20)


def test_the_help_lists_the_keys_and_keys_go_places(operator: Person) -> None:
    page = operator.go("/day")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Go to Review")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("v")
    page.wait_for_url("**/review")


PAGES = {
    "day": "/day",
    "re-uploads": "/day?view=reuploads&category=dance",
    "left-out": "/day?view=leftout&category=dance",
    "taken-down": "/day?view=takendown",
    "clip": f"/day?clip={DANCE}",
    "runs": "/runs",
    "runs-empty": "/runs?source=upload",
    "run": "/runs/tiktok/{today}",
    "review": "/review",
    "review-decided": "/review?verdict=rejected",
    "not-found": "/nowhere",
}


@pytest.mark.parametrize(("language", "scheme", "width", "height"), LOOKS)
def test_every_page_is_accessible_and_has_its_picture(
    visitor: Callable[..., Person], login: Any, site: Site, language: str, scheme: str, width: int, height: int
) -> None:
    person = visitor(
        storage_state=login,
        locale={"en": "en-GB", "ko": "ko-KR"}[language],
        color_scheme=scheme,
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
    )
    faults = []
    for name, path in PAGES.items():
        page = person.go(path.replace("{today}", site.today))
        faults += check_look(page, f"{name}-{language}-{scheme}-{width}", PICTURES, accessible=language == "en")
    assert faults == []


def test_only_the_page_s_own_files_may_run(visitor: Callable[..., Person], site: Site) -> None:
    answer = visitor().context.request.get(f"{site.url}/day")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    html = answer.text()
    assert "<script>" not in html
    assert "style=" not in html
    assert not re.search(r"(src|href)=\"(https?:)?//", html), "no file comes from another host"


def test_the_first_view_is_small() -> None:
    assets = WEB / "dist" / "assets"
    found: set[str] = set()
    waiting = {*re.findall(r"/assets/([\w.-]+\.js)", (WEB / "dist" / "index.html").read_text(encoding="utf-8"))}
    waiting |= {script.name for script in assets.glob("day-*.js")}
    while waiting:
        script = waiting.pop()
        found.add(script)
        # What is imported at once; what `import()` brings later has brackets.
        text = (assets / script).read_text(encoding="utf-8")
        waiting |= set(re.findall(r"""(?:from|import)\s*["']\./([\w.-]+\.js)["']""", text)) - found
    assert len(found) > 2
    assert sum(len(gzip.compress((assets / script).read_bytes())) for script in found) < FIRST_VIEW_BYTES
