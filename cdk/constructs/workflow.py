"""The state machine: its file, what stands for `${…}` in it, and what it may call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import RemovalPolicy, Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk.constructs.grants import service_principal
from cdk.constructs.image import REPOSITORY
from cdk.constructs.nag import accept
from cdk.constructs.retention import retention
from cdk.constructs.vision_job import VisionJob

DEFINITION: Path = REPOSITORY / "statemachine" / "pipeline.asl.json"


class Workflow(Construct):
    """One state machine.

    Args:
        scope: Where it belongs.
        construct_id: Its id.
        name: The state machine's name, which people type, and which ARNs are made of before it exists.
        functions: By the name that the file calls them: `BeginRun` is `${BeginRunFunctionArn}`.
        vision: The queues and jobs.
        log_days: How long the log is kept.

    Attributes:
        machine: The state machine.
        substitutions: What stands for `${…}` in the file.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        functions: Mapping[str, lambda_.IFunction],
        vision: VisionJob,
        log_days: int,
    ) -> None:
        super().__init__(scope, construct_id)
        trusted = service_principal(Stack.of(self), "states.amazonaws.com", ("states", f"stateMachine:{name}"))
        role = iam.Role(self, "Role", assumed_by=trusted)
        self.substitutions = {
            "GpuQueueArn": vision.gpu_queue.job_queue_arn,
            "CpuQueueArn": vision.cpu_queue.job_queue_arn,
            "UploadQueueArn": vision.upload_queue.job_queue_arn,
            "GpuJobArn": vision.gpu_job.job_definition_arn,
            "CpuJobArn": vision.cpu_job.job_definition_arn,
        }
        self._let_run_jobs(role, vision)
        for function_name, function in functions.items():
            self.substitutions[f"{function_name}FunctionArn"] = function.function_arn
            # Not grant_invoke: that allows every version and alias too, and there are none.
            role.add_to_policy(
                iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function_arn])
            )
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=name,
            role=role,
            definition_body=sfn.DefinitionBody.from_string(DEFINITION.read_text(encoding="utf-8")),
            definition_substitutions=self.substitutions,
            tracing_enabled=True,
            logs=sfn.LogOptions(
                level=sfn.LogLevel.ALL,
                include_execution_data=True,  # References and counts: state carries no media and no secret.
                destination=logs.LogGroup(
                    self,
                    "Log",
                    # The prefix keeps the log's resource policy short: AWS allows it 5,120 characters in all.
                    log_group_name=f"/aws/vendedlogs/states/{name}",
                    retention=retention(log_days),
                    removal_policy=RemovalPolicy.DESTROY,
                ),
            ),
        )

    def _let_run_jobs(self, role: iam.Role, vision: VisionJob) -> None:
        """Allow what `batch:submitJob.sync` needs: a rule that Step Functions keeps reports a job's end."""
        rule = Stack.of(self).format_arn(
            service="events", resource="rule", resource_name="StepFunctionsGetEventsForBatchJobsRule"
        )
        for actions, resources in (
            (["batch:SubmitJob"], [*vision.queue_arns, *vision.job_arns]),
            (["batch:DescribeJobs", "batch:TerminateJob"], ["*"]),
            (["events:PutTargets", "events:PutRule", "events:DescribeRule"], [rule]),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources))
        account = "<AWS::AccountId>" if Token.is_unresolved(Stack.of(self).account) else Stack.of(self).account
        place = f"arn:<AWS::Partition>:batch:{Stack.of(self).region}:{account}:job-definition"
        accept(
            role,
            "Jobs have no names before they exist, and log delivery and X-Ray know no resources; a run that began "
            "before a deployment submits the revision of then.",
            "AwsSolutions-IAM5[Resource::*]",
            *(f"AwsSolutions-IAM5[Resource::{place}/{name}:*]" for name in vision.job_names),
        )
