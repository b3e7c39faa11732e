"""When runs start by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import Duration, Stack, TimeZone
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk.config import Schedule
from cdk.constructs.grants import service_principal


class Schedules(Construct):
    """The day's starts, and the maintenance of collections in every hour.

    A start carries the time that it was scheduled for, so that a late or repeated one still means the same day.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        schedules: Sequence[Schedule],
        timezone: str,
        machine: sfn.IStateMachine,
        maintenance: lambda_.IFunction,
        dead_letters: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        for schedule in schedules:
            start: dict[str, Any] = {
                "source": schedule.source,
                "scheduled_at": scheduler.ContextAttribute.scheduled_time,
            }
            if schedule.only_if_failed:
                start["only_if_failed"] = True
            scheduler.Schedule(
                self,
                schedule.name,
                schedule=scheduler.ScheduleExpression.cron(
                    minute="0", hour=str(schedule.hour), time_zone=TimeZone.of(timezone)
                ),
                target=targets.StepFunctionsStartExecution(
                    machine,
                    input=scheduler.ScheduleTargetInput.from_object(start),
                    dead_letter_queue=dead_letters,
                    retry_attempts=10,
                    max_event_age=Duration.hours(6),
                ),
            )
        source = ("scheduler", "schedule-group/default")
        caller = iam.Role(
            self, "MaintenanceRole", assumed_by=service_principal(Stack.of(self), "scheduler.amazonaws.com", source)
        )
        caller.add_to_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[maintenance.function_arn])
        )
        scheduler.Schedule(
            self,
            "Maintenance",
            schedule=scheduler.ScheduleExpression.cron(minute="30", time_zone=TimeZone.of(timezone)),
            # Whatever it leaves undone is done an hour later: dead letters would say nothing.
            target=targets.LambdaInvoke(
                maintenance,
                input=scheduler.ScheduleTargetInput.from_object({}),
                retry_attempts=0,
                role=caller.without_policy_updates(),  # CDK's target would let it call all versions.
            ),
        )
