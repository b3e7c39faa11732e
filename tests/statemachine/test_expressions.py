"""What the workflow's expressions give, case by case, with the states' own data bound to them."""

import json
import re
from typing import Any

import pytest

from framesift.contracts import (
    BeginInput,
    BeginOutput,
    CategoryInput,
    CollectOutput,
    FailInput,
    FinishInput,
    PlanOutput,
    StageInput,
    TeachOutput,
    TrainingInput,
    UploadedObject,
)
from framesift_local.aws.jsonata_queries import evaluate
from statemachine.lint import FOLDER

MACHINE = json.loads((FOLDER / "pipeline.asl.json").read_text(encoding="utf-8"))
STATES = {**MACHINE["States"], **MACHINE["States"]["Collect"]["ItemProcessor"]["States"]}
RUN = {"source": "tiktok", "date": "2026-11-20", "attempt": 1}
PLAN = PlanOutput(analyze=True, job_spec_uri="s3://b/job.json", compute="cpu", items=900).model_dump(mode="json")
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


@pytest.mark.parametrize(
    ("decision", "source", "goes_to"),
    [
        ("skip", "tiktok", "Skipped"),
        ("run", "tiktok", "Collect"),
        ("run", "youtube", "Collect"),
        ("run", "upload", "Collect"),
        ("run", "myspace", "NoBranch"),
    ],
)
def test_is_there_work(decision, source, goes_to):
    assert chosen("IsThereWork", {"input": {"decision": decision}}, run={**RUN, "source": source}) == goes_to


@pytest.mark.parametrize("name", ["Collect", "Curate"])
def test_a_category_gets_its_run_and_name(name):
    item = evaluated(STATES[name]["ItemSelector"], run=RUN, object=None)

    assert CategoryInput.model_validate(item).category == "dance"


def test_the_object_that_started_a_run_reaches_collect_as_it_came():
    written = {"key": "uploads/춤/내 영상 100% +1.mp4", "etag": "e", "sequencer": "006A"}
    begun = BeginOutput.model_validate(
        {"decision": "run", "why": "", "run": RUN, "categories": ["춤"], "object": written}
    )

    assigned = evaluated(STATES["Begin"]["Assign"], {"result": {"Payload": begun.model_dump(mode="json")}})
    item = evaluated(STATES["Collect"]["ItemSelector"], **assigned)

    assert CategoryInput.model_validate(item).object == UploadedObject.model_validate(written)


@pytest.mark.parametrize(
    ("statuses", "categories", "goes_to"),
    [
        ({"main": "done", "dance": "done"}, ["main", "dance"], "PlanAnalysis"),
        ({"main": "failed", "dance": "done"}, ["dance"], "PlanAnalysis"),  # One name is still a list.
        ({"main": "failed", "dance": "failed"}, [], "NothingCollected"),
    ],
)
def test_what_was_collected_goes_on(statuses, categories, goes_to):
    result = [{"category": category, "status": status} for category, status in statuses.items()]

    assigned = evaluated(STATES["Collect"]["Assign"], {"result": result})

    assert assigned == {"collected": result, "categories": categories}
    assert chosen("IsAnythingCollected", categories=assigned["categories"]) == goes_to


@pytest.mark.parametrize(
    ("error_output", "cause"),
    [({"Error": "CaptchaShownError", "Cause": "{}"}, "{}"), ({"Error": "States.Timeout"}, "")],
)
def test_a_category_that_failed_says_why(error_output, cause):
    catch = STATES["CrawlCategory"]["Catch"][0]

    output = evaluated(catch["Output"], {"input": {"category": "dance"}, "errorOutput": error_output})

    failed = CollectOutput.model_validate(output)
    assert (failed.status, failed.error, failed.cause) == ("failed", error_output["Error"], cause)


def test_where_nothing_was_collected_the_first_error_is_the_runs():
    collected = [{"error": "EmptyPageError", "cause": "c"}, {"error": "LoginRequiredError", "cause": "d"}]

    assigned = evaluated(STATES["NothingCollected"]["Assign"], collected=collected)

    assert assigned == {"stage": "collect", "fault": {"Error": "EmptyPageError", "Cause": "c"}}


@pytest.mark.parametrize(
    ("analyze", "compute", "goes_to"),
    [(False, "gpu", "WhatToDo"), (True, "gpu", "AnalyzeOnGpu"), (True, "cpu", "AnalyzeOnCpu")],
)
def test_where_to_analyze(analyze, compute, goes_to):
    plan = {**PLAN, "analyze": analyze, "compute": compute}

    assert chosen("WhereToAnalyze", {"input": plan}, run=RUN) == goes_to


@pytest.mark.parametrize(("compute", "goes_to"), [("gpu", "ExtractOnGpu"), ("cpu", "ExtractOnCpu")])
def test_where_to_extract(compute, goes_to):
    plan = {**PLAN, "compute": compute}

    assert chosen("WhereToAnalyze", {"input": plan}, run={**RUN, "source": "upload"}) == "WhereToExtract"
    assert chosen("WhereToExtract", plan=plan) == goes_to


