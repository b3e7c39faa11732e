"""Whatever fuzzing found before, and well-formed input, runs through each target; so do some mutations."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from framesift.errors import NotAnImageError
from fuzz.engine import corpus, fuzz, mutate, try_input
from fuzz.targets import TARGETS, Target

# These start a process for an input.
_SLOW = {"onnx", "export"}


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_found_is_mended(name: str) -> None:
    for data in [*TARGETS[name].seeds(), *corpus(name)]:
        finding = try_input(TARGETS[name], data)
        assert finding is None, finding.why


@pytest.mark.parametrize("name", sorted(set(TARGETS) - _SLOW))
def test_mutations_show_no_defect(name: str) -> None:
    target, dice = TARGETS[name], random.Random(7)
    for data in target.seeds():
        for _ in range(20):
            finding = try_input(target, mutate(data, [data], target.words, dice))
            assert finding is None, finding.why


def test_a_defect_is_found_and_kept(tmp_path: Path) -> None:
    def defective(data: bytes) -> None:
        if b"\x7f" in data:
            raise NotAnImageError("a defect")

    target = Target(defective, lambda: [b"seed"], (b"\x7f",))
    count, finding = fuzz("none", target, 60.0, 1)
    assert count > 0
    assert finding is not None
    assert "NotAnImageError: a defect" in finding.why
    finding.save("none", tmp_path)
    assert corpus("none", tmp_path) == [finding.data]


def test_no_defect_is_no_finding() -> None:
    assert try_input(Target(lambda data: None, lambda: [b""]), b"") is None
