"""All that runs: functions, the vision job, the workflow, what starts it, the API, and notifications."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.config import Config
from cdk.constructs.alerts import Alerts
from cdk.constructs.api import Api
from cdk.constructs.grants import Resources, grant, machine_arn
from cdk.constructs.image import image_asset
from cdk.constructs.image_function import ImageFunction, pascal_case
from cdk.constructs.login import Login
from cdk.constructs.malware_scan import MalwareScan
from cdk.constructs.monitoring import Monitoring
from cdk.constructs.rules import Rules
from cdk.constructs.schedules import Schedules
from cdk.constructs.vision_job import VisionJob
from cdk.constructs.workflow import Workflow
from cdk.functions import FUNCTIONS, VISION, Access
from cdk.secrets import SECRETS
from cdk.stacks.storage import StorageStack


class PipelineStack(Stack):
    """Everything that can be thrown away and deployed again.

    Attributes:
        api_url: The HTTP API's address.
    """

    def __init__(
        self, scope: Construct, construct_id: str, config: Config, storage: StorageStack, **stack: Any
    ) -> None:
        super().__init__(scope, construct_id, termination_protection=config.protect, **stack)
        name = f"framesift-{config.stage}"
        alerts = Alerts(self, "Alerts", email=config.alert_email)
        login = Login(self, "Login", config)
        resources = Resources(
            storage.bucket,
            storage.table,
            storage.secrets,
            alerts.topic,
            name,
            config.read_in_place,
            login.pool,
        )
        functions = self._functions(config, resources, login)
        self._keep_undelivered(functions["fail_run"], alerts)
        vision = VisionJob(self, "Vision", config, {**config.settings, **_bucket_setting(resources)})
        grant(vision.role, VISION, resources)

        workflow = Workflow(
            self,
            "Workflow",
            name=name,
            functions={pascal_case(each.name): functions[each.name] for each in FUNCTIONS if each.is_step},
            vision=vision,
            log_days=config.log_days,
        )
        Schedules(
            self,
            "Schedules",
            schedules=config.schedules,
            timezone=config.timezone,
            machine=workflow.machine,
            maintenance=functions["maintain_collections"],
            dead_letters=alerts.dead_letters,
        )
        Rules(
            self,
            "Rules",
            bucket=storage.bucket,
            machine=workflow.machine,
            fail_run=functions["fail_run"],
            dead_letters=alerts.dead_letters,
            scanned=config.scan_uploads,
        )
        if config.scan_uploads:
            MalwareScan(self, "MalwareScan", bucket=storage.bucket)
        api = Api(
            self,
            "Api",
            config,
            servers={name: functions[name] for name in ("serve_api", "serve_collections")},
            login=login,
        )
        self.api_url = api.api.api_endpoint
        Monitoring(
            self,
            "Monitoring",
            name=name,
            machine=workflow.machine,
            functions=functions,
            outside=("fail_run", "serve_api"),
            hourly=("maintain_collections",),
            api=api.api,
            alerts=alerts,
        )
        # All that the command line needs to know of a stage, in one place.
        for output, value in {
            "BucketName": storage.bucket.bucket_name,
            "TableName": storage.table.table_name,
            "StateMachineArn": workflow.machine.state_machine_arn,
            "FailureTopicArn": alerts.topic.topic_arn,
            "ApiUrl": api.api.api_endpoint,
            "LoginUrl": login.domain.base_url(),
            "UserPoolId": login.pool.user_pool_id,
            "ClientId": login.client.user_pool_client_id,
            "LoginCallbackUrl": config.login_callback_url,
        }.items():
            CfnOutput(self, output, value=value)

    def _keep_undelivered(self, function: ImageFunction, alerts: Alerts) -> None:
        """Put events that a function could not take into the dead-letter queue.

        The construct's own way would let the function read the queue's attributes, too.
        """
        function.own_role.add_to_policy(
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[alerts.dead_letters.queue_arn])
        )
        lambda_.CfnEventInvokeConfig(
            self,
            "Undelivered",
            function_name=function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=2,
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=alerts.dead_letters.queue_arn)
            ),
        )

    def _functions(self, config: Config, resources: Resources, login: Login) -> dict[str, ImageFunction]:
        """Every function, with its access and the settings that follow from it."""
        names = dict.fromkeys(function.image for function in FUNCTIONS)
        # The crawler's browser meets hostile pages: its layer is built anew each week (docs/operations.md).
        build_args = {"crawler": {"CHROMIUM_WEEK": config.chromium_week}}
        images = {
            name: image_asset(self, f"{pascal_case(name)}Image", name, **build_args.get(name, {})) for name in names
        }
        functions = {}
        for function in FUNCTIONS:
            made = ImageFunction(
                self,
                function,
                image=images[function.image],
                environment={
                    "FRAMESIFT_RUN__TIMEZONE": config.timezone,
                    **config.settings,
                    **_settings(function.access, resources),
                    **(_login_settings(login) if function.name == "serve_api" else {}),
                    **(
                        {"FRAMESIFT_PLATFORM__STATE_MACHINE": machine_arn(self, resources.machine_name)}
                        if function.access.starts_runs
                        else {}
                    ),
                },
                log_days=config.log_days,
            )
            grant(made.own_role, function.access, resources)
            functions[function.name] = made
        self._let_start_maintenance(functions)
        return functions

    def _let_start_maintenance(self, functions: Mapping[str, ImageFunction]) -> None:
        """Let those functions call the maintenance of collections that leave work to it."""
        maintenance = functions["maintain_collections"]
        for function in FUNCTIONS:
            if function.access.starts_maintenance:
                caller = functions[function.name]
                caller.add_environment("FRAMESIFT_PLATFORM__MAINTENANCE", maintenance.function_name)
                caller.own_role.add_to_policy(
                    iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[maintenance.function_arn])
                )


def _settings(access: Access, resources: Resources) -> dict[str, str]:
    """The settings that tell a function where what it may use is."""
    settings = _bucket_setting(resources) if access.uses_bucket else {}
    if access.records:
        settings["FRAMESIFT_PLATFORM__TABLE"] = resources.table.table_name
    if access.users and resources.users:
        settings["FRAMESIFT_PLATFORM__USER_POOL"] = resources.users.user_pool_id
    if access.notifies:
        settings["FRAMESIFT_PLATFORM__FAILURE_TOPIC"] = resources.topic.topic_arn
    for name in access.secrets:
        if name in resources.secrets:
            settings[SECRETS[name].setting] = resources.secrets[name].secret_arn
    return settings


def _login_settings(login: Login) -> dict[str, str]:
    """Where people log in: its pages ask the API."""
    return {
        "FRAMESIFT_PLATFORM__LOGIN_URL": login.domain.base_url(),
        "FRAMESIFT_PLATFORM__LOGIN_CLIENT": login.client.user_pool_client_id,
    }


def _bucket_setting(resources: Resources) -> dict[str, str]:
    return {"FRAMESIFT_PLATFORM__BUCKET": resources.bucket.bucket_name}