@pytest.mark.parametrize("name", ["AnalyzeOnGpu", "AnalyzeOnCpu"])
@pytest.mark.parametrize("array_size", [1, 4])
def test_the_job_is_an_array_only_where_there_is_much(name, array_size):
    arguments = evaluated(STATES[name]["Arguments"], run=RUN, plan={**PLAN, "array_size": array_size})

    assert arguments["JobName"] == "analyze-tiktok-2026-11-20"
    assert arguments["Parameters"] == {"spec": "s3://b/job.json"}
    assert arguments.get("ArrayProperties") == ({"Size": 4} if array_size > 1 else None)


@pytest.mark.parametrize(
    ("fault", "goes_to"),
    [
        (
            {
                "Error": "States.TaskFailed",
                "Cause": '{"StatusReason":"Canceled by JobStateTimeLimit action due to reason: '
                'CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"}',
            },
            "AnalyzeOnCpu",
        ),
        (
            {"Error": "States.TaskFailed", "Cause": '{"StatusReason":"MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"}'},
            "AnalyzeOnCpu",
        ),
        (
            {"Error": "States.TaskFailed", "Cause": '{"StatusReason":"Essential container in task exited"}'},
            "Fail",
        ),
        ({"Error": "States.Timeout"}, "Fail"),
    ],
)
def test_only_a_missing_gpu_sends_the_job_to_the_cpu(fault, goes_to):
    goes = chosen("IsGpuMissing", run=RUN, fault=fault)

    assert (chosen(goes, run=RUN) if goes == "WhichJobForCpu" else goes) == goes_to


@pytest.mark.parametrize(
    ("source", "fault", "goes_to"),
    [
        ("upload", {"Error": "States.TaskFailed", "Cause": "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"}, "ExtractOnCpu"),
        ("upload", {"Error": "States.TaskFailed", "Cause": "Array Child Job failed"}, "PublishPoses"),
        ("upload", {"Error": "States.Timeout"}, "Fail"),
        ("tiktok", {"Error": "States.TaskFailed", "Cause": "Array Child Job failed"}, "Fail"),
    ],
)
def test_a_videos_job_that_died_costs_only_what_it_had_not_done(source, fault, goes_to):
    run = {**RUN, "source": source}
    goes = chosen("IsGpuMissing", run=run, fault=fault)

    assert (chosen(goes, run=run) if goes == "WhichJobForCpu" else goes) == goes_to


def test_a_video_may_take_longer_than_a_days_pictures():
    arguments = evaluated(STATES["ExtractOnCpu"]["Arguments"], run={**RUN, "source": "upload"}, plan=PLAN)

    assert arguments["JobName"] == "extract-upload-2026-11-20"
    assert arguments["Timeout"] == {"AttemptDurationSeconds": 10800}


@pytest.mark.parametrize(("planned", "said"), [("gpu", "cpu after waiting for a gpu"), ("cpu", "cpu")])
def test_the_run_says_what_the_job_ran_on(planned, said):
    assigned = evaluated(STATES["AnalyzeOnCpu"]["Assign"], plan={**PLAN, "compute": planned})

    assert assigned == {"analyzed_on": said}


@pytest.mark.parametrize("name", ["PlanAnalysis", "Publish", "Archive", "PublishPoses"])
def test_a_stage_gets_the_run_and_its_categories(name):
    payload = evaluated(STATES[name]["Arguments"]["Payload"], run=RUN, categories=["dance"])

    assert StageInput.model_validate(payload).categories == ["dance"]


def test_finish_gets_all_that_the_record_says():
    collected = [{"category": "dance"}, {"category": "food", "status": "failed", "error": "EmptyPageError"}]
    # What Plan assigns stands where an earlier try did the analysis.
    assigned = evaluated(STATES["PlanAnalysis"]["Assign"], {"result": {"Payload": PLAN}})

    payload = evaluated(
        STATES["Finish"]["Arguments"]["Payload"], run=RUN, categories=["dance"], collected=collected, **assigned
    )

    request = FinishInput.model_validate(payload)
    assert request.analyzed_on == "an earlier try"
    assert [category.status for category in request.collected] == ["done", "failed"]


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
    ("source", "collects", "goes_on"),
    [
        ("tiktok", "CrawlCategory", "Curate"),
        ("youtube", "CollectFeed", "PredictItems"),
        ("upload", "CollectUploads", "PublishPoses"),
    ],
)
def test_each_source_has_its_own_way(source: str, collects: str, goes_on: str):
    run = {**RUN, "source": source}

    assert chosen("WhatToCollect", {"input": {"run": run, "category": "dance"}}) == collects
    assert chosen("WhatToDo", {"input": {}}, run=run) == goes_on


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
    taught = TeachOutput(outcome=outcome, why="").model_dump(mode="json")

    assert chosen("IsTraining", {"input": taught}) == goes_to
    assert evaluated(STATES["TeachDetector"]["Assign"]["iteration_id"], {"result": {"Payload": taught}}) is None


def test_a_training_is_waited_for_by_the_workflow_until_it_is_done():
    wait, check = STATES["WaitForTraining"], STATES["CheckTraining"]

    assert (wait["Type"], wait["Next"], check["Next"]) == ("Wait", "CheckTraining", "IsTrained")
    assert chosen("IsTrained", {"input": {"status": "training"}}) == "WaitForTraining"
    assert chosen("IsTrained", {"input": {"status": "completed"}}) == "GateIteration"
    for name in ("CheckTraining", "GateIteration"):
        payload = evaluated(STATES[name]["Arguments"]["Payload"], run=RUN, iteration_id="i1")
        assert TrainingInput.model_validate(payload).iteration_id == "i1"
