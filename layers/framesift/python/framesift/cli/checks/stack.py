"""Checks of a deployed stack. Each asks AWS and changes nothing; no secret is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from framesift import aws
from framesift.cli.checks import Check, fail, pass_, warn
from framesift.pipeline.branches import BRANCHES
from framesift.storage import S3Store
from framesift.table import Records

MAX_CHROMIUM_AGE = timedelta(days=14)
_FILLED_AFTER = timedelta(minutes=1)  # A secret that was changed later than this after it was made holds a value.
_OPTIONAL_SECRETS = ("Session",)


@dataclass(frozen=True)
class Quota:
    """A limit of the account.

    Attributes:
        service: As Service Quotas names it.
        code: Its code there.
        name: What it limits.
        needed: The least that a day needs.
        is_required: Whether nothing runs with less; else it only slows or moves work.
    """

    service: str
    code: str
    name: str
    needed: int
    is_required: bool = False


QUOTAS = (
    Quota("lambda", "L-B99A9384", "Lambda: concurrent executions", 10, is_required=True),
    Quota("fargate", "L-3032A538", "Fargate: On-Demand vCPUs", 4, is_required=True),
    Quota("ec2", "L-3819A6DF", "EC2: G and VT Spot vCPUs", 4),
    Quota("ec2", "L-DB2E81BA", "EC2: G and VT On-Demand vCPUs", 4),
)


@dataclass(frozen=True)
class DeployedStack:
    """A pipeline stack and what it holds.

    Attributes:
        name: The stack's name.
        outputs: Its outputs.
        resources: `{logical id: (type, physical id)}`, of the storage stack too.
    """

    name: str
    outputs: Mapping[str, str]
    resources: Mapping[str, tuple[str, str]]

    def of_type(self, kind: str) -> dict[str, str]:
        """The physical ids of a type's resources by logical id."""
        return {name: physical for name, (found, physical) in self.resources.items() if found == kind}


def check_stack(name: str) -> Iterator[Check]:
    """Check a deployed pipeline stack.

    Args:
        name: Its name, such as `framesift-prod-pipeline`.
    """
    try:
        identity = aws.sts().get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        yield fail("credentials", f"AWS does not accept them: {error}.", "Run `aws configure`, or log in again.")
        return
    yield pass_("credentials", f"You are {identity['Arn']}.")
    try:
        stack = read_stack(name)
    except (ClientError, BotoCoreError) as error:
        yield fail("stack", f"{name} cannot be read: {error}.", "Check its name, the region, and AWS_PROFILE.")
        return
    yield pass_("stack", f"{name} holds {len(stack.resources)} resources.")
    for label, check in _CHECKS.items():
        try:
            yield from check(stack)
        except (ClientError, BotoCoreError, KeyError) as error:
            yield warn(label, f"This could not be checked: {error}.", "Ask for the permission, or look by hand.")


