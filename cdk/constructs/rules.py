"""What events of AWS cause: an upload starts a run, and a run that was cut off is recorded as failed."""

from __future__ import annotations

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
    ) -> None:
        super().__init__(scope, construct_id)
        self._start_on_upload(bucket, machine, dead_letters)
        self._record_what_was_cut_off(machine, fail_run, dead_letters)

    def _start_on_upload(self, bucket: s3.IBucket, machine: sfn.IStateMachine, dead_letters: sqs.IQueue) -> None:
        start = {
            "source": "upload",
            "object": events.EventField.from_path("$.detail.object"),
            "scheduled_at": events.EventField.time,
        }
        # Only `uploads/`: nothing of ours may write there, so our own output cannot start a run.
        events.Rule(
            self,
            "Upload",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [bucket.bucket_name]},
                    "object": {"key": events.Match.prefix(UPLOADS)},
                },
            ),
            targets=[
                targets.SfnStateMachine(
                    machine,
                    role=iam.Role(
                        self, "UploadRole", assumed_by=service_principal(Stack.of(self), "events.amazonaws.com")
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
