"""The port: what tells languages, whoever does it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

UNDECIDED_CODE = "und"


class Guess(NamedTuple):
    """The language of a text.

    Attributes:
        code: ISO 639-1, or `und` where nothing can be said.
        confidence: From 0 to 1; 0 with `und`.
    """

    code: str
    confidence: float


UNDECIDED = Guess(UNDECIDED_CODE, 0.0)


class LanguageDetector(Protocol):
    """Tells the languages of short texts: titles and names."""

    @property
    def name(self) -> str:
        """The provider, as it is noted on an item."""
        ...

    def detect(self, texts: Sequence[str]) -> Iterator[Guess]:
        """Tell the language of each text, in order.

        What was given before an error stands, so that a quota that ends half-way wastes nothing.

        Raises:
            TranslateQuotaError: If the provider's quota is used up.
            TranslateUnavailableError: If the provider cannot be reached or fails.
            TranslateDeniedError: If the provider refuses the key or the project.
        """
        ...
