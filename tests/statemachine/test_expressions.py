"""What the workflow's expressions give, case by case, with the states' own data bound to them."""

import json
import re
from typing import Any

import pytest

from framesift.contracts import (
    BeginInput,
    BeginOutput,
    CatalogOutput,
    CollectOutput,
    FailInput,
    FinishInput,
    PlanOutput,
    Run,
    ScopeInput,
    StageInput,
    StartInput,
    TrainingInput,
    TrainOutput,
    UploadedObject,
    UploadsInput,
)
from framesift.pipeline.branches import branch_of
from framesift.settings import Settings
from framesift_local.aws.jsonata_queries import evaluate
from statemachine.lint import FOLDER

MACHINE = json.loads((FOLDER / "pipeline.asl.json").read_text(encoding="utf-8"))
STATES = {**MACHINE["States"], **MACHINE["States"]["Collect"]["ItemProcessor"]["States"]}
RUN = {"source": "tiktok", "date": "2026-11-20", "attempt": 1}
PLAN = PlanOutput(
    analyze=True,
    job_spec_uri="s3://b/job.json",
    compute="cpu",
    items=900,
    job_name="analyze-tiktok-2026-11-20",
    timeout_s=10_800,
    gpu_timeout_s=5_400,
    attempt_timeout_s=3_600,
).model_dump(mode="json")
CONTEXT = {
    "Execution": {"Id": "arn:execution", "StartTime": "2026-11-19T15:00:00.000Z"},
    "Map": {"Item": {"Value": "dance"}},
}


def evaluated(template: Any, states: dict[str, Any] | None = None, **variables: Any) -> Any:
    """A field of a state as Step Functions would evaluate it."""
    bound = {"states": {"context": CONTEXT, **(states or {})}, **variables}
    if isinstance(template, dict):
        return {name: evaluated(value, states, **variables) for name, value in template.items()}
    if isinstance(template, str) and template.startswith("{%"):
        return evaluate(re.fullmatch(r"{%(.*)%}", template).group(1).strip(), bound)
    return template


def chosen(name: str, states: dict[str, Any] | None = None, **variables: Any) -> str:
    """Where a Choice goes."""
    for choice in STATES[name]["Choices"]:
        if evaluated(choice["Condition"], states, **variables):
            return choice["Next"]
    return STATES[name]["Default"]


def test_begin_gets_the_start_as_it_came_and_the_execution():
    start = {"source": "tiktok", "colour": "red"}

    payload = evaluated(STATES["Begin"]["Arguments"]["Payload"], {"input": start})

    request = BeginInput.model_validate(payload)
    assert request.start == start
    assert request.execution_arn == "arn:execution"


