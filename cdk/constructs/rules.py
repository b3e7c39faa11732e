"""What events of AWS cause: an upload starts a run, and a run that was cut off is recorded as failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk.constructs.grants import service_principal
from framesift.keys import UPLOADS
from framesift.pipeline.upload.collect import CLEAN


@dataclass(frozen=True)
class _Trigger:
    """Which event starts the run of an upload, and what of it is the `UploadedObject`."""

    pattern: events.EventPattern
    uploaded: Any


def _created(bucket: s3.IBucket) -> _Trigger:
    """Each object that is put below `uploads/`."""
    pattern = events.EventPattern(
        source=["aws.s3"],
        detail_type=["Object Created"],
        detail={"bucket": {"name": [bucket.bucket_name]}, "object": {"key": events.Match.prefix(UPLOADS)}},
    )
    return _Trigger(pattern, events.EventField.from_path("$.detail.object"))


def _scanned(bucket: s3.IBucket) -> _Trigger:
    """Each object below `uploads/` that GuardDuty has scanned and found clean."""
    pattern = events.EventPattern(
        source=["aws.guardduty"],
        detail_type=["GuardDuty Malware Protection Object Scan Result"],
        detail={
            "s3ObjectDetails": {"bucketName": [bucket.bucket_name], "objectKey": events.Match.prefix(UPLOADS)},
            "scanResultDetails": {"scanResultStatus": [CLEAN]},
        },
    )
    found = "$.detail.s3ObjectDetails"
    uploaded = {
        "key": events.EventField.from_path(f"{found}.objectKey"),
        "etag": events.EventField.from_path(f"{found}.eTag"),
        "version-id": events.EventField.from_path(f"{found}.versionId"),
        "scan_result": events.EventField.from_path("$.detail.scanResultDetails.scanResultStatus"),
    }
    return _Trigger(pattern, uploaded)


class Rules(Construct):
    """The rules between the bucket, the state machine and the function that records failures."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: s3.IBucket,
        machine: sfn.IStateMachine,
        fail_run: lambda_.IFunction,
        dead_letters: sqs.IQueue,
        scanned: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self._start_on_upload(bucket, machine, dead_letters, _scanned(bucket) if scanned else _created(bucket))
        self._record_what_was_cut_off(machine, fail_run, dead_letters)

    def _start_on_upload(
        self, bucket: s3.IBucket, machine: sfn.IStateMachine, dead_letters: sqs.IQueue, trigger: _Trigger
    ) -> None:
        start = {"source": "upload", "object": trigger.uploaded, "scheduled_at": events.EventField.time}
        # Only `uploads/`: nothing of ours may write there, so our own output cannot start a run.
        events.Rule(
            self,
            "Upload",
            event_pattern=trigger.pattern,
            targets=[
                targets.SfnStateMachine(
                    machine,
                    role=iam.Role(
                        self,
                        "UploadRole",
                        assumed_by=service_principal(Stack.of(self), "events.amazonaws.com", ("events", "rule/*")),
                    ),
                    input=events.RuleTargetInput.from_object(start),
                    dead_letter_queue=dead_letters,
                    max_event_age=Duration.hours(6),
                )
            ],
        )

    def _record_what_was_cut_off(
        self, machine: sfn.IStateMachine, fail_run: lambda_.IFunction, dead_letters: sqs.IQueue
    ) -> None:
        # An execution that is stopped, times out or breaks a quota never reaches its own Fail state.
        status = events.EventField.from_path("$.detail.status")
        events.Rule(
            self,
            "CutOff",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={"stateMachineArn": [machine.state_machine_arn], "status": ["FAILED", "TIMED_OUT", "ABORTED"]},
            ),
            targets=[
                targets.LambdaFunction(
                    fail_run,
                    event=events.RuleTargetInput.from_object(
                        {
                            "stage": "execution",
                            "error": status,
                            "cause": f"The execution ended {status} and could not say more; its history can.",
                            "execution_arn": events.EventField.from_path("$.detail.executionArn"),
                        }
                    ),
                    dead_letter_queue=dead_letters,
                    max_event_age=Duration.hours(6),
                )
            ],
        )
