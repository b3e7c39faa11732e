import dataclasses
import datetime as dt

import pytest

from framesift.errors import NotFoundError
from framesift_local.standins.clipsite import Clip, KindGrade, grade


def clip(id_: str, original_id: str, edit: str | None = None) -> Clip:
    return Clip(
        id=id_,
        category="dance",
        born=dt.date(2026, 11, 20),
        slot=0,
        created_at_s=0,
        author_id="someone",
        nickname="someone",
        title="",
        language="ko",
        views=1,
        duration_s=1,
        width=1,
        height=1,
        extension="jpeg",
        original_id=original_id,
        edit=edit,
        scene=(0, 0, 0, 0),
        edit_seed=0,
    )


TRUTH = {
    clip.id: clip
    for clip in (
        clip("a", "a"),
        clip("a-crop", "a", "crop"),
        clip("a-mirror", "a", "mirror"),
        clip("b", "b"),
        clip("b-crop", "b", "crop"),
    )
}


def test_all_found_when_one_of_each_cluster_is_kept() -> None:
    result = grade(TRUTH, ["a", "b"], {"a-crop": "a", "a-mirror": "a", "b-crop": "b"})

    assert result.by_kind["crop"] == KindGrade(reuploads=2, found=2)
    assert result.by_kind["mirror"] == KindGrade(reuploads=1, found=1)
    assert result.total.share == 1.0
    assert result.originals == 2
    assert result.originals_lost == ()


def test_a_reupload_kept_beside_its_original_is_missed() -> None:
    result = grade(TRUTH, ["a", "a-crop", "b"], {"a-mirror": "a", "b-crop": "b"})

    assert result.by_kind["crop"] == KindGrade(reuploads=2, found=1)
    assert result.by_kind["crop"].share == 0.5
    assert result.by_kind["mirror"].found == 1


def test_a_reupload_kept_beside_another_reupload_is_missed_and_so_is_the_other() -> None:
    result = grade(TRUTH, ["a-crop", "a-mirror"], {"a": "a-crop"})

    assert result.total == KindGrade(reuploads=2, found=0)
    assert result.originals_lost == ()


def test_a_plain_reupload_stands_for_an_original_that_is_not_there() -> None:
    truth = {**TRUTH, "a-resize": dataclasses.replace(TRUTH["a-crop"], id="a-resize", edit="resize")}
    result = grade(truth, ["a-resize", "a-crop"], {})

    assert result.by_kind["resize"] == KindGrade(reuploads=0, found=0)
    assert result.by_kind["crop"] == KindGrade(reuploads=1, found=0)


def test_a_more_viewed_reupload_may_stand_for_its_original() -> None:
    result = grade(TRUTH, ["b-crop"], {"b": "b-crop"})

    assert result.by_kind["crop"] == KindGrade(reuploads=1, found=1)
    assert result.originals_lost == ()


def test_a_reupload_alone_is_not_counted() -> None:
    assert grade(TRUTH, ["a-crop", "b"], {}).total == KindGrade(reuploads=0, found=0)


def test_an_original_merged_with_another_cluster_is_lost_even_if_its_reupload_is_kept() -> None:
    result = grade(TRUTH, ["a", "b-crop"], {"b": "a"})

    assert result.originals_lost == ("b",)
    assert result.wrongly_merged == ("b",)


def test_a_cluster_of_which_nothing_is_left_is_lost() -> None:
    result = grade(TRUTH, ["a"], {"b-crop": "a", "a-crop": "a"})

    assert result.originals_lost == ("b",)
    assert result.wrongly_merged == ("b-crop",)
    assert result.by_kind["crop"] == KindGrade(reuploads=2, found=1)


def test_a_reupload_merged_wrongly_is_not_found_but_its_kept_original_is_not_lost() -> None:
    result = grade(TRUTH, ["a", "b"], {"b-crop": "a"})

    assert result.total == KindGrade(reuploads=1, found=0)
    assert result.originals_lost == ()
    assert result.wrongly_merged == ("b-crop",)


def test_a_duplicate_of_what_an_earlier_day_kept_is_found_and_not_lost() -> None:
    result = grade(TRUTH, ["b"], {"a-crop": "a"})

    assert result.total == KindGrade(reuploads=1, found=1)
    assert result.originals_lost == ()


def test_a_cycle_of_drops_keeps_nothing_and_loses_the_original() -> None:
    result = grade(TRUTH, [], {"a": "a-crop", "a-crop": "a"})

    assert result.originals_lost == ("a",)


def test_nothing_collected_is_graded_as_nothing() -> None:
    result = grade(TRUTH, [], {})

    assert result.total == KindGrade()
    assert result.originals == 0


def test_an_unknown_clip_is_refused() -> None:
    with pytest.raises(NotFoundError, match="clip x was never on the site"):
        grade(TRUTH, ["x"], {})
