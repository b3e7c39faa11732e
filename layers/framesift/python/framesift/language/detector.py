"""The port for language detectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

UNDECIDED_CODE = "und"


class Guess(NamedTuple):
    """The detected language of a text.

    Attributes:
        code: ISO 639-1, or `und` if undetermined.
        confidence: From 0 to 1; 0 with `und`.
    """

    code: str
    confidence: float


UNDECIDED = Guess(UNDECIDED_CODE, 0.0)


class LanguageDetector(Protocol):
    """Detects the languages of short texts: titles and names."""

    @property
    def name(self) -> str:
        """The provider's name, as recorded on items."""
        ...

    def detect(self, texts: Sequence[str]) -> Iterator[Guess]:
        """Detect the language of each text, in order.

        Results that were yielded before an error stay valid, so a quota that runs out wastes nothing.

        Raises:
            TranslateQuotaError: If the provider's quota is used up.
            TranslateUnavailableError: If the provider cannot be reached or fails.
            TranslateDeniedError: If the provider rejects the key or the project.
        """
        ...
