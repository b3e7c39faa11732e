"""Step Functions: moto's interpreter of our state machine, with its gaps filled.

What is changed, each because AWS behaves so (moto 5.2.5 does not): JSONata is evaluated; Batch takes and
gives PascalCase, and a stopped execution stops its job; an execution has a name when none is given; Stop
aborts at once; an interpreter that breaks fails its execution instead of leaving it RUNNING for ever; the
executions and their histories outlive the process; a change of status is an event.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
import sys
import threading
import time
import uuid
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from moto.core.config import default_user_config
from moto.core.responses import ActionResult
from moto.stepfunctions.exceptions import InvalidName
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_callback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_batch import (
    StateTaskServiceBatch,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import (
    WaitFunction,
)
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import (
    StepFunctionsParserBackend,
    stepfunctions_parser_backends,
)
from moto.stepfunctions.responses import StepFunctionResponse

from framesift.errors import DiskFullError
from framesift_local.aws.executions import PastExecution, make_record, status_detail, write_timestamp
from framesift_local.aws.jsonata_queries import QueryEvaluationError, evaluate
from framesift_local.aws.patching import original, replace
from framesift_local.aws.records import Records
from framesift_local.aws.template import ACCOUNT

SYNC_POLL_S = 0.05
NAME_PATTERN = re.compile(r'[^\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}')
"""What an execution may be called (API reference of StartExecution)."""

StatusListener = Callable[[dict[str, Any]], None]


def ignore_status(_: dict[str, Any]) -> None:
    """Do nothing on a change of status."""


def _literal(parser_rule_context: Any) -> str | None:
    """Replace `Preprocessor._inner_string_of`: a JSON string's escapes are part of its notation."""
    text: str = parser_rule_context.getText()
    if text == "null":
        return None
    return json.loads(text) if text.startswith('"') else text


def _evaluate_in(self: Any, env: Any) -> None:
    """Replace `StringJSONata._eval_body`."""
    store = env.variable_store
    states = json.loads(json.dumps(env.states._states_data, default=write_timestamp))
    try:
        value = evaluate(self.expression, {**store._outer_scope, **store._inner_scope, "states": states})
    except QueryEvaluationError as error:
        name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
        details = {"cause": str(error), "error": name.error_name}
        event_details: Any = {"evaluationFailedEventDetails": details}
        raise FailureEventException(
            FailureEvent(
                env=env,
                error_name=name,
                event_type=HistoryEventType.EvaluationFailed,
                event_details=event_details,
            )
        ) from error
    env.stack.append(value)


def _shape(action: str, side: str) -> Any:
    """Return the botocore shape of a Batch call's input or output."""
    model = botocore.session.get_session().get_service_model("batch")
    operation = "".join(part[:1].upper() + part[1:] for part in action.split("_"))
    return getattr(model.operation_model(operation), f"{side}_shape")


def _batch_parameters(self: Any, parameters: dict[str, Any], *_: Any, **__: Any) -> None:
    self._to_boto_request(parameters, _shape(self.resource.api_action, "input"))


def _batch_response(self: Any, response: Any, *_: Any, service_action_name: str | None = None, **__: Any) -> None:
    action = service_action_name or self.resource.api_action
    self._from_boto_response(response, _shape(action, "output"))


def _fill_batch() -> None:
    """Give Batch tasks PascalCase, and stop the job when the task is given up."""
    build = original(StateTaskServiceBatch, "_build_sync_resolver")
    wait = original(StateTaskServiceBatch, "_eval_sync")

    def build_sync_resolver(self: Any, env: Any, **kwargs: Any) -> Any:
        self._framesift_job = env.stack[-1]["JobId"]
        return build(self, env=env, **kwargs)

    def eval_sync(self: Any, env: Any, **kwargs: Any) -> Any:
        job_id, region = self._framesift_job, env.aws_execution_details.region
        outcome = wait(self, env=env, **kwargs)
        if outcome is None:  # Stopped or timed out: AWS then ends the job.
            _client(region, "batch").terminate_job(jobId=job_id, reason="The state machine's task was stopped.")
        return outcome

    replace(StateTaskServiceBatch, "_normalise_parameters", _batch_parameters)
    replace(StateTaskServiceBatch, "_normalise_response", _batch_response)
    replace(StateTaskServiceBatch, "_build_sync_resolver", build_sync_resolver)
    replace(StateTaskServiceBatch, "_eval_sync", eval_sync)
    replace(state_task_service_callback, "_DELAY_SECONDS_SYNC_CONDITION_CHECK", SYNC_POLL_S)


_endpoint = ""


@cache
def _make_client(endpoint: str, region: str, service: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106  the embedded AWS checks none
        config=Config(
            retries={"total_max_attempts": 1},
            parameter_validation=False,
            max_pool_connections=64,
            read_timeout=7200,
        ),
    )


_client_lock = threading.Lock()


def _client(region: str, service: str, state_credentials: Any = None) -> Any:
    """Replace moto's `boto_client_for`: one client a service, to our endpoint."""
    with _client_lock:  # Making clients is not safe on threads; using them is.
        return _make_client(_endpoint, region, service)


