"""Which outside services are the real ones and which have a stand-in. What a user sets always wins.

A service is the real one where the user sets how to reach it (an address, a key, a session), or asks for it by name.
A stand-in is used where nothing is set.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from framesift.errors import SettingsError, UnknownServiceError

ALL = "all"
GUIDE = "docs/guides/real-sites.md"


@dataclass(frozen=True)
class Service:
    """An outside service.

    Attributes:
        name: As `--real` takes it.
        title: As people know it.
        source: The source whose runs call it.
        reached_by: Matches the settings by which a user says how to reach it.
        needs: Settings of which at least one is needed to reach the real one; none: it works without.
        secret: The stack's secret of the service, which would win over the user's own settings.
        replaced_by: The setting, and its value, with which runs call the service only where the user sets how to.
    """

    name: str
    title: str
    source: str
    reached_by: re.Pattern[str]
    needs: tuple[str, ...] = ()
    secret: str = ""
    replaced_by: tuple[str, str] = ("", "")


SERVICES = (
    Service(
        "tiktok",
        "TikTok",
        "tiktok",
        re.compile(r"FRAMESIFT_CRAWL__(SITE_URL|SESSION_FILE|SESSION_SECRET)"),
        secret="FRAMESIFT_CRAWL__SESSION_SECRET",  # noqa: S106 - a setting's name
    ),
    Service(
        "youtube",
        "YouTube",
        "youtube",
        re.compile(r"FRAMESIFT_YOUTUBE__API_(URL|KEY|SECRET)"),
        needs=("FRAMESIFT_YOUTUBE__API_KEY", "FRAMESIFT_YOUTUBE__API_SECRET"),
        secret="FRAMESIFT_YOUTUBE__API_SECRET",  # noqa: S106
    ),
    Service(
        "custom-vision",
        "Custom Vision",
        "youtube",
        re.compile(r"FRAMESIFT_CUSTOM_VISION__(\w+_(ENDPOINT|KEY|PROJECT)|PREDICTION_RESOURCE_ID|SECRET)"),
        needs=("FRAMESIFT_CUSTOM_VISION__TRAINING_KEY", "FRAMESIFT_CUSTOM_VISION__SECRET"),
        secret="FRAMESIFT_CUSTOM_VISION__SECRET",  # noqa: S106
        replaced_by=("FRAMESIFT_DETECTION__PROVIDER", "onnx"),
    ),
)
NAMES = tuple(service.name for service in SERVICES)


@dataclass(frozen=True)
class Outside:
    """What was decided.

    Attributes:
        real: Services that are the real ones.
        stand_ins: Services that have a stand-in.
        settings: What the real ones need besides the user's own settings.
    """

    real: tuple[Service, ...]
    stand_ins: tuple[Service, ...]
    settings: Mapping[str, str]

    def uses_stand_in(self, name: str) -> bool:
        """Return whether a service has a stand-in."""
        return any(service.name == name for service in self.stand_ins)

    def describe(self) -> str:
        """Return one line for a person, such as `Real: TikTok. Stand-ins: YouTube.` and so on."""
        parts = (("Real", self.real), ("Stand-ins", self.stand_ins))
        return " ".join(
            f"{label}: {', '.join(service.title for service in services)}." for label, services in parts if services
        )


def choose_services(own: Mapping[str, str], wanted: Collection[str], sources: Collection[str]) -> Outside:
    """Decide which services are the real ones.

    Args:
        own: The user's settings.
        wanted: Names of services that are to be the real ones, or `all`.
        sources: The sources that will be run: what only others call is left out.

    Raises:
        UnknownServiceError: There is no service of a name.
        SettingsError: A service is to be the real one, and a setting that it needs is missing.
    """
    for name in wanted:
        if name not in {ALL, *NAMES}:
            raise UnknownServiceError(f"There is no service {name!r}: --real takes {', '.join([ALL, *NAMES])}.")
    called = [service for service in SERVICES if service.source in sources]
    real = tuple(service for service in called if _is_real(service, own, wanted))
    for service in real:
        if service.needs and not any(own.get(name) for name in service.needs):
            raise SettingsError(
                f"{service.title} is to be the real one and needs {service.needs[0]}: {GUIDE} shows how to get it."
            )
    return Outside(
        real=real,
        stand_ins=tuple(service for service in called if service not in real and not _is_replaced(service, own)),
        settings={service.secret: "" for service in real if _has_own_credentials(service, own)},
    )


def _is_real(service: Service, own: Mapping[str, str], wanted: Collection[str]) -> bool:
    return bool({ALL, service.name} & set(wanted)) or any(service.reached_by.fullmatch(name) for name in own)


def _is_replaced(service: Service, own: Mapping[str, str]) -> bool:
    name, value = service.replaced_by
    return bool(name) and own.get(name) == value


def _has_own_credentials(service: Service, own: Mapping[str, str]) -> bool:
    """Return whether the user's credentials must win over the stack's secret."""
    return service.secret not in own and any(
        name.endswith(("_KEY", "_FILE")) and service.reached_by.fullmatch(name) for name in own
    )
