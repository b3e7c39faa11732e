import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from statemachine.lint import FOLDER, find_collect_faults, find_placeholders, lint

PIPELINE = FOLDER / "pipeline.asl.json"
Definition = dict[str, Any]


@pytest.fixture
def pipeline() -> Definition:
    return json.loads(PIPELINE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.asl.json")), ids=lambda path: path.name)
def test_every_state_machine_is_clean(path):
    assert lint(json.loads(path.read_text(encoding="utf-8"))) == []


def _next(machine):
    machine["States"]["Publish"]["Next"] = "Archiv"


def _catch(machine):
    machine["States"]["Publish"]["Catch"][0]["Next"] = "Nowhere"


def _choice(machine):
    machine["States"]["IsComplete"]["Choices"][0]["Next"] = "Finished"


def _orphan(machine):
    machine["States"]["Forgotten"] = {"Type": "Succeed"}


def _no_end(machine):
    del machine["States"]["Collect"]["ItemProcessor"]["States"]["ScopeFailed"]["End"]


def _no_timeout(machine):
    del machine["States"]["Collect"]["ItemProcessor"]["States"]["CollectScope"]["TimeoutSeconds"]


def _no_retry(machine):
    del machine["States"]["Begin"]["Retry"]


def _transient_error_forgotten(machine):
    machine["States"]["Archive"]["Retry"][1]["ErrorEquals"].remove("Runtime.ExitError")


def _no_catch(machine):
    del machine["States"]["Curate"]["Catch"]


def _no_default(machine):
    del machine["States"]["WhereToAnalyze"]["Default"]


def _unparsable(machine):
    machine["States"]["Begin"]["Output"] = "{% $states.result.( %}"


def _unassigned(machine):
    machine["States"]["Publish"]["Arguments"]["Payload"]["run"] = "{% $runn %}"


def _misspelt_error(machine):
    machine["States"]["Begin"]["Retry"][2]["ErrorEquals"] = ["RunBussyError"]


def _base_class(machine):
    machine["States"]["Begin"]["Retry"][2]["ErrorEquals"] = ["TemporaryError"]


def _all_first(machine):
    machine["States"]["Begin"]["Retry"].insert(
        0, {**machine["States"]["Begin"]["Retry"][0], "ErrorEquals": ["States.ALL"]}
    )


def _jsonpath(machine):
    machine["States"]["Begin"]["ResultPath"] = "$.run"


def _snake_case(machine):
    machine["States"]["all_done"] = machine["States"].pop("Done")
    machine["States"]["IsComplete"]["Choices"][0]["Next"] = "all_done"


def _same_name(machine):
    machine["States"]["ScopeFailed"] = {"Type": "Pass", "Next": "Publish"}
    machine["States"]["IsComplete"]["Default"] = "ScopeFailed"


def _no_query_language(machine):
    del machine["QueryLanguage"]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_next, "Archiv: a transition leads to it, but it does not exist"),
        (_catch, "Nowhere: a transition leads to it"),
        (_choice, "Finished: a transition leads to it"),
        (_orphan, "Forgotten: unreachable"),
        (_no_end, "ScopeFailed: it must end, or go on"),
        (_no_timeout, "CollectScope: no TimeoutSeconds"),
        (_no_retry, "Begin: no Retry"),
        (_transient_error_forgotten, "Archive: no Retry of Lambda.Unknown, Runtime.ExitError"),
        (_no_catch, "CurateCategory: its errors are not caught"),
        (_no_default, "WhereToAnalyze: no Default"),
        (_unparsable, "/States/Begin/Output: "),
        (_unassigned, "$runn is assigned nowhere"),
        (_misspelt_error, "names RunBussyError, which is never raised"),
        (_base_class, "names TemporaryError, which is never raised"),
        (_all_first, "Begin: Retry: States.ALL must be alone and last"),
        (_jsonpath, "ResultPath belongs to JSONPath"),
        (_snake_case, "all_done: its name is not PascalCase"),
        (_same_name, "ScopeFailed: two states have this name"),
        (_no_query_language, "the machine: no QueryLanguage"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_lint_finds_what_was_broken(pipeline: Definition, harm: Callable[[Definition], None], said: str):
    broken = copy.deepcopy(pipeline)

    harm(broken)

    faults = lint(broken)
    assert any(said in fault for fault in faults), faults


def test_what_a_source_wants_retried_is_retried(pipeline: Definition):
    assert find_collect_faults(pipeline) == []
    broken = copy.deepcopy(pipeline)
    del broken["States"]["Collect"]["ItemProcessor"]["States"]["CollectScope"]["Retry"][2]

    assert [fault.partition(",")[0] for fault in find_collect_faults(broken)] == [
        "CollectScope: no Retry of SiteUnreachableError",
        "CollectScope: no Retry of YoutubeUnavailableError",
    ]


def test_substitutions_are_found_wherever_they_stand():
    assert find_placeholders("{% '${GpuQueueArn}' %} ${BeginRunFunctionArn}") == {"GpuQueueArn", "BeginRunFunctionArn"}
