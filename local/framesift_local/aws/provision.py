"""Makes the template's resources, through the services' ordinary APIs where moto has them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

from framesift_local.aws.batch import Batch
from framesift_local.aws.functions import Functions, FunctionSpec
from framesift_local.aws.jobs import JobDefinition, JobQueue
from framesift_local.aws.template import Resource, TemplateError, Templates

_GPU_INSTANCE = re.compile(r"(g\d|p\d|gr\d)")
_MAP_FIELDS = {"Parameters", "Tags", "Options", "Labels"}


def camel_case(value: Any) -> Any:
    """Turn CloudFormation's PascalCase keys into the camelCase of Batch's API; free maps stay."""
    if isinstance(value, list):
        return [camel_case(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {
        key[:1].lower() + key[1:]: entry if key in _MAP_FIELDS else camel_case(entry) for key, entry in value.items()
    }


def make_storage(templates: Templates, client: Any) -> None:
    """Make buckets, tables, secrets, topics and queues. `client(service)` gives a boto3 client."""
    make_data(templates, client)
    for resource in templates.resources("AWS::SecretsManager::Secret"):
        client("secretsmanager").create_secret(Name=resource.name, SecretString=_secret_value(resource.properties))
    for resource in templates.resources("AWS::SNS::Topic"):
        client("sns").create_topic(Name=resource.name)
    for resource in templates.resources("AWS::SQS::Queue"):
        names = ("MessageRetentionPeriod", "VisibilityTimeout")
        attributes = {n: str(resource.properties[n]) for n in names if n in resource.properties}
        client("sqs").create_queue(QueueName=resource.name, Attributes=attributes)


def make_data(templates: Templates, client: Any) -> None:
    """Make buckets and tables, which hold what runs have made. `client(service)` gives a boto3 client."""
    for resource in templates.resources("AWS::S3::Bucket"):
        _make_bucket(client("s3"), resource, templates.region)
    for resource in templates.resources("Custom::S3BucketNotifications"):  # CDK's way to do it
        if "EventBridgeConfiguration" in resource.properties["NotificationConfiguration"]:
            enable_events(client("s3"), resource.properties["BucketName"])
    for resource in templates.resources("AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table"):
        _make_table(client("dynamodb"), resource)


def _make_bucket(s3: Any, resource: Resource, region: str) -> None:
    name, properties = resource.name, resource.properties
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    rules = properties.get("LifecycleConfiguration", {}).get("Rules", [])
    if rules:
        configuration = {"Rules": [_lifecycle_rule(rule, i) for i, rule in enumerate(rules)]}
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration=configuration)
    notifications = properties.get("NotificationConfiguration", {})
    if notifications.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled", False):
        enable_events(s3, name)
    if "PublicAccessBlockConfiguration" in properties:
        s3.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"],
        )


def enable_events(s3: Any, bucket: str) -> None:
    """Let a bucket's events go to EventBridge."""
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})


