"""All that runs: functions, the vision job, the workflow, what starts it, the API, and who is told."""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_lambda_destinations as destinations
from constructs import Construct

from cdk.config import Config
from cdk.constructs import grants
from cdk.constructs.alerts import Alerts
from cdk.constructs.api import Api
from cdk.constructs.image import image_asset
from cdk.constructs.image_function import ImageFunction, pascal_case
from cdk.constructs.login import Login
from cdk.constructs.monitoring import Monitoring
from cdk.constructs.rules import Rules
from cdk.constructs.schedules import Schedules
from cdk.constructs.vision_job import VisionJob
from cdk.constructs.workflow import Workflow
from cdk.stacks.storage import StorageStack

_TABLE_ACTIONS = {
    "begin_run": ("GetItem", "PutItem"),
    "crawl_category": ("GetItem", "PutItem"),
    "plan_analysis": ("GetItem", "Query"),
    "curate_category": ("GetItem", "Query", "PutItem"),
    "publish_lists": ("GetItem", "PutItem"),
    "archive_run": ("GetItem", "PutItem", "BatchWriteItem"),
    "finish_run": ("GetItem", "Query", "PutItem", "DeleteItem"),
    "fail_run": ("GetItem", "Query", "PutItem"),
    "serve_api": ("GetItem", "Query", "PutItem"),
    "collect_feed": ("GetItem", "PutItem"),
    "predict_items": ("GetItem", "PutItem", "BatchWriteItem"),
    "train_detector": ("GetItem", "Query", "PutItem"),
    "gate_iteration": ("GetItem", "PutItem"),
    "collect_uploads": ("GetItem", "PutItem"),
    "publish_poses": ("GetItem", "Query", "PutItem"),
}