def begun(start: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What Begin returns for a start, by the branch's own code."""
    branch = branch_of(start["source"])
    parsed, run = StartInput.model_validate(start), Run(**{**RUN, "source": start["source"]})
    asked = branch.parse(parsed, Settings())
    output = BeginOutput(
        decision="run",
        why="",
        run=run,
        collector=branch.collector,
        goal=asked.goal or branch.goal,
        work=[branch.work(run, scope, parsed, asked) for scope in asked.scopes],
    )
    return {**output.model_dump(mode="json"), **fields}


@pytest.mark.parametrize(("decision", "goes_to"), [("skip", "Skipped"), ("run", "Collect")])
def test_is_there_work(decision, goes_to):
    assert chosen("IsThereWork", {"input": {"decision": decision}}) == goes_to


def test_curate_gets_the_run_and_the_category():
    item = evaluated(STATES["Curate"]["ItemSelector"], run=RUN)

    assert ScopeInput.model_validate(item).scope == "dance"


@pytest.mark.parametrize(
    ("start", "function", "goes_on"),
    [
        ({"source": "tiktok"}, "${CrawlCategoryFunctionArn}", "Curate"),
        ({"source": "youtube"}, "${CollectFeedFunctionArn}", "PredictItems"),
        ({"source": "upload", "collection": "dance"}, "${CollectUploadsFunctionArn}", "PublishPoses"),
        ({"source": "upload", "collection": "dance", "batch": "b"}, "${CollectUploadsFunctionArn}", "UpdateCatalog"),
    ],
)
def test_each_source_has_its_own_way(start, function, goes_on):
    assigned = evaluated(STATES["Begin"]["Assign"], {"result": {"Payload": begun(start)}})

    assert evaluated(STATES["CollectScope"]["Arguments"]["FunctionName"], **assigned) == function
    assert chosen("WhatIsTheGoal", goal=assigned["goal"]) == goes_on
    assert chosen("WhatIsTheGoal", goal="fame") == "UnknownGoal"


def test_the_object_that_started_a_run_reaches_collect_as_it_came():
    written = {"key": "uploads/춤/내 영상 100% +1.mp4", "etag": "e", "sequencer": "006A", "version-id": "v"}
    payload = begun({"source": "upload", "object": written})

    (item,) = evaluated(STATES["Collect"]["Items"], {"input": payload})

    request = UploadsInput.model_validate(evaluated(STATES["CollectScope"]["Arguments"]["Payload"], {"input": item}))
    assert (request.scope, request.object) == ("춤", UploadedObject.model_validate(written))


@pytest.mark.parametrize("spec", ["s3://b/compare.json", None])
def test_what_is_new_in_a_catalog_is_compared(spec):
    output = CatalogOutput(collection="dance", batch="b", compare_spec_uri=spec).model_dump(mode="json")

    assert chosen("IsAnythingNew", {"input": output}) == ("CompareImages" if spec else "Finish")
    if spec:
        arguments = evaluated(STATES["CompareImages"]["Arguments"], {"input": output}, plan=PLAN)
        assert arguments["Parameters"] == {"spec": spec}
        assert arguments["JobName"] == "analyze-tiktok-2026-11-20-compare"
        assert arguments["Timeout"] == {"AttemptDurationSeconds": 3_600}


@pytest.mark.parametrize(
    ("statuses", "scopes", "goes_to"),
    [
        ({"main": "done", "dance": "done"}, ["main", "dance"], "PlanAnalysis"),
        ({"main": "failed", "dance": "done"}, ["dance"], "PlanAnalysis"),  # One name is still a list.
        ({"main": "failed", "dance": "failed"}, [], "NothingCollected"),
    ],
)
def test_what_was_collected_goes_on(statuses, scopes, goes_to):
    result = [{"scope": scope, "status": status} for scope, status in statuses.items()]

    assigned = evaluated(STATES["Collect"]["Assign"], {"result": result})

    assert assigned == {"collected": result, "scopes": scopes, "gpu_fault": None}
    assert chosen("IsAnythingCollected", scopes=assigned["scopes"]) == goes_to


@pytest.mark.parametrize(
    ("error_output", "cause"),
    [({"Error": "CaptchaShownError", "Cause": "{}"}, "{}"), ({"Error": "States.Timeout"}, "")],
)
def test_a_category_that_failed_says_why(error_output, cause):
    catch = STATES["CollectScope"]["Catch"][0]

    output = evaluated(catch["Output"], {"input": {"scope": "dance"}, "errorOutput": error_output})

    failed = CollectOutput.model_validate(output)
    assert (failed.status, failed.error, failed.cause) == ("failed", error_output["Error"], cause)


def test_where_nothing_was_collected_the_first_error_is_the_runs():
    collected = [{"error": "EmptyPageError", "cause": "c"}, {"error": "LoginRequiredError", "cause": "d"}]

    assigned = evaluated(STATES["NothingCollected"]["Assign"], collected=collected)

    assert assigned == {"stage": "collect", "fault": {"Error": "EmptyPageError", "Cause": "c"}}


@pytest.mark.parametrize(
    ("analyze", "compute", "goes_to"),
    [(False, "gpu", "WhatIsTheGoal"), (True, "gpu", "AnalyzeOnGpu"), (True, "cpu", "AnalyzeOnCpu")],
)
def test_where_to_analyze(analyze, compute, goes_to):
    assert chosen("WhereToAnalyze", plan={**PLAN, "analyze": analyze, "compute": compute}) == goes_to


@pytest.mark.parametrize("name", ["AnalyzeOnGpu", "AnalyzeOnCpu"])
@pytest.mark.parametrize("array_size", [1, 4])
def test_the_job_is_an_array_only_where_there_is_much(name, array_size):
    arguments = evaluated(STATES[name]["Arguments"], plan={**PLAN, "array_size": array_size})

    assert arguments["JobName"] == "analyze-tiktok-2026-11-20"
    assert arguments["Parameters"] == {"spec": "s3://b/job.json"}
    assert arguments["Timeout"] == {"AttemptDurationSeconds": 3600}
    assert arguments.get("ArrayProperties") == ({"Size": 4} if array_size > 1 else None)


@pytest.mark.parametrize(("queue", "arn"), [("daily", "${CpuQueueArn}"), ("uploads", "${UploadQueueArn}")])
def test_uploads_wait_in_a_queue_of_their_own(queue, arn):
    assert evaluated(STATES["AnalyzeOnCpu"]["Arguments"], plan={**PLAN, "queue": queue})["JobQueue"] == arn


def test_a_job_may_take_as_long_as_its_plan_says():
    plan = {**PLAN, "timeout_s": 72_000}

    assert evaluated(STATES["AnalyzeOnCpu"]["TimeoutSeconds"], plan=plan) == 72_000
    assert evaluated(STATES["AnalyzeOnGpu"]["TimeoutSeconds"], plan=plan) == 5_400


@pytest.mark.parametrize(
    ("error_output", "reported"),
    [
        ({"Error": "States.TaskFailed", "Cause": "CAPACITY:X"}, "States.TaskFailed: CAPACITY:X"),
        (
            {"Error": "States.TaskFailed", "Cause": "Array Child Job failed"},
            "States.TaskFailed: Array Child Job failed",
        ),
        ({"Error": "States.Timeout"}, "States.Timeout"),
    ],
)
def test_whatever_keeps_the_gpu_from_its_work_leads_to_the_cpu(error_output, reported):
    (catch,) = STATES["AnalyzeOnGpu"]["Catch"]

    assert (catch["ErrorEquals"], catch["Next"]) == (["States.ALL"], "AnalyzeOnCpu")
    assert evaluated(catch["Assign"], {"errorOutput": error_output}) == {"gpu_fault": reported}


@pytest.mark.parametrize(("tolerated", "goes_to"), [(True, "WhatIsTheGoal"), (False, "Fail")])
def test_a_job_that_failed_costs_only_what_it_had_not_done_where_the_plan_tolerates_that(tolerated, goes_to):
    failed, _ = STATES["AnalyzeOnCpu"]["Catch"]

    assert (failed["ErrorEquals"], failed["Next"]) == (["States.TaskFailed"], "IsFailedJobTolerated")
    assert chosen("IsFailedJobTolerated", plan={**PLAN, "tolerates_failed_job": tolerated}) == goes_to


@pytest.mark.parametrize(("planned", "said"), [("gpu", "cpu after waiting for a gpu"), ("cpu", "cpu")])
def test_the_run_says_what_the_job_ran_on(planned, said):
    assigned = evaluated(STATES["AnalyzeOnCpu"]["Assign"], plan={**PLAN, "compute": planned})

    assert assigned == {"analyzed_on": said}


@pytest.mark.parametrize(
    "name", ["PlanAnalysis", "Publish", "Archive", "PublishPoses", "PredictItems", "TrainDetector"]
)
def test_a_stage_gets_the_run_and_its_scopes(name):
    payload = evaluated(STATES[name]["Arguments"]["Payload"], run=RUN, scopes=["dance"])

    assert StageInput.model_validate(payload).scopes == ["dance"]


def test_finish_gets_all_that_the_record_holds():
    collected = [{"scope": "dance"}, {"scope": "food", "status": "failed", "error": "EmptyPageError"}]
    # What Plan assigns stands where an earlier try did the analysis.
    assigned = evaluated(STATES["PlanAnalysis"]["Assign"], {"result": {"Payload": PLAN}})

    payload = evaluated(
        STATES["Finish"]["Arguments"]["Payload"],
        run=RUN,
        scopes=["dance"],
        collected=collected,
        gpu_fault=None,
        **assigned,
    )

    request = FinishInput.model_validate(payload)
    assert (request.analyzed_on, request.gpu_fault) == ("an earlier try", None)
    assert request.collected == collected


@pytest.mark.parametrize(("status", "goes_to"), [("SUCCEEDED", "Done"), ("FAILED", "Incomplete")])
def test_a_run_with_a_failed_category_is_no_success(status, goes_to):
    assert chosen("IsComplete", {"input": {"status": status}}) == goes_to


@pytest.mark.parametrize("run", [None, RUN], ids=["refused", "run"])
@pytest.mark.parametrize(
    ("fault", "cause"),
    [({"Error": "States.Timeout"}, ""), ({"Error": "EmptyPageError", "Cause": "the page"}, "the page")],
)
def test_fail_is_told_what_and_where_even_without_a_cause(run, fault, cause):
    variables = {"run": run, "stage": "collect", "fault": fault}

    request = FailInput.model_validate(evaluated(STATES["Fail"]["Arguments"]["Payload"], **variables))

    assert (request.stage, request.error, request.cause) == ("collect", fault["Error"], cause)
    assert (request.run is None) == (run is None)
    assert evaluated(STATES["Failed"]["Cause"], **variables) == cause


@pytest.mark.parametrize(
    ("outcome", "goes_to"),
    [
        ("training", "WaitForTraining"),
        ("nothing_changed", "Finish"),
        ("not_enough_images", "Finish"),
        ("no_project", "Finish"),
    ],
)
def test_only_a_training_is_waited_for(outcome: str, goes_to: str):
    taught = TrainOutput(outcome=outcome, why="").model_dump(mode="json")

    assert chosen("IsTraining", {"input": taught}) == goes_to
    assert evaluated(STATES["TrainDetector"]["Assign"]["iteration_id"], {"result": {"Payload": taught}}) is None


def test_a_training_is_waited_for_by_the_workflow_until_it_is_done():
    wait, check = STATES["WaitForTraining"], STATES["CheckTraining"]

    assert (wait["Type"], wait["Next"], check["Next"]) == ("Wait", "CheckTraining", "IsTrained")
    assert chosen("IsTrained", {"input": {"status": "training"}}) == "WaitForTraining"
    assert chosen("IsTrained", {"input": {"status": "completed"}}) == "GateIteration"
    for name in ("CheckTraining", "GateIteration"):
        payload = evaluated(STATES[name]["Arguments"]["Payload"], run=RUN, iteration_id="i1")
        assert TrainingInput.model_validate(payload).iteration_id == "i1"
