"""Collections in a real Chromium, as a person uses them: from an empty list to what is exported and deleted."""

from __future__ import annotations

import json
import random
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from tests.web.conftest import PICTURES, Person, Site
from tests.web.looks import LOOKS, check_look
from tests.web.world import draw

expect.set_options(timeout=30_000)
# Each takes up what the ones before have left, as a person would: a machine takes half a minute to start.
pytestmark = pytest.mark.slow

NAME = "부품 parts"
PATH = f"/collections/{NAME}"
HOSTILE_FILE = '<img src=x onerror="document.title=1">.jpg'


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, one that is none, and a zip of two parts (for S3) with a hostile name in it."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(20):
        (folder / f"part {number:02d}.jpg").write_bytes(draw(number, 640 + number % 3 * 160, 480))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    with zipfile.ZipFile(folder / "more.zip", "w") as more:
        for number in range(20, 24):
            more.writestr(f"안쪽/{number}.jpg", draw(number, 500, 700))
        more.writestr(HOSTILE_FILE, draw(99, 640, 480))
        more.writestr("notes.txt", random.Random(0).randbytes(6 << 20))
    return folder


def count(page: Page, text: str) -> None:
    """Wait until the grid says how many images are found."""
    expect(page.locator(".found-head").get_by_role("status")).to_have_text(text)


def test_a_collection_is_made_and_described(operator: Person) -> None:
    page = operator.go("/collections")
    expect(page.get_by_text("No collections yet")).to_be_visible()
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("no/slash")
    dialog.get_by_role("button", name="Make it").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("Name").fill(NAME)
    dialog.get_by_label("Description").fill("From the line <b>3</b>")
    dialog.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name=NAME)).to_be_visible()
    expect(page.get_by_text("From the line <b>3</b>")).to_be_visible()
    expect(page.get_by_text("No images yet")).to_be_visible()
    page.get_by_role("button", name="Settings of the collection").click()
    page.get_by_label("Description").fill("Castings of line 3")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Castings of line 3")).to_be_visible()
    operator.complaints = [each for each in operator.complaints if "422" not in each]


def test_an_upload_goes_on_after_its_tab_was_closed(operator: Person, photos: Path) -> None:
    files = sorted(photos.iterdir())
    sent: list[str] = []

    def cut_off(route: Any, request: Request) -> None:
        # The bucket takes two images and a part of the zip; then the network is gone.
        if sent.count(request.method) < {"POST": 2, "PUT": 1}.get(request.method, 100):
            sent.append(request.method)
            route.continue_()
        else:
            route.abort()

    def is_upload(url: str) -> bool:
        return not url.startswith(operator.site.url) and "framesift" in url

    page = operator.go(f"{PATH}/uploads")
    page.route(is_upload, cut_off)
    with page.expect_event("requestfinished", lambda request: is_upload(request.url) and request.method == "PUT"):
        page.get_by_label("Choose files").set_input_files(files)
    expect(page.get_by_role("region", name="Sending").get_by_role("status")).to_contain_text("2 of 22")
    page.close(run_before_unload=False)
    operator.complaints = [each for each in operator.complaints if "ERR_FAILED" not in each]
    page = operator.page = operator.context.new_page()
    page.set_default_timeout(20_000)
    operator.go(f"{PATH}/uploads")
    expect(page.get_by_text("Not complete: drop the same files again to go on.")).to_be_visible()
    again: list[str] = []
    page.on("request", lambda request: again.append(request.method) if is_upload(request.url) else None)
    page.get_by_label("Choose files").set_input_files(files)
    expect(page.get_by_text("22 files were sent.")).to_be_visible(timeout=60_000)
    # What has arrived is not sent twice.
    assert (again.count("POST"), again.count("PUT")) == (19, 1)
    expect(page.locator(".badge-good")).to_have_text("Done", timeout=120_000)
    page.get_by_role("button", name="Ledger").click()
    ledger = page.get_by_role("group", name="Ledger")
    expect(ledger.get_by_role("row").filter(has_text="broken.jpg")).to_contain_text("refused")
    expect(ledger.get_by_text(HOSTILE_FILE)).to_be_visible()
    expect(ledger.get_by_role("row").filter(has_text="added")).to_have_count(25)
    assert page.title() == "Uploads · Framesift"


def test_queries_are_completed_and_their_errors_stand_at_the_column(operator: Person) -> None:
    page = operator.go(PATH)
    count(page, "25 images")
    field = page.get_by_role("combobox", name="Query")
    page.keyboard.press("/")
    expect(field).to_be_focused()
    field.press_sequentially("nam")
    option = page.get_by_role("option").filter(has_text="name:")
    expect(option.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(field).to_have_value(re.compile("^name:"))
    field.fill("name:part*")
    field.press("Enter")
    count(page, "20 images")
    assert "query=name" in page.url
    field.fill("tag:( x")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Column 5")
    operator.complaints = [each for each in operator.complaints if "422" not in each]
    page.go_back()
    count(page, "20 images")
    page.get_by_role("button", name="Saved queries").click()
    page.get_by_label("Save this query as").fill("라인 3")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="라인 3 name:part*").wait_for()
    page.keyboard.press("Escape")
    operator.go(PATH)
    page.get_by_role("button", name="Saved queries").click()
    page.get_by_role("button", name="라인 3 name:part*").click()
    count(page, "20 images")


