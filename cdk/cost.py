"""Counts what a stage costs while nothing runs, from its synthesized templates and a table of prices.

    python -m cdk.app -c stage=prod
    python -m cdk.cost cdk.out prod [--write docs/operations.md]

Whatever the templates hold is in one of the tables below: a resource of another type is refused, so that nobody adds a
bill without noticing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framesift.errors import FramesiftError, InputError

Resource = Mapping[str, Any]

# List prices of ap-northeast-2 (Seoul) in US dollars, as AWS publishes them at aws.amazon.com/<service>/pricing and in
# the AWS Price List API; noted 2026-11-21. Taxes and free tiers that end after a year are left out.
PRICES_NOTED = "2026-11-21"
SECRET_USD = 0.40  # A month, each.
KMS_KEY_USD = 1.00  # A month; the first and the second yearly rotation add as much each.
ECR_USD_PER_GB = 0.10
S3_USD_PER_GB = 0.025
POINT_IN_TIME_USD_PER_GB = 0.23
LOGS_USD_PER_GB = 0.0314
ALARM_METRIC_USD, FREE_ALARM_METRICS = 0.10, 10
DASHBOARD_USD, FREE_DASHBOARDS = 3.00, 3
NAT_GATEWAY_USD = 43.07  # An hour costs 0.059.
INTERFACE_ENDPOINT_USD = 9.49  # In each zone; an hour costs 0.013.
PUBLIC_ADDRESS_USD = 3.65

# What a stage holds after two years of TikTok's days by the stated rules of expiry (docs/operations.md).
S3_GB = 5.0
TABLE_GB = 0.3  # The first 25 GB of a table's storage are free; its backups are not.
LOGS_GB = 1.0

# The images' compressed layers, measured (docs/operations.md). The registry keeps the running one and the one before.
IMAGE_GB: Mapping[str, float] = {
    "steps": 0.20,
    "search": 0.19,
    "detection": 0.30,
    "crawler": 0.70,
    "vision": 0.60,
    "vision-gpu": 3.60,
}
IMAGES_KEPT = 2

# Types that are paid for by use alone, or not at all.
_NOTHING_WHILE_IDLE = frozenset(
    {
        "AWS::ApiGatewayV2::Api",
        "AWS::ApiGatewayV2::Authorizer",
        "AWS::ApiGatewayV2::Integration",
        "AWS::ApiGatewayV2::Route",
        "AWS::ApiGatewayV2::Stage",
        "AWS::Batch::JobDefinition",
        "AWS::Batch::JobQueue",
        "AWS::CloudFront::Distribution",
        "AWS::CloudFront::Function",
        "AWS::CloudFront::OriginAccessControl",
        "AWS::CloudFront::ResponseHeadersPolicy",
        "AWS::Cognito::UserPool",
        "AWS::Cognito::UserPoolClient",
        "AWS::Cognito::UserPoolDomain",
        "AWS::Cognito::UserPoolGroup",
        "AWS::Cognito::UserPoolResourceServer",
        "AWS::EC2::FlowLog",
        "AWS::EC2::InternetGateway",
        "AWS::EC2::LaunchTemplate",
        "AWS::EC2::Route",
        "AWS::EC2::RouteTable",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::Subnet",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPC",
        "AWS::EC2::VPCGatewayAttachment",
        "AWS::Events::Rule",
        "AWS::GuardDuty::MalwareProtectionPlan",  # Paid by what is scanned.
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::Function",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Permission",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::Topic",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::Queue",
        "AWS::SQS::QueuePolicy",
        "AWS::Scheduler::Schedule",
        "AWS::StepFunctions::StateMachine",
        "Custom::CDKBucketDeployment",
    }
)


class UnknownCostError(InputError):
    """A template holds something whose price is not in the tables."""


@dataclass(frozen=True)
class Line:
    """One line of the bill.

    Attributes:
        what: What is paid for.
        why: How it is counted.
        usd: US dollars a month.
    """

    what: str
    why: str
    usd: float


def count_idle_cost(resources: Mapping[str, Resource], images: Sequence[str], year: int) -> list[Line]:
    """Count what is paid each month while nothing runs.

    Args:
        resources: The templates' resources, by logical id.
        images: The images that a deployment pushes (`IMAGE_GB`).
        year: The year of operation, from 1: a key that rotates costs more in each of the first three.

    Returns:
        The lines of the bill; their sum is the cost.

    Raises:
        UnknownCostError: If a resource's type or an image is in none of the tables.
    """
    by_type: dict[str, list[Resource]] = {}
    for resource in resources.values():
        by_type.setdefault(resource["Type"], []).append(resource.get("Properties", {}))
    if unknown := sorted(set(by_type) - _NOTHING_WHILE_IDLE - set(_COUNTERS)):
        raise UnknownCostError(f"What do these cost while idle? Say so in cdk/cost.py: {', '.join(unknown)}.")
    lines = [line for kind, found in by_type.items() if kind in _COUNTERS for line in _COUNTERS[kind](found, year)]
    return [*lines, _count_images(images)]


def _count_images(images: Sequence[str]) -> Line:
    if unknown := sorted(set(images) - set(IMAGE_GB)):
        raise UnknownCostError(f"How large are these images? Say so in cdk/cost.py: {', '.join(unknown)}.")
    size_gb = sum(IMAGE_GB[image] for image in images) * IMAGES_KEPT
    why = f"{size_gb:.1f} GB compressed: {', '.join(images)}, each with the one before"
    return Line("images in ECR", why, size_gb * ECR_USD_PER_GB)


def _count_secrets(secrets: Sequence[Resource], year: int) -> Iterator[Line]:
    yield Line("secrets", f"{len(secrets)} × {SECRET_USD:.2f}", len(secrets) * SECRET_USD)


def _count_keys(keys: Sequence[Resource], year: int) -> Iterator[Line]:
    for key in keys:
        versions = min(year, 3) if key.get("EnableKeyRotation") else 1
        yield Line("KMS key", f"{versions} × {KMS_KEY_USD:.2f}", versions * KMS_KEY_USD)


def _count_buckets(buckets: Sequence[Resource], year: int) -> Iterator[Line]:
    yield Line("S3", f"{S3_GB:g} GB in {len(buckets)} buckets", S3_GB * S3_USD_PER_GB)


def _count_tables(tables: Sequence[Resource], year: int) -> Iterator[Line]:
    yield Line("DynamoDB", f"point-in-time recovery of {TABLE_GB:g} GB", TABLE_GB * POINT_IN_TIME_USD_PER_GB)


def _count_logs(groups: Sequence[Resource], year: int) -> Iterator[Line]:
    if forever := [group for group in groups if "RetentionInDays" not in group]:
        raise UnknownCostError(f"{len(forever)} log groups are kept for ever: give them a retention.")
    yield Line("logs", f"{LOGS_GB:g} GB kept", LOGS_GB * LOGS_USD_PER_GB)


def _count_alarms(alarms: Sequence[Resource], year: int) -> Iterator[Line]:
    metrics = sum(
        sum("MetricStat" in metric for metric in alarm["Metrics"]) if "Metrics" in alarm else 1 for alarm in alarms
    )
    paid = max(0, metrics - FREE_ALARM_METRICS)
    yield Line("alarms", f"{metrics} metrics, {FREE_ALARM_METRICS} are free", paid * ALARM_METRIC_USD)


def _count_dashboards(dashboards: Sequence[Resource], year: int) -> Iterator[Line]:
    paid = max(0, len(dashboards) - FREE_DASHBOARDS)
    yield Line("dashboards", f"{len(dashboards)}, {FREE_DASHBOARDS} are free", paid * DASHBOARD_USD)


def _count_endpoints(endpoints: Sequence[Resource], year: int) -> Iterator[Line]:
    interfaces = [each for each in endpoints if each.get("VpcEndpointType", "Gateway") != "Gateway"]
    zones = sum(len(each.get("SubnetIds", [])) or 1 for each in interfaces)
    yield Line("VPC endpoints", f"{len(endpoints) - len(interfaces)} gateways are free", zones * INTERFACE_ENDPOINT_USD)


def _count_machines(environments: Sequence[Resource], year: int) -> Iterator[Line]:
    if busy := [each for each in environments if each["ComputeResources"].get("MinvCpus", 0) > 0]:
        raise UnknownCostError(f"{len(busy)} compute environments keep machines while idle: set minv_cpus=0.")
    yield Line("machines of AWS Batch", "none while idle", 0.0)


def _count_nat_gateways(gateways: Sequence[Resource], year: int) -> Iterator[Line]:
    yield Line("NAT gateways", f"{len(gateways)} × {NAT_GATEWAY_USD:.2f}", len(gateways) * NAT_GATEWAY_USD)


def _count_addresses(addresses: Sequence[Resource], year: int) -> Iterator[Line]:
    yield Line("public addresses", f"{len(addresses)} × {PUBLIC_ADDRESS_USD:.2f}", len(addresses) * PUBLIC_ADDRESS_USD)


_COUNTERS: Mapping[str, Callable[[Sequence[Resource], int], Iterator[Line]]] = {
    "AWS::Batch::ComputeEnvironment": _count_machines,
    "AWS::CloudWatch::Alarm": _count_alarms,
    "AWS::CloudWatch::Dashboard": _count_dashboards,
    "AWS::DynamoDB::GlobalTable": _count_tables,
    "AWS::EC2::EIP": _count_addresses,
    "AWS::EC2::NatGateway": _count_nat_gateways,
    "AWS::EC2::VPCEndpoint": _count_endpoints,
    "AWS::KMS::Key": _count_keys,
    "AWS::Logs::LogGroup": _count_logs,
    "AWS::S3::Bucket": _count_buckets,
    "AWS::SecretsManager::Secret": _count_secrets,
}

# --- the page ---

_BEGIN, _END = "<!-- idle cost: python -m cdk.cost -->", "<!-- end of idle cost -->"


def read_stage(assembly: Path, stage: str) -> tuple[dict[str, Resource], list[str]]:
    """Read a stage's resources and the names of its images from a cloud assembly.

    Raises:
        InputError: If the stage was not synthesized there.
    """
    templates = sorted(assembly.glob(f"framesift-{stage}-*.template.json"))
    if not templates:
        raise InputError(f"{assembly} holds no stage {stage!r}: run `python -m cdk.app -c stage={stage}`.")
    resources = {
        f"{template.name}/{name}": resource
        for template in templates
        for name, resource in json.loads(template.read_text(encoding="utf-8"))["Resources"].items()
    }
    images = {
        source.get("dockerBuildArgs", {}).get("REQUIREMENTS", Path(source["dockerFile"]).parent.name)
        for manifest in assembly.glob(f"framesift-{stage}-*.assets.json")
        for asset in json.loads(manifest.read_text(encoding="utf-8"))["dockerImages"].values()
        for source in [asset["source"]]
    }
    return resources, sorted(images)


def render_table(lines: Sequence[Line]) -> str:
    """Render a bill as a Markdown table."""
    rows = [f"| {line.what} | {line.why} | {line.usd:.2f} |" for line in lines]
    total = f"| **together** | | **{sum(line.usd for line in lines):.2f}** |"
    return "\n".join(["| while idle, a month | counted as | $ |", "| --- | --- | --- |", *rows, total])


def replace_table(page: str, table: str) -> str:
    """Return a page with the table between its two marks replaced.

    Raises:
        InputError: If the page lacks the marks.
    """
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise InputError(f"The page lacks the marks {_BEGIN} and {_END}.")
    return f"{before}{begin}\n{table}\n{end}{after}"


def main(arguments: Sequence[str]) -> int:
    """Print a stage's idle cost in the second year, or write it into a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("assembly", type=Path, help="the folder that `python -m cdk.app` wrote")
    parser.add_argument("stage")
    parser.add_argument("--write", type=Path, help="a Markdown page that has the marks")
    options = parser.parse_args(arguments)
    try:
        table = render_table(count_idle_cost(*read_stage(options.assembly, options.stage), year=2))
        if options.write:
            page = options.write.read_text(encoding="utf-8")
            options.write.write_text(replace_table(page, table), encoding="utf-8")
        else:
            sys.stdout.write(f"{table}\n")
    except FramesiftError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
