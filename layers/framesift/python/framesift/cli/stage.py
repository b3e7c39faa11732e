"""One stage alone, on the newest data: the very function of the workflow is called."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import typer

from framesift import aws
from framesift.cli.connection import Connection, StackOption, connect
from framesift.cli.console import output
from framesift.errors import FramesiftError, InputError, NotFoundError
from framesift.pipeline.stage import SCOPE_SEPARATOR
from framesift.table import RunRecord

Stage = Literal["collect", "predict", "teach", "gate"]
_STATES: dict[str, str] = {
    "collect": "CollectFeed",
    "predict": "PredictItems",
    "teach": "TeachDetector",
    "gate": "GateIteration",
}


def stage(
    name: Annotated[Stage, typer.Argument(help="The stage.")],
    source: Annotated[str, typer.Option(help="The source.")] = "youtube",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would do; nothing is written or sent.")
    ] = False,
    stack: StackOption = "",
) -> None:
    """Do one stage again on the newest run of a source, whatever came of it before."""
    if source != "youtube":
        raise InputError(f"The stages of {source} run as a whole: `framesift run {source}`.")
    connection = connect(stack)
    newest = connection.records.runs(source, 1)
    if not newest:
        raise NotFoundError(f"{source} has not been run yet: `framesift run {source}` does.")
    if dry_run and name == "gate":
        raise InputError(
            "The gate judges what is trained: `framesift stage teach --dry-run` says what it compares with."
        )
    for scope, payload in _payloads(connection, newest[0], name):
        if not dry_run:
            connection.records.forget_stage(newest[0].run, name, scope)
        answer = call_state(connection, _STATES[name], {**payload, "dry_run": True} if dry_run else payload)
        output.print_json(json.dumps(answer, ensure_ascii=False))


def _payloads(connection: Connection, record: RunRecord, name: Stage) -> list[tuple[str, dict[str, Any]]]:
    run = record.run.model_dump(mode="json")
    if name == "collect":
        return [(category, {"run": run, "category": category}) for category in record.categories]
    if name != "gate":
        return [(SCOPE_SEPARATOR.join(record.categories), {"run": run, "categories": record.categories})]
    stages = connection.records.stages(record.run)
    begun = [output["iteration_id"] for (stage_, _), output in stages.items() if stage_ == "teach"]
    if not begun or begun[0] is None:
        raise NotFoundError("The newest run has started no training: there is nothing to gate.")
    return [(begun[0], {"run": run, "iteration_id": begun[0]})]


def call_state(connection: Connection, state: str, payload: dict[str, Any]) -> Any:
    """Call the function behind a state, and give its answer.

    Raises:
        FramesiftError: What the function raised, by its class.
    """
    answer = aws.lambda_().invoke(FunctionName=_function(connection, state), Payload=json.dumps(payload).encode())
    result = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise _error(result.get("errorType", ""))(result.get("errorMessage", "The function failed."))
    return result


def _function(connection: Connection, state: str) -> str:
    """The function's name, as the deployed workflow has it."""
    found = aws.stepfunctions().describe_state_machine(stateMachineArn=connection.state_machine_arn)
    states = json.loads(found["definition"])["States"]
    states |= states["Collect"]["ItemProcessor"]["States"]
    return str(states[state]["Arguments"]["FunctionName"])


def _error(name: str) -> type[FramesiftError]:
    from framesift import errors

    found = getattr(errors, name, None)
    return found if isinstance(found, type) and issubclass(found, FramesiftError) else FramesiftError