def test_images_are_chosen_by_click_shift_and_drag_and_tagged(operator: Person) -> None:
    page = operator.go(f"{PATH}?sort=name")
    tiles = page.locator(".tile")
    expect(tiles.first).to_be_visible()
    tiles.nth(1).hover()
    page.locator(".tile-check").nth(1).check()
    page.locator(".tile-open").nth(3).click(modifiers=["Shift"])
    expect(page.get_by_text("3 chosen")).to_be_visible()
    page.keyboard.press("Escape")
    # Over the boxes, with the button held.
    first, last = (page.locator(".tile-check").nth(number).bounding_box() for number in (0, 4))
    assert first
    assert last
    page.mouse.move(first["x"] + 8, first["y"] + 8)
    page.mouse.down()
    page.mouse.move(last["x"] + 8, last["y"] + 8, steps=12)
    page.mouse.up()
    expect(page.get_by_text("5 chosen")).to_be_visible()
    page.get_by_role("button", name="Add tags").click()
    page.get_by_label("Tags, with commas").fill("scratch, 긁힘")
    page.get_by_role("dialog").get_by_role("button", name="Add tags").click()
    expect(page.locator(".toast")).to_contain_text("scratch, 긁힘: 5 images")
    facet = page.get_by_role("button", name="scratch 5")
    expect(facet).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(facet).to_be_hidden()
    page.keyboard.press("a")
    expect(page.get_by_text("25 chosen")).to_be_visible()
    page.get_by_role("button", name="Add tags").click()
    page.get_by_label("Tags, with commas").fill("line 3")
    page.get_by_role("dialog").get_by_role("button", name="Add tags").click()
    page.get_by_role("button", name="line 3 25").click()
    count(page, "25 images")
    assert "tag%3A%22line+3%22" in page.url


def test_an_image_has_its_tags_fields_and_history(operator: Person) -> None:
    page = operator.go(f"{PATH}?sort=name")
    page.locator(".tile-open").nth(2).click()
    dialog = page.get_by_role("dialog")
    image = dialog.get_by_role("img").first
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") >= 480
    dialog.get_by_label("Add a tag").fill("dent")
    dialog.get_by_label("Add a tag").press("Enter")
    expect(dialog.locator(".tag").filter(has_text="dent")).to_be_visible()
    dialog.get_by_label("Field", exact=True).fill("machine")
    dialog.get_by_label("Value", exact=True).fill("7")
    dialog.get_by_label("Value", exact=True).press("Enter")
    expect(dialog.locator(".facts").first).to_contain_text("machine")
    dialog.get_by_text("History").click()
    expect(dialog.locator(".item-history li").first).to_contain_text("machine")
    expect(dialog.locator(".item-history li").last).to_contain_text("Added")
    heading = dialog.get_by_role("heading").first.inner_text()
    dialog.get_by_role("button", name="Next").click()
    expect(dialog.get_by_role("heading").first).not_to_have_text(heading)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_splits_versions_and_what_differs(operator: Person) -> None:
    page = operator.go(PATH)

    def keep(name: str) -> None:
        page.get_by_role("button", name="Versions").click()
        page.get_by_label("Keep a version").fill(name)
        page.get_by_role("button", name="Keep", exact=True).click()
        expect(page.get_by_role("dialog").get_by_role("listitem").filter(has_text=name).first).to_be_visible()

    keep("before")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Splits").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("train (%)").fill("70")
    expect(dialog).to_contain_text("The shares add up to 90 %")
    dialog.get_by_label("test (%)").fill("20")
    dialog.get_by_role("button", name="Split", exact=True).click()
    counts = dialog.get_by_role("status").locator("dd")
    expect(counts).to_have_count(5)
    shown = [int(re.sub(r"\D", "", counts.nth(number).inner_text())) for number in range(3)]
    assert sum(shown) == 25
    assert shown[0] > shown[2] >= shown[1]
    page.keyboard.press("Escape")
    keep("after")
    expect(page.get_by_role("dialog").locator(".badge-info")).to_have_count(25)
    expect(page.get_by_role("dialog").get_by_text("tags").first).to_be_visible()


def test_what_is_chosen_is_exported_and_deleted(operator: Person) -> None:
    page = operator.go(f"{PATH}?query=name:part*&sort=name")
    page.locator(".tile-open").nth(0).click(modifiers=["Control"])
    page.locator(".tile-open").nth(1).click(modifiers=["Control"])
    page.get_by_role("button", name="Export").click()
    page.get_by_label("Format").select_option("jsonl")
    page.get_by_role("dialog").get_by_role("button", name="Export").click()
    expect(page.get_by_text("2 images", exact=True)).to_be_visible(timeout=90_000)
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download").click()
    lines = Path(downloading.value.path()).read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["names"][0] for line in lines} == {"part 00.jpg", "part 01.jpg"}
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete 2 images").click()
    count(page, "18 images")
    expect(page.get_by_text("2 chosen")).to_be_hidden()


