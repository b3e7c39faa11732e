"""One stage alone, on the newest data: the very function of the workflow is called."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from framesift import aws
from framesift.cli.connection import Connection, StackOption, connect
from framesift.cli.console import output
from framesift.contracts import ScopeInput, StageInput, StartInput, TrainingInput
from framesift.errors import FramesiftError, InputError, NotFoundError
from framesift.pipeline.branch import Branch, RunRequest
from framesift.pipeline.branches import BRANCHES, branch_of
from framesift.pipeline.stage import join_scopes
from framesift.table import RunRecord

_ALONE = [branch.source for branch in BRANCHES.values() if branch.stage_states]


def stage(
    name: Annotated[str, typer.Argument(help="The stage: collect, predict, train or gate.")],
    source: Annotated[str, typer.Option(help="The source.")] = _ALONE[0],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only report what it would do; nothing is written or sent.")
    ] = False,
    stack: StackOption = "",
) -> None:
    """Repeat one stage of a source's newest run, whatever its outcome was before."""
    branch = branch_of(source)
    if not branch.stage_states:
        raise InputError(f"The stages of {source} run as a whole: `framesift {branch.start_command}`.")
    if name not in branch.stage_states:
        raise InputError(f"{source} has no stage {name!r} of its own; stages are: {', '.join(branch.stage_states)}.")
    if dry_run and name == "gate":
        raise InputError(
            "The gate judges what is trained: `framesift stage train --dry-run` reports what it compares with."
        )
    connection = connect(stack)
    newest = connection.records.runs.newest(source, 1)
    if not newest:
        raise NotFoundError(f"{source} has not been run yet: `framesift {branch.start_command}` starts a run.")
    for scope, payload in _payloads(connection, newest[0], name, branch):
        if not dry_run:
            connection.records.stages.forget(newest[0].run, name, scope)
        answer = call_state(
            connection, branch.stage_states[name], {**payload, "dry_run": True} if dry_run else payload, branch
        )
        output.print_json(json.dumps(answer, ensure_ascii=False))


def _payloads(connection: Connection, record: RunRecord, name: str, branch: Branch) -> list[tuple[str, dict[str, Any]]]:
    """The inputs of a stage's function, by scope."""
    run = record.run
    scopes = [scope for scope in record.done if record.run_of(scope) == run] or record.scopes
    if name == "collect":
        start, asked = StartInput(source=record.source), RunRequest(scopes, scopes)
        inputs: list[tuple[str, ScopeInput | StageInput | TrainingInput]] = [
            (scope, branch.work(run, scope, start, asked)) for scope in scopes
        ]
    elif name == "gate":
        stages = connection.records.stages.outputs(run)
        begun = [output["iteration_id"] for (stage_, _), output in stages.items() if stage_ == "train"]
        if not begun or begun[0] is None:
            raise NotFoundError("The newest run has started no training: there is nothing to gate.")
        inputs = [(begun[0], TrainingInput(run=run, iteration_id=begun[0]))]
    else:
        inputs = [(join_scopes(scopes), StageInput(run=run, scopes=scopes))]
    return [(scope, request.model_dump(mode="json")) for scope, request in inputs]


def call_state(connection: Connection, state: str, payload: dict[str, Any], branch: Branch) -> Any:
    """Call the function behind a state, and return its answer.

    Raises:
        FramesiftError: What the function raised, by its class.
    """
    name = _function(connection, state, branch)
    answer = aws.lambda_().invoke(FunctionName=name, Payload=json.dumps(payload).encode())
    result = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise _error(result.get("errorType", ""))(result.get("errorMessage", "The function failed."))
    return result


def _function(connection: Connection, state: str, branch: Branch) -> str:
    """The function's name, as the deployed workflow has it."""
    found = aws.stepfunctions().describe_state_machine(stateMachineArn=connection.state_machine_arn)
    states = json.loads(found["definition"])["States"]
    if state == "Collect":
        return str(states["Begin"]["Assign"]["collectors"][branch.collector])
    return str(states[state]["Arguments"]["FunctionName"])


def _error(name: str) -> type[FramesiftError]:
    from framesift import errors

    found = getattr(errors, name, None)
    return found if isinstance(found, type) and issubclass(found, FramesiftError) else FramesiftError
