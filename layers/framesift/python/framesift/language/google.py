"""Google Cloud Translate v3, through its official client over REST (the same transport as for a stand-in).

Detection takes one text per call, so calls run concurrently, rate-limited. Google reports a used-up quota with HTTP 403
("User Rate Limit Exceeded" for a minute's, "Daily Limit Exceeded" for a day's, until midnight Pacific time), with 429
from newer services; a wrong key or project is also a 403. Detection costs as much per character as translation,
and has no daily limit by default: hence the budget here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from framesift.errors import SettingsError, TranslateDeniedError, TranslateQuotaError, TranslateUnavailableError
from framesift.language.detector import UNDECIDED, Guess
from framesift.language.scripts import extract_words
from framesift.pacing import Pacer
from framesift.secrets import read_json_secret, wrong_content

if TYPE_CHECKING:
    from google.cloud.translate_v3 import TranslationServiceClient

    from framesift.settings import LanguageSettings

CONCURRENCY = 8
CALL_TIMEOUT_S = 10.0
# Enough to detect a language; every character costs money.
_MAX_TEXT_CHARS = 300
_KEY_FORM = "a service account's JSON key"
_SCOPE = "https://www.googleapis.com/auth/cloud-translation"
# Codes that ISO has replaced and Google still uses, and one that ISO 639-1 lacks.
_ISO_CODES = {"iw": "he", "jw": "jv", "in": "id", "fil": "tl"}


class GoogleDetector:
    """Detects languages with Google Cloud Translate.

    Attributes:
        max_chars: How many characters one `detect` may send.
        patience_s: How long one `detect` may wait for the rate limit or an outage, seconds.
    """

    name: Final = "google"

    def __init__(
        self,
        client: TranslationServiceClient,
        project: str,
        *,
        max_chars: int,
        requests_per_s: float,
        patience_s: float,
    ) -> None:
        self._client = client
        self._parent = f"projects/{project}/locations/global"
        self._requests_per_s = requests_per_s
        self.max_chars = max_chars
        self.patience_s = patience_s

    @classmethod
    def from_settings(cls, settings: LanguageSettings) -> GoogleDetector:
        """Make a detector with the secret's service account, else with the default credentials.

        Raises:
            SettingsError: If no project is set, or the secret cannot be read or is not valid.
            TranslateDeniedError: If there are no credentials.
        """
        if not settings.google_project:
            raise SettingsError("Set FRAMESIFT_LANGUAGE__GOOGLE_PROJECT: the Google Cloud project to use.")
        return cls(
            _make_client(settings),
            settings.google_project,
            max_chars=settings.google_max_chars,
            requests_per_s=settings.google_requests_per_s,
            patience_s=settings.google_patience_s,
        )

    def detect(self, texts: Sequence[str]) -> Iterator[Guess]:
        """Detect the language of each text, in order; results that were yielded before an error stay valid.

        Raises:
            TranslateQuotaError: If the daily quota or our budget is used up, or the rate limit for too long.
            TranslateUnavailableError: If Google cannot be reached or fails for too long.
            TranslateDeniedError: If Google rejects the key or the project.
        """
        deadline = time.monotonic() + self.patience_s
        pacer = Pacer(self._requests_per_s)
        chars_left = self.max_chars
        futures: dict[str, Any] = {}
        pool = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="translate")
        try:
            contents = [" ".join(extract_words(text)).strip()[:_MAX_TEXT_CHARS] for text in texts]
            for content in contents:
                if content and content not in futures and len(content) <= chars_left:
                    chars_left -= len(content)
                    futures[content] = pool.submit(self._call, content, pacer, deadline)
            for content in contents:
                if content and content not in futures:
                    raise TranslateQuotaError(
                        f"The budget of {self.max_chars:,} characters for Google Cloud Translate is used up: "
                        "raise FRAMESIFT_LANGUAGE__GOOGLE_MAX_CHARS."
                    )
                yield futures[content].result() if content else UNDECIDED
        finally:
            pool.shutdown(cancel_futures=True)

    def _call(self, content: str, pacer: Pacer, deadline: float) -> Guess:
        from google.api_core.exceptions import GoogleAPIError, RetryError
        from google.api_core.retry import Retry
        from google.auth.exceptions import GoogleAuthError
        from requests.exceptions import RequestException

        def call() -> Guess:
            pacer.wait()
            response = self._client.detect_language(
                request={"parent": self._parent, "content": content, "mime_type": "text/plain"},
                retry=None,
                timeout=CALL_TIMEOUT_S,
            )
            best = max(response.languages, key=lambda language: language.confidence, default=None)
            return _make_guess(best.language_code, best.confidence) if best else UNDECIDED

        patience_s = max(0.01, deadline - time.monotonic())
        retry = Retry(predicate=_is_temporary, initial=0.5, maximum=16.0, multiplier=2.0, timeout=patience_s)
        try:
            return retry(call)()
        except RetryError as error:
            raise _translate(error.cause or error) from error
        except (GoogleAPIError, GoogleAuthError, RequestException) as error:
            raise _translate(error) from error


def _make_client(settings: LanguageSettings) -> TranslationServiceClient:
    from google.auth import credentials, default, exceptions
    from google.cloud.translate_v3 import TranslationServiceClient
    from google.oauth2 import service_account

    if settings.google_endpoint:  # A stand-in: credentials are never sent to an address other than Google's.
        return TranslationServiceClient(
            credentials=credentials.AnonymousCredentials(),  # type: ignore[no-untyped-call]
            transport="rest",
            client_options={"api_endpoint": settings.google_endpoint},
        )
    try:
        if settings.google_secret:
            secret = read_json_secret(settings.google_secret, _KEY_FORM)
            make = service_account.Credentials.from_service_account_info
            key = make(secret, scopes=[_SCOPE])  # type: ignore[no-untyped-call]
        else:
            key, _ = default(scopes=[_SCOPE])
    except ValueError as error:
        raise wrong_content(settings.google_secret, _KEY_FORM) from error
    except exceptions.DefaultCredentialsError as error:
        raise TranslateDeniedError(
            "There are no Google credentials: set FRAMESIFT_LANGUAGE__GOOGLE_SECRET, or GOOGLE_APPLICATION_CREDENTIALS."
        ) from error
    return TranslationServiceClient(credentials=key, transport="rest")


def _make_guess(code: str, confidence: float) -> Guess:
    subtag = code.split("-")[0].lower()  # `zh-CN`, `ko-Latn`: the language alone
    if subtag == UNDECIDED.code:
        return UNDECIDED
    return Guess(_ISO_CODES.get(subtag, subtag), round(min(max(confidence, 0.0), 1.0), 2))


def _contains(error: BaseException, *phrases: str) -> bool:
    text = str(error).lower()
    return any(phrase in text for phrase in phrases)


def _is_quota(error: BaseException) -> bool:
    from google.api_core import exceptions

    return isinstance(error, exceptions.TooManyRequests) or (
        isinstance(error, exceptions.Forbidden)
        and _contains(error, "limit exceeded", "quota exceeded", "limitexceeded")
    )


def _is_daily_quota(error: BaseException) -> bool:
    return _is_quota(error) and _contains(error, "daily", "dailylimitexceeded", "per day")


def _is_refusal(error: BaseException) -> bool:
    from google.api_core import exceptions
    from google.auth.exceptions import RefreshError

    if isinstance(error, RefreshError):
        return not error.retryable
    refusals = (exceptions.Forbidden, exceptions.Unauthorized, exceptions.BadRequest, exceptions.NotFound)
    return isinstance(error, refusals) and not _is_quota(error)


def _is_temporary(error: BaseException) -> bool:
    """Whether a retry within the minute may succeed."""
    return not _is_daily_quota(error) and not _is_refusal(error)


def _translate(error: BaseException) -> TranslateQuotaError | TranslateUnavailableError | TranslateDeniedError:
    """Translate Google's error to ours, with its first line."""
    line = str(error).partition("\n")[0]
    if _is_daily_quota(error):
        return TranslateQuotaError(f"Google Cloud Translate's daily quota is used up until midnight Pacific: {line}")
    if _is_quota(error):
        return TranslateQuotaError(f"Google Cloud Translate's rate limit is exceeded for too long: {line}")
    if _is_refusal(error):
        return TranslateDeniedError(
            f"Google Cloud Translate refuses: check the key and FRAMESIFT_LANGUAGE__GOOGLE_PROJECT: {line}"
        )
    return TranslateUnavailableError(f"Google Cloud Translate cannot be reached or fails: {line}")