def test_images_are_found_by_what_they_look_like(operator: Person, photos: Path) -> None:
    page = operator.go(f"{PATH}/search")
    expect(page.get_by_text("Find images by what they show")).to_be_visible()
    hits, parts = (page.get_by_role("list", name=name) for name in ("Results", "What to be similar to"))
    page.get_by_label("By an image").set_input_files(photos / "part 05.jpg")
    expect(hits.get_by_role("img").first).to_have_attribute("alt", "part 05.jpg", timeout=60_000)
    assert float(hits.locator(".hit-score").first.inner_text()) > 0.95
    page.get_by_role("button", name="Less like part 06.jpg").click()
    expect(parts.get_by_text("Less like this")).to_be_visible()
    # The address has all of it but the image, which never left this tab.
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("dropped in another tab")
    operator.go(f"{PATH}?query=name:part*&sort=name")
    page.locator(".tile-open").nth(3).click()
    page.get_by_role("link", name="More like this").click()
    expect(hits.get_by_role("listitem").first).to_be_visible()
    found = hits.get_by_role("img").evaluate_all("images => images.map(each => each.alt)")
    page.get_by_role("button", name="A part of the image").click()
    canvas = page.locator(".box-canvas").bounding_box()
    assert canvas
    page.mouse.move(canvas["x"] + canvas["width"] * 0.1, canvas["y"] + canvas["height"] * 0.1)
    page.mouse.down()
    page.mouse.move(canvas["x"] + canvas["width"] * 0.6, canvas["y"] + canvas["height"] * 0.7, steps=4)
    page.mouse.up()
    page.get_by_role("dialog").get_by_role("button", name="Search").click()
    page.wait_for_url(re.compile(r"%2C0\.1\d*%2C0\.1\d*%2C0\.[56]"))
    expect(hits.get_by_role("img").first).to_be_visible()
    page.go_back()
    page.reload()
    expect(hits.get_by_role("listitem")).to_have_count(len(found))
    page.get_by_label("Only images that this query finds").fill("name:part*")
    page.get_by_label("Only images that this query finds").press("Enter")
    expect(hits.get_by_role("img", name="more.zip")).to_have_count(0)
    number = hits.get_by_role("listitem").count()
    page.get_by_label(re.compile("Least score")).press("End")
    expect(hits.get_by_role("listitem")).not_to_have_count(number)
    assert "least=" in page.url
    page.get_by_label("What images show").fill("빨간 차")
    page.get_by_label("What images show").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("cannot read texts")
    operator.complaints = [each for each in operator.complaints if "422" not in each]


def test_others_see_what_their_role_lets_them(operator: Person, visitor: Callable[..., Person], site: Site) -> None:
    other = visitor()
    theirs = other.sign_up("viewer@example.com", "/collections")
    expect(theirs.get_by_text("No collections yet")).to_be_visible()
    page = operator.go(PATH)
    page.get_by_role("button", name="People and links").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("E-mail address").fill("viewer@example.com")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.locator(".row")).to_have_count(2)
    dialog.get_by_role("button", name="Make a link").click()
    link = dialog.get_by_label("The link; it is shown only now")
    expect(link).to_have_value(re.compile("/shared/"))
    address = link.input_value()
    other.go("/collections")
    theirs.get_by_role("link", name=re.compile(NAME)).click()
    count(theirs, "23 images")
    expect(theirs.get_by_role("link", name="Add images")).to_be_hidden()
    theirs.locator(".tile-open").first.click()
    expect(theirs.get_by_role("dialog").get_by_label("Add a tag")).to_be_hidden()
    stranger = visitor().page
    stranger.goto(address)
    expect(stranger.locator(".tile").first).to_be_visible()
    dialog.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("The link opens nothing any more.")).to_be_visible()
    answer = stranger.request.get(f"{site.url}/v1/shared/{address.rpartition('/')[2]}")
    assert answer.status == 404


PAGES = {
    "collections": "/collections",
    "collection": f"{PATH}?sort=name",
    "collection-nothing": f"{PATH}?query=tag:nothing",
    "uploads": f"{PATH}/uploads",
    "search": f"{PATH}/search",
}


@pytest.mark.parametrize(("language", "scheme", "width", "height"), LOOKS)
def test_every_view_of_collections_is_accessible_and_has_its_picture(
    visitor: Callable[..., Person], login: Any, language: str, scheme: str, width: int, height: int
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
        page = person.go(path)
        faults += check_look(page, f"{name}-{language}-{scheme}-{width}", PICTURES, accessible=language == "en")
        if name == "collection":
            page.locator(".tile-open").first.click()
            page.get_by_role("dialog").locator(".item-facts").wait_for()
            faults += check_look(page, f"image-{language}-{scheme}-{width}", PICTURES, accessible=language == "en")
            page.get_by_role("dialog").locator(".item-tools a").click()
            page.locator(".hit").first.wait_for()
            faults += check_look(page, f"found-{language}-{scheme}-{width}", PICTURES, accessible=language == "en")
    assert faults == []