def _lifecycle_rule(rule: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Turn CloudFormation's form of a lifecycle rule into the API's."""
    api: dict[str, Any] = {
        "ID": rule.get("Id", f"rule-{number}"),
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
    }
    if "ExpirationInDays" in rule:
        api["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    if "AbortIncompleteMultipartUpload" in rule:
        days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        api["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": int(days)}
    noncurrent = rule.get("NoncurrentVersionExpiration")
    if noncurrent:
        api["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(noncurrent["NoncurrentDays"])}
    return api


def _make_table(dynamodb: Any, resource: Resource) -> None:
    properties = resource.properties
    request: dict[str, Any] = {
        "TableName": resource.name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": properties["KeySchema"],
        "AttributeDefinitions": properties["AttributeDefinitions"],
    }
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        if kind in properties:
            names = ("IndexName", "KeySchema", "Projection")
            request[kind] = [{name: index[name] for name in names} for index in properties[kind]]
    dynamodb.create_table(**request)
    time_to_live = properties.get("TimeToLiveSpecification")
    if time_to_live and time_to_live.get("Enabled", True):
        dynamodb.update_time_to_live(
            TableName=resource.name,
            TimeToLiveSpecification={
                "Enabled": True,
                "AttributeName": time_to_live["AttributeName"],
            },
        )


def _secret_value(properties: Mapping[str, Any]) -> str:
    if "SecretString" in properties:
        return str(properties["SecretString"])
    generate = properties.get("GenerateSecretString", {})
    password = secrets.token_urlsafe(24)
    if "GenerateStringKey" not in generate:
        return password
    template = json.loads(generate["SecretStringTemplate"])
    return json.dumps({**template, generate["GenerateStringKey"]: password})


def make_identities(templates: Templates, client: Any) -> None:
    """Make Cognito's pools, clients and groups."""
    cognito = client("cognito-idp")
    for resource in templates.resources("AWS::Cognito::UserPool"):
        names: tuple[str, ...] = ("Policies", "UsernameAttributes", "AliasAttributes", "AutoVerifiedAttributes")
        options = {name: resource.properties[name] for name in names if name in resource.properties}
        made = cognito.create_user_pool(PoolName=resource.name, **options)["UserPool"]["Id"]
        _expect(made, resource.ref)
    for resource in templates.resources("AWS::Cognito::UserPoolClient"):
        names = ("ExplicitAuthFlows", "AllowedOAuthScopes", "GenerateSecret")
        options = {name: resource.properties[name] for name in names if name in resource.properties}
        made = cognito.create_user_pool_client(
            UserPoolId=resource.properties["UserPoolId"], ClientName=resource.name, **options
        )["UserPoolClient"]["ClientId"]
        _expect(made, resource.ref)
    for resource in templates.resources("AWS::Cognito::UserPoolGroup"):
        cognito.create_group(UserPoolId=resource.properties["UserPoolId"], GroupName=resource.name)


def _expect(made: str, planned: str) -> None:
    if made != planned:
        raise TemplateError(f"Cognito made {made} where {planned} was planned: moto has changed.")


def make_functions(templates: Templates, functions: Functions) -> None:
    """Make Lambda's functions.

    Raises:
        TemplateError: A function is not of an image whose command is a dotted path.
    """
    for resource in templates.resources("AWS::Lambda::Function"):
        properties = resource.properties
        if properties.get("PackageType") != "Image":
            continue  # CDK's own helpers (custom resources) have no part in the workflow.
        command = properties.get("ImageConfig", {}).get("Command") or []
        if len(command) != 1:
            raise TemplateError(f"{resource.logical_id} needs ImageConfig.Command with the handler's dotted path.")
        functions.add(
            FunctionSpec(
                name=resource.name,
                arn=resource.arn,
                handler=command[0],
                timeout_s=float(properties.get("Timeout", 3)),
                memory_mb=int(properties.get("MemorySize", 128)),
                environment=_strings(properties.get("Environment", {}).get("Variables", {})),
                reserved_concurrency=properties.get("ReservedConcurrentExecutions"),
            )
        )


def _strings(variables: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in variables.items()}


def make_batch(templates: Templates, batch: Batch) -> None:
    """Make Batch's queues and job definitions."""
    gpu_environments = {
        resource.ref
        for resource in templates.resources("AWS::Batch::ComputeEnvironment")
        if _is_gpu(resource.properties.get("ComputeResources", {}))
    }
    for resource in templates.resources("AWS::Batch::JobQueue"):
        order = resource.properties.get("ComputeEnvironmentOrder", [])
        batch.queues[resource.name] = JobQueue(
            name=resource.name,
            arn=resource.arn,
            needs_gpu=bool(order) and all(entry["ComputeEnvironment"] in gpu_environments for entry in order),
            time_limits=camel_case(resource.properties.get("JobStateTimeLimitActions", [])),
        )
    for resource in templates.resources("AWS::Batch::JobDefinition"):
        properties = resource.properties
        container = camel_case(properties["ContainerProperties"])
        batch.definitions[resource.name] = JobDefinition(
            name=resource.name,
            arn=resource.arn,
            container=container,
            parameters=_strings(properties.get("Parameters", {})),
            retry_strategy=camel_case(properties.get("RetryStrategy", {})),
            timeout_s=properties.get("Timeout", {}).get("AttemptDurationSeconds"),
        )


def _is_gpu(compute: Mapping[str, Any]) -> bool:
    types = compute.get("InstanceTypes", [])
    return bool(types) and all(_GPU_INSTANCE.match(instance) for instance in types)


def make_state_machines(templates: Templates, client: Any) -> None:
    """Make the state machines, their substitutions filled in.

    Raises:
        TemplateError: A definition lies in S3, or a substitution is missing.
    """
    for resource in templates.resources("AWS::StepFunctions::StateMachine"):
        properties = resource.properties
        if "DefinitionString" not in properties:
            raise TemplateError(f"{resource.logical_id} needs its definition in the template.")
        definition = properties["DefinitionString"]
        for name, value in properties.get("DefinitionSubstitutions", {}).items():
            definition = definition.replace(f"${{{name}}}", str(value))
        missing = re.findall(r"\$\{(\w+)\}", definition)
        if missing:
            raise TemplateError(f"{resource.logical_id} has no substitution for {missing}.")
        client("stepfunctions").create_state_machine(
            name=resource.name,
            definition=definition,
            roleArn=properties.get("RoleArn", "arn:aws:iam::123456789012:role/local"),
        )