class PipelineStack(Stack):
    """Everything that can be thrown away and deployed again."""

    def __init__(
        self, scope: Construct, construct_id: str, config: Config, storage: StorageStack, **stack: Any
    ) -> None:
        super().__init__(scope, construct_id, termination_protection=config.protect, **stack)
        name = f"framesift-{config.stage}"
        alerts = Alerts(self, "Alerts", email=config.alert_email)
        functions = self._functions(config, storage, alerts)
        vision = VisionJob(self, "Vision", config, {**config.settings, **_places(storage, "bucket")})
        self._grant(name, functions, vision, storage, alerts)

        workflow = Workflow(
            self,
            "Workflow",
            name=name,
            functions={pascal_case(each): function for each, function in functions.items() if each != "serve_api"},
            vision=vision,
            log_days=config.log_days,
        )
        Schedules(
            self,
            "Schedules",
            schedules=config.schedules,
            timezone=config.timezone,
            machine=workflow.machine,
            dead_letters=alerts.dead_letters,
        )
        Rules(
            self,
            "Rules",
            bucket=storage.bucket,
            machine=workflow.machine,
            fail_run=functions["fail_run"],
            dead_letters=alerts.dead_letters,
        )
        login = Login(self, "Login", stage=config.stage, callback_url=config.login_callback_url)
        api = Api(self, "Api", config, serve_api=functions["serve_api"], login=login)
        Monitoring(
            self,
            "Monitoring",
            name=name,
            machine=workflow.machine,
            functions=functions,
            outside=("fail_run", "serve_api"),
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
        }.items():
            CfnOutput(self, output, value=value)

    def _functions(self, config: Config, storage: StorageStack, alerts: Alerts) -> dict[str, ImageFunction]:
        """Every function, with only the settings that it needs."""
        images = {image: image_asset(self, f"{image.title()}Image", image) for image in ("steps", "crawler")}
        state = _places(storage, "bucket", "table")
        told = {"FRAMESIFT_PLATFORM__FAILURE_TOPIC": alerts.topic.topic_arn}
        azure = {"FRAMESIFT_CUSTOM_VISION__SECRET": storage.custom_vision.secret_arn}
        environments = {
            "begin_run": _places(storage, "table"),
            "crawl_category": {**state, "FRAMESIFT_CRAWL__SESSION_SECRET": storage.session.secret_arn},
            "plan_analysis": state,
            "curate_category": {**state, "FRAMESIFT_LANGUAGE__GOOGLE_SECRET": storage.google.secret_arn},
            "publish_lists": state,
            "archive_run": state,
            "finish_run": {**state, **told},
            "fail_run": {**_places(storage, "table"), **told},
            "serve_api": state,
            "collect_feed": {**state, "FRAMESIFT_YOUTUBE__API_SECRET": storage.youtube.secret_arn},
            "predict_items": {**state, **azure},
            "train_detector": {**state, **azure},
            "check_training": azure,
            "gate_iteration": {**_places(storage, "table"), **azure},
            "collect_uploads": state,
            "publish_poses": state,
        }
        return {
            name: ImageFunction(
                self,
                name,
                image=images["crawler" if name == "crawl_category" else "steps"],
                handler=(
                    "containers.crawler.handler.handler"
                    if name == "crawl_category"
                    else f"functions.{name}.handler.handler"
                ),
                size=config.functions[name],
                environment={"FRAMESIFT_RUN__TIMEZONE": config.timezone, **config.settings, **environment},
                log_days=config.log_days,
            )
            for name, environment in environments.items()
        }

    def _grant(
        self,
        machine_name: str,
        functions: dict[str, ImageFunction],
        vision: VisionJob,
        storage: StorageStack,
        alerts: Alerts,
    ) -> None:
        """Who may do what: the whole list."""
        bucket, roles = storage.bucket, {name: function.own_role for name, function in functions.items()}
        for function_name, actions in _TABLE_ACTIONS.items():
            grants.use_table(roles[function_name], storage.table, *actions)
        grants.use_table(vision.role, storage.table, "GetItem", "PutItem")

        grants.describe_executions(roles["begin_run"], machine_name)

        grants.read_objects(roles["crawl_category"], bucket, "runs/")
        grants.write_objects(roles["crawl_category"], bucket, "runs/")
        grants.read_secret(roles["crawl_category"], storage.session)
        grants.write_secret(roles["crawl_category"], storage.session)

        grants.read_objects(roles["plan_analysis"], bucket, "runs/")
        grants.write_objects(roles["plan_analysis"], bucket, "runs/*/analysis/")

        grants.read_objects(vision.role, bucket, "runs/", "models/")
        grants.read_versions(vision.role, bucket, "uploads/")
        grants.write_objects(vision.role, bucket, "runs/", "collections/*/poses/")

        grants.read_objects(roles["collect_uploads"], bucket, "uploads/")
        grants.write_objects(roles["collect_uploads"], bucket, "runs/upload/")
        grants.read_objects(roles["publish_poses"], bucket, "runs/upload/")
        grants.write_objects(roles["publish_poses"], bucket, "collections/*/poses/")

        grants.read_objects(roles["curate_category"], bucket, "runs/")
        grants.write_objects(roles["curate_category"], bucket, "runs/")
        grants.read_secret(roles["curate_category"], storage.google)

        grants.read_objects(roles["publish_lists"], bucket, "runs/", "published/")
        grants.write_objects(roles["publish_lists"], bucket, "published/")

        grants.read_objects(roles["archive_run"], bucket, "runs/")
        grants.write_objects(roles["archive_run"], bucket, "residual/")
        grants.delete_objects(roles["archive_run"], bucket, "runs/*/media/")

        grants.read_objects(roles["finish_run"], bucket, "runs/")
        grants.read_objects(roles["serve_api"], bucket, "published/")

        for name in ("collect_feed", "predict_items", "train_detector"):
            grants.read_objects(roles[name], bucket, "runs/")
        for name in ("collect_feed", "predict_items"):
            grants.write_objects(roles[name], bucket, "runs/")
        grants.read_objects(roles["predict_items"], bucket, "models/")
        grants.read_secret(roles["collect_feed"], storage.youtube)
        for name in ("predict_items", "train_detector", "check_training", "gate_iteration"):
            grants.read_secret(roles[name], storage.custom_vision)

        grants.publish(roles["finish_run"], alerts.topic, alerts.key)
        grants.publish(roles["fail_run"], alerts.topic, alerts.key)
        functions["fail_run"].configure_async_invoke(
            retry_attempts=2, on_failure=destinations.SqsDestination(alerts.dead_letters)
        )


def _places(storage: StorageStack, *names: str) -> dict[str, str]:
    places = {"bucket": storage.bucket.bucket_name, "table": storage.table.table_name}
    return {f"FRAMESIFT_PLATFORM__{name.upper()}": places[name] for name in names}