def read_stack(name: str) -> DeployedStack:
    """Read a pipeline stack, with the resources of its storage stack where that can be read."""
    (found,) = aws.cloudformation().describe_stacks(StackName=name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    resources = _resources_of(name)
    with suppress(ClientError):  # Its secrets are not checked then.
        resources |= _resources_of(name.removesuffix("-pipeline") + "-storage")
    return DeployedStack(name, outputs, resources)


def _resources_of(stack: str) -> dict[str, tuple[str, str]]:
    pages = aws.cloudformation().get_paginator("list_stack_resources").paginate(StackName=stack)
    return {
        each["LogicalResourceId"]: (each["ResourceType"], each.get("PhysicalResourceId", ""))
        for page in pages
        for each in page["StackResourceSummaries"]
    }


def check_permissions(stack: DeployedStack) -> Iterator[Check]:
    """Check that these credentials can do what the commands do, by calls that change nothing."""
    calls: dict[str, Callable[[], object]] = {
        "read the bucket": lambda: next(S3Store(stack.outputs["BucketName"]).list("published/"), None),
        "read the table": lambda: Records(stack.outputs["TableName"]).table.get("LIST", "-"),
        "see the workflow": lambda: aws.stepfunctions().list_executions(
            stateMachineArn=stack.outputs["StateMachineArn"], maxResults=1
        ),
    }
    for what, call in calls.items():
        try:
            call()
        except (ClientError, BotoCoreError) as error:
            yield fail("permissions", f"These credentials cannot {what}: {error}.", "Ask for the permission.")
        else:
            yield pass_("permissions", f"These credentials can {what}.")


def check_quotas(stack: DeployedStack) -> Iterator[Check]:
    """Compare the account's quotas with what a day needs."""
    for quota in QUOTAS:
        found = aws.service_quotas().get_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
        value = found["Quota"]["Value"]
        sentence = f"{quota.name}: {value:g}, and {quota.needed} are needed."
        if value >= quota.needed:
            yield pass_("quotas", sentence)
        elif quota.is_required:
            yield fail("quotas", sentence, "Ask for more in Service Quotas.")
        else:
            advice = (
                "Ask for more in Service Quotas, or set FRAMESIFT_ANALYSIS__COMPUTE=cpu: the CPU queue does the work."
            )
            yield warn("quotas", sentence, advice)


def check_batch(stack: DeployedStack) -> Iterator[Check]:
    """Check that AWS Batch can take jobs."""
    for queue in aws.batch().describe_job_queues(jobQueues=list(stack.of_type("AWS::Batch::JobQueue").values()))[
        "jobQueues"
    ]:
        name = queue["jobQueueName"]
        if (queue["state"], queue["status"]) == ("ENABLED", "VALID"):
            yield pass_("batch", f"The queue {name} takes jobs.")
        else:
            found = f"The queue {name} is {queue['state']}, {queue['status']}: {queue.get('statusReason', '')}."
            yield fail("batch", found, "Enable it, or deploy again.")


def check_secrets(stack: DeployedStack) -> Iterator[Check]:
    """Check that each secret was given a value; values are not read."""
    for logical_id, secret_id in stack.of_type("AWS::SecretsManager::Secret").items():
        found = aws.secretsmanager().describe_secret(SecretId=secret_id)
        filled = found.get("LastChangedDate", found["CreatedDate"]) - found["CreatedDate"] > _FILLED_AFTER
        if filled:
            yield pass_("secrets", f"{found['Name']} was given a value on {found['LastChangedDate']:%Y-%m-%d}.")
            continue
        is_optional = logical_id.startswith(_OPTIONAL_SECRETS)
        advice = f"aws secretsmanager put-secret-value --secret-id {secret_id} --secret-string file://value.json"
        make = warn if is_optional else fail
        yield make("secrets", f"{found['Name']} holds what the deployment put there.", advice)


def check_runs(stack: DeployedStack) -> Iterator[Check]:
    """Report the newest run of each source."""
    runs = Records(stack.outputs["TableName"]).runs
    for source in BRANCHES:
        newest = runs.newest(source, 1)
        if not newest:
            yield pass_("runs", f"{source} was never run.")
            continue
        record = newest[0]
        sentence = f"{source}: the run {record.run.id} is {record.status}."
        if record.status == "FAILED":
            yield warn("runs", f"{sentence} {record.error} in {record.stage}.", f"framesift status {source} --stack …")
        else:
            yield pass_("runs", sentence)


def check_images(stack: DeployedStack) -> Iterator[Check]:
    """Check the age of the crawler's image: its Chromium opens pages that nobody vouches for."""
    functions = stack.of_type("AWS::Lambda::Function")
    for logical_id, name in functions.items():
        if not logical_id.startswith("CrawlCategory"):
            continue
        uri = aws.lambda_().get_function(FunctionName=name)["Code"]["ImageUri"]
        repository, _, tag = uri.partition("/")[2].rpartition(":")
        described = aws.ecr().describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
        age = datetime.now(UTC) - described["imageDetails"][0]["imagePushedAt"]
        sentence = f"The crawler's image, with its Chromium, is {age.days} days old."
        if age > MAX_CHROMIUM_AGE:
            yield warn("images", sentence, "Deploy: the first deployment of a week builds it anew.")
        else:
            yield pass_("images", sentence)


def check_notifications(stack: DeployedStack) -> Iterator[Check]:
    """Check that somebody is notified of failures."""
    pages = aws.sns().get_paginator("list_subscriptions_by_topic").paginate(TopicArn=stack.outputs["FailureTopicArn"])
    subscriptions = [each for page in pages for each in page["Subscriptions"]]
    pending = [each for each in subscriptions if not each["SubscriptionArn"].startswith("arn:")]
    confirmed = len(subscriptions) - len(pending)
    if confirmed:
        yield pass_("notifications", f"{confirmed} subscribers are notified of failures.")
    elif pending:
        yield fail("notifications", f"{len(pending)} have not confirmed.", "They must open the link in their mail.")
    else:
        advice = "Set alert_email in cdk/config.py, or `aws sns subscribe`."
        yield fail("notifications", "Nobody is notified of failures.", advice)


_CHECKS: Mapping[str, Callable[[DeployedStack], Iterator[Check]]] = {
    "permissions": check_permissions,
    "quotas": check_quotas,
    "batch": check_batch,
    "secrets": check_secrets,
    "runs": check_runs,
    "images": check_images,
    "notifications": check_notifications,
}