class StepFunctions:
    """Fills moto's gaps, and keeps executions.

    Args:
        records: Where executions are kept.
        region: The region of the stack.
        time_scale: Factor on the waits of Retry and Wait.
        on_status: Called with the detail of each change of status (an event of `aws.states`).
    """

    def __init__(self, records: Records, region: str, *, time_scale: float, on_status: StatusListener) -> None:
        self._records = records
        self._region = region
        self._time_scale = time_scale
        self._on_status = on_status
        self._ending = threading.Lock()
        self._frozen = False

    def install(self, endpoint: str) -> None:
        """Fill the gaps; tasks call services at `endpoint`."""
        global _endpoint
        _endpoint = endpoint
        default_user_config["stepfunctions"]["execute_state_machine"] = True
        for name, module in list(sys.modules.items()):
            if name.startswith("moto.stepfunctions.parser") and hasattr(module, "boto_client_for"):
                replace(module, "boto_client_for", _client)
        replace(StringJSONata, "_eval_body", _evaluate_in)
        replace(Preprocessor, "_inner_string_of", staticmethod(_literal))
        _fill_batch()
        self._scale_waits()
        self._fill_start_and_stop()
        self._watch_executions()

    def restore(self) -> list[dict[str, Any]]:
        """Bring back the executions of earlier processes; those that ran are ABORTED.

        Returns:
            The details of those that were aborted now, to be reported once all else is there.
        """
        aborted = []
        machines = {machine.arn: machine for machine in self._backend().state_machines}
        for _, arn, record in self._records.scan("execution"):
            machine = machines.get(record["state_machine_arn"])
            if record["status"] == "RUNNING":
                record |= {
                    "status": "ABORTED",
                    "stop_date": dt.datetime.now(dt.UTC).isoformat(),
                    "error": "EmbeddedAws.Stopped",
                    "cause": "The embedded AWS was stopped while the execution ran.",
                }
                self._records.put("execution", "", arn, record)
                aborted.append(status_detail(record))
            if machine is not None:
                machine.executions.append(PastExecution(record, machine))
        return aborted

    def freeze(self) -> None:
        """Record and report nothing more: the next start aborts what runs now, and reports it."""
        self._frozen = True
        for machine in self._backend().state_machines:
            for execution in machine.executions:
                if execution.status == "RUNNING":
                    _stop_interpreter(execution)

    def _backend(self) -> Any:
        return stepfunctions_parser_backends[ACCOUNT][self._region]

    def _scale_waits(self) -> None:
        scale = self._time_scale
        scaled = SimpleNamespace(sleep=lambda wait_s: time.sleep(wait_s * scale))
        replace(retrier_decl, "time", scaled)

        def evaluate_wait(self: Any, env: Any) -> None:
            until = time.monotonic() + self._get_wait_seconds(env=env) * scale
            while env.is_running() and (left_s := until - time.monotonic()) > 0:
                env.program_state_event.wait(left_s)

        replace(WaitFunction, "_eval_body", evaluate_wait)

    def _fill_start_and_stop(self) -> None:
        """Name executions that have no name, and stop them at once."""
        end = self._end
        start_named = original(StepFunctionsParserBackend, "start_execution")

        def start_execution(
            self: Any, state_machine_arn: str, name: str | None, execution_input: str, *rest: Any
        ) -> Any:
            name = name or str(uuid.uuid4())
            if not NAME_PATTERN.fullmatch(name):
                raise InvalidName(f"Invalid Name: '{name}'")
            return start_named(self, state_machine_arn, name, execution_input, *rest)

        def stop(self: Any, stop_date: Any, error: str | None, cause: str | None) -> None:
            end(self, "ABORTED", error, cause)
            _stop_interpreter(self)

        def stop_execution(self: Any) -> Any:
            execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
            if execution.status == "RUNNING":
                execution.stop(None, self._get_param("error"), self._get_param("cause"))
            return ActionResult({"stopDate": execution.stop_date})

        replace(StepFunctionsParserBackend, "start_execution", start_execution)
        replace(Execution, "stop", stop)
        replace(StepFunctionResponse, "stop_execution", stop_execution)

    def _watch_executions(self) -> None:
        """Record and report each change of an execution's status."""
        changed, end, reflect = self._changed, self._end, self._reflect
        start = original(Execution, "start")
        run = original(ExecutionWorker, "_execution_logic")

        def start_recorded(self: Any) -> None:
            self.exec_status = SimpleNamespace(value="RUNNING")
            changed(self)
            start(self)

        def run_guarded(self: Any) -> None:
            try:
                run(self)
            except Exception as error:  # noqa: BLE001  the interpreter's bug is the execution's failure
                execution = self._execution_communication.execution
                end(execution, "FAILED", "States.Runtime", repr(error))

        def terminated(self: Any) -> None:
            reflect(self)

        replace(Execution, "start", start_recorded)
        replace(ExecutionWorker, "_execution_logic", run_guarded)
        replace(BaseExecutionWorkerCommunication, "terminated", terminated)

    def _reflect(self, communication: Any) -> None:
        """Take over how the interpreter ended, unless the execution was stopped before."""
        with self._ending:
            if communication.execution.status != "RUNNING":
                return
            communication._reflect_execution_status()
        self._changed(communication.execution)

    def _end(self, execution: Any, status: str, error: str | None, cause: str | None) -> None:
        with self._ending:
            if execution.status != "RUNNING":
                return
            execution.stop_date = dt.datetime.now(dt.UTC)
            execution.error, execution.cause = error, cause
            execution.exec_status = SimpleNamespace(value=status)
        self._changed(execution)

    def _changed(self, execution: Any) -> None:
        """Record an execution, then send an event of its status."""
        if self._frozen:
            return
        record = make_record(execution)
        with contextlib.suppress(DiskFullError):  # The execution ends all the same, and its listeners are called.
            self._records.put("execution", "", record["execution_arn"], record)
        self._on_status(status_detail(record))


def _stop_interpreter(execution: Any) -> None:
    """Let the interpreter's thread end at the next state; it may have only just been started."""
    worker, until = execution.exec_worker, time.monotonic() + 2
    while worker is not None and worker.env is None and time.monotonic() < until:
        time.sleep(0.01)
    if worker is not None and worker.env is not None:
        worker.stop(stop_date=None, error=None, cause=None)
