import json
import re
from pathlib import Path

import pytest

from cdk import cost
from cdk.cost import UnknownCostError, count_idle_cost, read_stage, render_table

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGES = ["crawler", "detection", "search", "steps", "vision", "vision-gpu"]


def total(resources, year=1, images=()):
    return sum(line.usd for line in count_idle_cost(resources, images, year))


@pytest.mark.parametrize("year", [1, 2, 3])
def test_production_costs_at_most_two_dollars_a_month_while_idle(prod_assembly, year):
    resources, images = read_stage(prod_assembly, "prod")

    assert images == IMAGES
    assert 0 < total(resources, year, images) <= 2.0


def test_the_page_shows_what_the_templates_cost(prod_assembly):
    table = render_table(count_idle_cost(*read_stage(prod_assembly, "prod"), year=2))

    # Refresh: python -m cdk.cost cdk.out prod --write docs/operations.md
    assert table in (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")


def test_every_secret_and_image_counts():
    secrets = {str(number): {"Type": "AWS::SecretsManager::Secret"} for number in range(3)}

    assert total(secrets) == pytest.approx(1.20)
    assert total({}, images=["vision"]) == pytest.approx(cost.IMAGE_GB["vision"] * 2 * 0.10)


@pytest.mark.parametrize(("year", "usd"), [(1, 1.0), (2, 2.0), (3, 3.0), (4, 3.0)])
def test_a_key_that_rotates_costs_more_until_the_third_year(year, usd):
    key = {"Type": "AWS::KMS::Key", "Properties": {"EnableKeyRotation": True}}

    assert total({"key": key}, year) == usd
    assert total({"key": {"Type": "AWS::KMS::Key"}}, year) == 1.0


def test_alarms_and_dashboards_beyond_the_free_ones_are_paid_for():
    alarms = {f"alarm{number}": {"Type": "AWS::CloudWatch::Alarm", "Properties": {}} for number in range(12)}
    dashboards = {f"board{number}": {"Type": "AWS::CloudWatch::Dashboard"} for number in range(4)}

    assert total(alarms) == pytest.approx(0.20)
    assert total(dashboards) == pytest.approx(3.0)


def test_what_runs_all_the_time_is_paid_for():
    interface = {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]}

    assert total({"nat": {"Type": "AWS::EC2::NatGateway"}}) > 40
    assert total({"address": {"Type": "AWS::EC2::EIP"}}) > 3
    assert total({"endpoint": {"Type": "AWS::EC2::VPCEndpoint", "Properties": interface}}) > 18
    assert total({"endpoint": {"Type": "AWS::EC2::VPCEndpoint", "Properties": {}}}) == 0


@pytest.mark.parametrize(
    ("kind", "properties", "message"),
    [
        ("AWS::RDS::DBInstance", {}, "AWS::RDS::DBInstance"),
        ("AWS::Batch::ComputeEnvironment", {"ComputeResources": {"MinvCpus": 2}}, "machines while idle"),
        ("AWS::Logs::LogGroup", {}, "kept for ever"),
    ],
)
def test_what_is_not_known_to_be_cheap_is_refused(kind, properties, message):
    with pytest.raises(UnknownCostError, match=message):
        count_idle_cost({"new": {"Type": kind, "Properties": properties}}, [], 1)


def test_an_image_of_unknown_size_is_refused():
    with pytest.raises(UnknownCostError, match="another"):
        count_idle_cost({}, ["another"], 1)


def test_the_command_writes_the_table_into_a_page(tmp_path, capsys):
    bucket = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}
    (tmp_path / "framesift-qa-storage.template.json").write_text(json.dumps(bucket))
    page = tmp_path / "page.md"
    page.write_text("Before\n<!-- idle cost: python -m cdk.cost -->\nold\n<!-- end of idle cost -->\nAfter\n")

    assert cost.main([str(tmp_path), "qa", "--write", str(page)]) == 0

    written = page.read_text()
    assert re.search(r"^Before\n.*\| S3 \| 5 GB in 1 buckets \| 0\.12 \|.*\nAfter$", written.strip(), re.DOTALL)
    assert "old" not in written
    page.write_text("no marks")
    assert cost.main([str(tmp_path), "qa", "--write", str(page)]) == UnknownCostError.exit_code
    assert cost.main([str(tmp_path), "nowhere"]) == UnknownCostError.exit_code
    assert "no stage 'nowhere'" in capsys.readouterr().err
