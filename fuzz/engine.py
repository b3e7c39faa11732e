"""How inputs are made: mutations of well-formed ones."""

from __future__ import annotations

import hashlib
import random
import time
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzz.targets import Target

CORPUS = Path(__file__).parent / "corpus"
_MAX_BYTES = 1 << 16


@dataclass(frozen=True)
class Finding:
    """An input that shows a defect.

    Attributes:
        data: The input.
        why: The traceback, or how long it took.
    """

    data: bytes
    why: str

    def save(self, name: str, folder: Path = CORPUS) -> Path:
        """Write the input to the corpus, where the tests run it from then on."""
        path = folder / name / hashlib.sha256(self.data).hexdigest()[:12]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.data)
        return path


def corpus(name: str, folder: Path = CORPUS) -> list[bytes]:
    """What was found in a target before."""
    return [path.read_bytes() for path in sorted((folder / name).glob("*")) if path.is_file()]


def try_input(target: Target, data: bytes) -> Finding | None:
    """Run a target on an input; the defect that it shows, if any."""
    started = time.monotonic()
    try:
        with warnings.catch_warnings(action="ignore"):  # Of damaged metadata.
            target.run(data)
    except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for.
        return Finding(data, traceback.format_exc())
    took_s = time.monotonic() - started
    return Finding(data, f"It took {took_s:.1f} s.\n") if took_s > target.slow_s else None


def fuzz(name: str, target: Target, seconds: float, seed: int) -> tuple[int, Finding | None]:
    """Mutate inputs until one shows a defect, or time is up.

    Args:
        name: The target's name, for its corpus.
        target: The target.
        seconds: How long.
        seed: Of the mutations.

    Returns:
        How many inputs were tried, and the first defect.
    """
    inputs, dice = [*target.seeds(), *corpus(name)], random.Random(seed)
    deadline, count = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        count += 1
        data = mutate(dice.choice(inputs), inputs, target.words, dice)
        if finding := try_input(target, data):
            return count, finding
    return count, None


def mutate(data: bytes, others: Sequence[bytes], words: Sequence[bytes], dice: random.Random) -> bytes:
    """One to eight random changes."""
    out = bytearray(data)
    for _ in range(dice.randint(1, 8)):
        place = dice.randint(0, len(out))
        length = min(dice.choice((1, 1, 2, 4, 16, 256)), len(out) - place)
        match dice.randrange(7):
            case 0:
                out[place : place + length] = dice.randbytes(length)
            case 1:
                del out[place : place + length]
            case 2:
                out[place:place] = dice.randbytes(dice.choice((1, 2, 8)))
            case 3 if words:
                word = dice.choice(words)
                out[place : place + dice.choice((0, len(word)))] = word
            case 4:
                out[place:place] = out[place : place + length] * dice.choice((1, 2, 50))
            case 5:
                other = dice.choice(others)
                start = dice.randint(0, len(other))
                out[place:place] = other[start : start + dice.choice((4, 64, 1024))]
            case _ if out:
                index = min(place, len(out) - 1)
                out[index] ^= 1 << dice.randrange(8)
    return bytes(out[:_MAX_BYTES])
