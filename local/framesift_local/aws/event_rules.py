"""EventBridge's pure parts: does an event match a pattern, and what does a target get of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")
_NUMERIC: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda value, limit: value == limit,
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
}


class PatternError(ValueError):
    """A pattern uses a comparison that is not implemented here."""


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return whether an event matches a rule's pattern.

    Comparisons: equals, `prefix`, `suffix`, `wildcard`, `anything-but` (with values, prefix, suffix or
    wildcard), `exists`, `numeric`, `equals-ignore-case`, and `$or`.

    Raises:
        PatternError: Another comparison.
    """
    for field, wanted in pattern.items():
        if field == "$or":
            if not any(matches(alternative, event) for alternative in wanted):
                return False
        elif isinstance(wanted, Mapping):
            inner = event.get(field)
            if not matches(wanted, inner if isinstance(inner, Mapping) else {}):
                return False
        elif not _any_matches(wanted, field in event, event.get(field)):
            return False
    return True


def _any_matches(wanted: list[Any], present: bool, value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(_compare(test, present, each) for test in wanted for each in values)


def _compare(test: Any, present: bool, value: Any) -> bool:
    if not isinstance(test, Mapping):
        return present and value == test
    ((kind, argument),) = test.items()
    if kind == "exists":
        return present is bool(argument)
    if not present:
        return False
    if kind == "anything-but":
        return _anything_but(argument, value)
    if kind == "numeric":
        pairs = zip(argument[::2], argument[1::2], strict=True)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and all(_NUMERIC[sign](value, limit) for sign, limit in pairs)
    return isinstance(value, str) and _compare_text(kind, argument, value)


def _compare_text(kind: str, argument: Any, value: str) -> bool:
    if isinstance(argument, Mapping):  # {"prefix": {"equals-ignore-case": "…"}}
        argument, value = argument["equals-ignore-case"].lower(), value.lower()
    match kind:
        case "prefix":
            return value.startswith(str(argument))
        case "suffix":
            return value.endswith(str(argument))
        case "equals-ignore-case":
            return value.lower() == str(argument).lower()
        case "wildcard":
            parts = [re.escape(part) for part in argument.split("*")]
            return re.fullmatch(".*".join(parts), value, re.DOTALL) is not None
    raise PatternError(f"The event pattern comparison {kind!r} is not implemented here.")


def _anything_but(argument: Any, value: Any) -> bool:
    if isinstance(argument, Mapping):
        ((kind, inner),) = argument.items()
        tests = inner if isinstance(inner, list) else [inner]
        return isinstance(value, str) and not any(_compare_text(kind, t, value) for t in tests)
    return value not in (argument if isinstance(argument, list) else [argument])


def _path(event: Any, path: str) -> Any:
    """Follow a JSONPath of names and indexes: `$.detail.object.key`, `$.resources[0]`."""
    for name, index in re.findall(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]", path):
        if name:
            event = event.get(name) if isinstance(event, Mapping) else None
        else:
            event = event[int(index)] if isinstance(event, list) else None
    return event


def target_input(target: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """Return the JSON text that a target gets: Input, InputPath, InputTransformer, or the event."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_path(event, target["InputPath"]))
    transformer = target.get("InputTransformer")
    if transformer is None:
        return json.dumps(event)
    paths = transformer.get("InputPathsMap", {})
    variables = {name: _path(event, path) for name, path in paths.items()}
    variables |= {"aws.events.event.json": event, "aws.events.event": event}
    return _fill(transformer["InputTemplate"], variables)


def _fill(template: str, variables: Mapping[str, Any]) -> str:
    """Replace `<name>`: inside a JSON string by the bare text, elsewhere by JSON."""

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if name not in variables:
            return match[0]
        value = variables[name]
        before = template[: match.start()].replace('\\"', "")
        if before.count('"') % 2 == 0:
            return json.dumps(value)
        return json.dumps(value if isinstance(value, str) else json.dumps(value))[1:-1]

    return _PLACEHOLDER.sub(replace, template)
