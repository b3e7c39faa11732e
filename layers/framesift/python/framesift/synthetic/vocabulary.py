"""What can be drawn, in words: shapes, materials, backgrounds, defects, and sentences that describe a photograph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

_Choice = TypeVar("_Choice")


@dataclass(frozen=True)
class Word:
    """A word of the vocabulary in English and Korean."""

    english: str
    korean: str


SHAPES: dict[str, Word] = {
    "bolt": Word("bolt", "볼트"),
    "screw": Word("screw", "나사"),
    "nut": Word("nut", "너트"),
    "washer": Word("washer", "와셔"),
    "gear": Word("gear", "기어"),
    "plate": Word("plate", "플레이트"),
    "bracket": Word("bracket", "브래킷"),
    "spring": Word("spring", "스프링"),
    "bearing": Word("bearing", "베어링"),
    "pin": Word("pin", "핀"),
    "shaft": Word("shaft", "샤프트"),
    "flange": Word("flange", "플랜지"),
    "pulley": Word("pulley", "풀리"),
    "link": Word("link", "링크"),
    "lever": Word("lever", "레버"),
    "knob": Word("knob", "노브"),
    "cover": Word("cover", "커버"),
    "heat sink": Word("heat sink", "방열판"),
}

MATERIALS: dict[str, Word] = {
    "steel": Word("steel", "강철"),
    "aluminium": Word("aluminium", "알루미늄"),
    "brass": Word("brass", "황동"),
    "copper": Word("copper", "구리"),
    "black oxide": Word("black oxide", "흑착색"),
    "rust": Word("rusty", "녹슨"),
    "red plastic": Word("red plastic", "빨간 플라스틱"),
    "blue plastic": Word("blue plastic", "파란 플라스틱"),
    "green plastic": Word("green plastic", "초록 플라스틱"),
    "white plastic": Word("white plastic", "흰 플라스틱"),
}

BACKGROUNDS: dict[str, Word] = {
    "conveyor": Word("on a conveyor belt", "컨베이어 벨트 위의"),
    "bench": Word("on a wooden bench", "나무 작업대 위의"),
    "table": Word("on a steel table", "철제 작업대 위의"),
    "mat": Word("on a cutting mat", "커팅 매트 위의"),
    "paper": Word("on white paper", "흰 종이 위의"),
    "concrete": Word("on concrete", "콘크리트 위의"),
    "cardboard": Word("on cardboard", "골판지 위의"),
    "foam": Word("on foam", "스펀지 위의"),
    "granite": Word("on a granite plate", "석정반 위의"),
    "checker plate": Word("on checker plate", "체크무늬 강판 위의"),
    "tray": Word("in a plastic tray", "플라스틱 트레이 안의"),
}

GOOD = "good"
WRONG_PIECE = "wrong piece"
DEFECTS: dict[str, Word] = {
    "scratch": Word("with a scratch", "긁힌"),
    "dent": Word("with a dent", "찌그러진"),
    "hole": Word("with a hole", "구멍 난"),
    "stain": Word("with a stain", "얼룩진"),
    "missing piece": Word("with a missing piece", "일부가 떨어져 나간"),
    WRONG_PIECE: Word("with a wrong piece", "다른 부품이 섞인"),
}


@dataclass(frozen=True)
class PartSpec:
    """What one photograph shows. `synthetic.parts.draw_part` draws it; equal specifications give equal photographs.

    Attributes:
        seed: Decides all that the other fields leave open: position, light, wear, the camera.
        shape: A key of `SHAPES`.
        material: A key of `MATERIALS`.
        background: A key of `BACKGROUNDS`.
        defect: A key of `DEFECTS`; None for a good part.
        severity: From 0 (barely visible) to 1; of no meaning without a defect.
        count: The number of parts. A wrong piece is one among several of another shape.
        wrong_shape: The shape of the wrong piece, if that is the defect.
    """

    seed: int
    shape: str
    material: str
    background: str
    defect: str | None = None
    severity: float = 0.5
    count: int = 1
    wrong_shape: str | None = None

    @property
    def label(self) -> str:
        """The name of the defect, or `good`."""
        return self.defect or GOOD

    @property
    def english(self) -> str:
        """A sentence such as "a rusty bolt with a scratch"."""
        material, shape = MATERIALS[self.material].english, SHAPES[self.shape].english
        if self.wrong_shape:
            return f"{_with_article(SHAPES[self.wrong_shape].english)} among {material} {_plural(shape)}"
        if self.count > 1:
            return f"{self.count} {material} {_plural(shape)}"
        part = _with_article(f"{material} {shape}")
        return f"{part} {DEFECTS[self.defect].english}" if self.defect else part

    @property
    def korean(self) -> str:
        """The same in Korean, such as "긁힌 녹슨 볼트"."""
        part = f"{MATERIALS[self.material].korean} {SHAPES[self.shape].korean}"
        if self.wrong_shape:
            return f"{part} 사이에 섞인 {SHAPES[self.wrong_shape].korean}"
        if self.count > 1:
            return f"{part} {self.count}개"
        return f"{DEFECTS[self.defect].korean} {part}" if self.defect else part


def choose_parts(
    seed: int,
    *,
    shapes: Sequence[str] = tuple(SHAPES),
    backgrounds: Sequence[str] = tuple(BACKGROUNDS),
    labels: Sequence[str] = (GOOD, *DEFECTS),
) -> Iterator[PartSpec]:
    """Choose photographs without end: the labels in turn, the rest at random.

    Training draws from some of the shapes and backgrounds and evaluates on those it never saw.

    Raises:
        ValueError: If a name is not in the vocabulary, or nothing is left to choose from.
    """
    for names, known in ((shapes, SHAPES), (backgrounds, BACKGROUNDS), (labels, {GOOD, *DEFECTS})):
        if not names or (unknown := set(names) - set(known)):
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}" if names else "nothing to choose from")
    if WRONG_PIECE in labels and len(shapes) < 2:
        raise ValueError("a wrong piece needs at least two shapes")
    random = np.random.default_rng(seed)
    number = 0
    while True:
        yield _choose_part(random, labels[number % len(labels)], shapes, backgrounds)
        number += 1


def _choose_part(
    random: np.random.Generator, label: str, shapes: Sequence[str], backgrounds: Sequence[str]
) -> PartSpec:
    shape, background = _choose(random, shapes), _choose(random, backgrounds)
    several = label == WRONG_PIECE or (label == GOOD and random.random() < 0.3)
    return PartSpec(
        seed=int(random.integers(1 << 53)),
        shape=shape,
        material=_choose(random, tuple(MATERIALS)),
        background=background,
        defect=None if label == GOOD else label,
        severity=float(random.random()),
        count=int(_choose(random, (4, 6, 8))) if several else 1,
        wrong_shape=_choose(random, [name for name in shapes if name != shape]) if label == WRONG_PIECE else None,
    )


def _choose(random: np.random.Generator, choices: Sequence[_Choice]) -> _Choice:
    return choices[int(random.integers(len(choices)))]


def _with_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _plural(noun: str) -> str:
    return f"{noun}es" if noun.endswith(("s", "x")) else f"{noun}s"
