"""Lints the state machines for faults that neither the CDK nor cfn-lint finds: `python -m statemachine.lint`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonata import Jsonata
from jsonata.jexception import JException

from framesift import errors
from framesift.pipeline.branches import BRANCHES

FOLDER = Path(__file__).resolve().parent

SERVICE_ERRORS = frozenset(
    {
        "Lambda.AWSLambdaException",
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.SdkClientException",
        "Lambda.ServiceException",
        "Lambda.TooManyRequestsException",
    }
)
"""Lambda could not be reached, or had no capacity: retried often, since it is cheap."""
PROCESS_ERRORS = frozenset({"Lambda.Unknown", "Runtime.ExitError", "Sandbox.Timedout", "States.Timeout"})
"""The function's process died or was too slow: retried a few times."""
AWS_ERRORS = (
    SERVICE_ERRORS
    | PROCESS_ERRORS
    | {
        "States.ALL",
        "States.TaskFailed",
        "Batch.AWSBatchException",
        "Batch.ServerException",
        "Batch.TooManyRequestsException",
    }
)
_JSONPATH_FIELDS = frozenset({"InputPath", "Parameters", "ResultSelector", "ResultPath", "OutputPath", "ItemsPath"})
_ENDINGS = frozenset({"Succeed", "Fail"})
_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)\b(?!\s*\()")

State = Mapping[str, Any]


@dataclass(frozen=True)
class Scope:
    """States with transitions to each other: those of a machine, a Map or a branch.

    Attributes:
        start_at: The first state.
        states: By name.
        caught: Whether an enclosing state catches the scope's errors.
    """

    start_at: str
    states: Mapping[str, State]
    caught: bool


def lint(machine: Mapping[str, Any]) -> list[str]:
    """Find what would fail in AWS, hang, or never run.

    Args:
        machine: A state machine's definition.

    Returns:
        One line per fault.
    """
    scopes = list(_find_scopes(machine, caught=False))
    faults = [f"the machine: no {name}" for name in ("TimeoutSeconds", "QueryLanguage") if name not in machine]
    names = [name for scope in scopes for name in scope.states]
    faults += [
        f"{name}: two states have this name" for name in sorted({name for name in names if names.count(name) > 1})
    ]
    for scope in scopes:
        faults += _check_flow(scope)
        for name, state in scope.states.items():
            faults += [f"{name}: {fault}" for fault in _check_state(name, state, caught=scope.caught)]
    return [*faults, *_check_expressions(machine)]


def find_collect_faults(machine: Mapping[str, Any]) -> list[str]:
    """Find errors that a source's branch marks as retryable and the collect state does not retry."""
    state = machine["States"]["Collect"]["ItemProcessor"]["States"]["CollectScope"]
    retried = {name for handler in state["Retry"] for name in handler["ErrorEquals"]}
    return [
        f"CollectScope: no Retry of {error.__name__}, which {branch.source} requires"
        for branch in BRANCHES.values()
        for error in branch.retried
        if error.__name__ not in retried
    ]


def find_placeholders(text: str) -> set[str]:
    """Find the names of the `${…}` placeholders in a definition."""
    return set(re.findall(r"\$\{(\w+)\}", text))


def find_expressions(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Find every JSONata expression in a definition, with its path."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from find_expressions(part, f"{path}/{name}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from find_expressions(part, f"{path}/{index}")
    elif isinstance(value, str) and value.startswith("{%"):
        yield path, value.removeprefix("{%").removesuffix("%}").strip()


def _find_scopes(definition: Mapping[str, Any], *, caught: bool) -> Iterator[Scope]:
    yield Scope(definition["StartAt"], definition["States"], caught)
    for state in definition["States"].values():
        inner = [state["ItemProcessor"]] if "ItemProcessor" in state else state.get("Branches", [])
        for part in inner:
            yield from _find_scopes(part, caught=caught or "Catch" in state)


def _find_targets(state: State) -> Iterator[str]:
    for place in (state, *state.get("Choices", []), *state.get("Catch", [])):
        if "Next" in place:
            yield place["Next"]
    if "Default" in state:
        yield state["Default"]


def _check_flow(scope: Scope) -> Iterator[str]:
    """Find targets that do not exist, and states that are unreachable."""
    reached, waiting = set[str](), [scope.start_at]
    while waiting:
        name = waiting.pop()
        if name not in scope.states:
            yield f"{name}: a transition leads to it, but it does not exist"
        elif name not in reached:
            reached.add(name)
            waiting += _find_targets(scope.states[name])
    yield from (f"{name}: unreachable" for name in scope.states if name not in reached)


def _check_state(name: str, state: State, *, caught: bool) -> Iterator[str]:
    kind = state["Type"]
    if not re.fullmatch(r"(?:[A-Z][a-z0-9]*)+", name):
        yield "its name is not PascalCase"
    exits = ("Next" in state) + bool(state.get("End")) + ("Choices" in state) + (kind in _ENDINGS)
    if exits != 1:
        yield "it must have exactly one of Next, End, Choices"
    if kind == "Choice" and "Default" not in state:
        yield "no Default: input that matches no choice is an error"
    if jsonpath := _JSONPATH_FIELDS & state.keys():
        yield f"{', '.join(sorted(jsonpath))} belongs to JSONPath, not JSONata"
    if kind == "Task":
        yield from (f"no {field}" for field in ("TimeoutSeconds", "Retry") if field not in state)
        yield from _check_retries(state)
    if kind in {"Task", "Map", "Parallel"} and "Catch" not in state and not caught:
        yield "its errors are not caught"
    for field in ("Retry", "Catch"):
        yield from _check_handlers(field, state.get(field, []))


def _check_retries(state: State) -> Iterator[str]:
    """Find transient errors that a function's state does not retry."""
    retried = [frozenset(handler["ErrorEquals"]) for handler in state.get("Retry", [])]
    if "lambda:invoke" not in state.get("Resource", "") or frozenset({"States.ALL"}) in retried:
        return
    for names in (SERVICE_ERRORS, PROCESS_ERRORS):
        if names not in retried:
            yield f"no Retry of {', '.join(sorted(names))}"


def _check_handlers(field: str, handlers: list[Mapping[str, Any]]) -> Iterator[str]:
    for index, handler in enumerate(handlers):
        names = handler["ErrorEquals"]
        yield from (f"{field} names {name}, which is never raised" for name in names if not _is_raised(name))
        if "States.ALL" in names and (len(names) > 1 or index < len(handlers) - 1):
            yield f"{field}: States.ALL must be alone and last"
        if field == "Retry" and not {"MaxAttempts", "BackoffRate", "JitterStrategy"} <= handler.keys():
            yield "Retry without MaxAttempts, BackoffRate or JitterStrategy"


def _is_raised(name: str) -> bool:
    """Whether an error with exactly this name is raised: Step Functions ignores base classes, so only leaves are."""
    error = getattr(errors, name, None)
    return name in AWS_ERRORS or (isinstance(error, type) and not error.__subclasses__())


def _check_expressions(machine: Mapping[str, Any]) -> Iterator[str]:
    assigned = {"states", *_find_assigned(machine)}
    for path, expression in find_expressions(machine):
        try:
            Jsonata(expression)
        except JException as error:
            yield f"{path}: {error}"
            continue
        outside_of_text = re.sub(r"'[^']*'", "", expression)
        unknown = set(_VARIABLE.findall(outside_of_text)) - assigned
        yield from (f"{path}: ${name} is assigned nowhere" for name in sorted(unknown))


def _find_assigned(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from value.get("Assign", {})
        for part in value.values():
            yield from _find_assigned(part)
    elif isinstance(value, list):
        for part in value:
            yield from _find_assigned(part)


def _find_all_faults(machine: Mapping[str, Any]) -> list[str]:
    return [*lint(machine), *find_collect_faults(machine)]


def main() -> int:
    """Lint every file and print the faults."""
    faults = [
        f"{path.name}: {fault}"
        for path in sorted(FOLDER.glob("*.asl.json"))
        for fault in _find_all_faults(json.loads(path.read_text(encoding="utf-8")))
    ]
    sys.stderr.writelines(f"{fault}\n" for fault in faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
