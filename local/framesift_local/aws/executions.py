"""What is kept of an execution: its record, the event of its status, and its life after a restart."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from moto.stepfunctions.parser.backend.execution import Execution


def write_timestamp(value: Any) -> str:
    """Write a date as the context object has it."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


class PastExecution(Execution):
    """An execution of an earlier process, made from its record."""

    def __init__(self, record: Mapping[str, Any], machine: Any) -> None:
        self.name = record["name"]
        self.exec_arn = self.execution_arn = record["execution_arn"]
        self.state_machine = machine
        self.state_machine_arn = machine.arn
        self.exec_status: Any = SimpleNamespace(value=record["status"])
        self.start_date = dt.datetime.fromisoformat(record["start_date"])
        stop = record["stop_date"]
        self.stop_date = stop and dt.datetime.fromisoformat(stop)
        self.execution_input = record["input"]
        self.input_data = json.loads(record["input"])
        self.output = record["output"]
        self.output_details = {"included": True}
        self.error, self.cause = record["error"], record["cause"]
        self.exec_worker = None
        self._history = record.get("history", [])

    def to_history_output(self) -> Any:
        """Return the events that were kept when it ended."""
        events = [{**event, "timestamp": dt.datetime.fromisoformat(event["timestamp"])} for event in self._history]
        return {"events": events}


def make_record(execution: Any) -> dict[str, Any]:
    """Return what is kept of an execution."""
    ended = execution.status != "RUNNING"
    output = execution.output
    worker = execution.exec_worker
    events = worker.env.event_manager.get_event_history() if ended and worker and worker.env else []
    return {
        "execution_arn": execution.exec_arn,
        "state_machine_arn": execution.state_machine.arn,
        "name": execution.name,
        "status": execution.status,
        "start_date": execution.start_date.isoformat(),
        "stop_date": execution.stop_date.isoformat() if execution.stop_date else None,
        "input": execution.execution_input,
        "output": json.dumps(output, default=write_timestamp) if output is not None else None,
        "error": execution.error,
        "cause": execution.cause,
        "history": json.loads(json.dumps(events, default=lambda value: value.isoformat())),
    }


def status_detail(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the detail of a "Step Functions Execution Status Change"."""

    def milliseconds(date: str | None) -> int | None:
        return date and int(dt.datetime.fromisoformat(date).timestamp() * 1000)  # type: ignore[return-value]

    return {
        "executionArn": record["execution_arn"],
        "stateMachineArn": record["state_machine_arn"],
        "name": record["name"],
        "status": record["status"],
        "startDate": milliseconds(record["start_date"]),
        "stopDate": milliseconds(record["stop_date"]),
        "input": record["input"],
        "output": record["output"],
        "error": record["error"],
        "cause": record["cause"],
    }
