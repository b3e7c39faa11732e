"""The page on AWS: private files, one address with the API, and the headers that the page needs to be safe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cdk.app import make_app
from cdk.config import Config
from framesift.errors import PageBuildError
from framesift.page_policy import content_security_policy
from framesift.storage import S3Store
from tests.cdk.conftest import Template, plain


def test_the_files_are_private_and_served_by_cloudfront_alone(web: Template) -> None:
    bucket = web.one("AWS::S3::Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    allowed = [
        statement
        for statement in web.one("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert [(each["Principal"], each["Action"]) for each in allowed] == [
        ({"Service": "cloudfront.amazonaws.com"}, "s3:GetObject")
    ]
    assert "AWS:SourceArn" in allowed[0]["Condition"]["StringEquals"]


def test_the_api_has_the_page_s_address_and_is_never_cached(web: Template) -> None:
    distribution = web.one("AWS::CloudFront::Distribution")["DistributionConfig"]
    [api] = distribution["CacheBehaviors"]
    caching_disabled = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    assert (api["PathPattern"], api["CachePolicyId"]) == ("/v1/*", caching_disabled)
    assert api["ViewerProtocolPolicy"] == "https-only"
    assert {"PATCH", "POST", "PUT", "DELETE"} < set(api["AllowedMethods"])
    assert "WebACLId" not in distribution, "a firewall is paid for by the month"


def test_the_page_has_the_headers_that_it_has_locally(web: Template, store: S3Store) -> None:
    headers = web.one("AWS::CloudFront::ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]
    security = headers["SecurityHeadersConfig"]
    parts = security["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Join"][1]
    names = {"AWS::URLSuffix": "amazonaws.com"}
    policy = "".join(part if isinstance(part, str) else names.get(part.get("Ref"), store.bucket) for part in parts)
    # As the package writes its links: else the browser would refuse every image.
    bucket = store.link("image.webp", 60).partition("image.webp")[0]
    assert policy == content_security_policy([bucket])
    assert "unsafe" not in policy
    assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31_536_000
    assert {each["Header"] for each in headers["CustomHeadersConfig"]["Items"]} == {
        "Cross-Origin-Opener-Policy",
        "Permissions-Policy",
    }


def test_every_view_s_address_gives_the_page(web: Template) -> None:
    code = web.one("AWS::CloudFront::Function")["FunctionCode"]
    assert "/index.html" in code
    assert "'/index.html'" in code[code.index("if (") :]


def test_files_that_are_named_by_their_digest_are_kept_and_the_page_is_not(web: Template) -> None:
    copies = web.of_type("Custom::CDKBucketDeployment").values()
    caching = {each.get("DestinationBucketKeyPrefix"): each["SystemMetadata"]["cache-control"] for each in copies}
    assert caching == {"assets": "public, max-age=31536000, immutable", None: "no-cache"}
    assert not any(each["Prune"] for each in copies)


def test_the_bucket_answers_the_page_and_no_other(storage: Template, dev: tuple[Template, Template]) -> None:
    [cors] = [
        each["CorsConfiguration"] for each in storage.of_type("AWS::S3::Bucket").values() if "CorsConfiguration" in each
    ]
    [rule] = cors["CorsRules"]
    assert rule["AllowedOrigins"] == ["https://d111111abcdef8.cloudfront.net"]
    assert set(rule["AllowedMethods"]) == {"GET", "HEAD", "POST", "PUT"}
    assert not any("CorsConfiguration" in each for each in dev[0].of_type("AWS::S3::Bucket").values())


def test_a_firewall_is_used_where_the_stage_names_one(tmp_path: Path, page: Path) -> None:
    arn = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/some/1"
    make_app(str(tmp_path), Config("wall", page_firewall=arn), page=page).synth()
    template = Template(tmp_path / "framesift-wall-web.template.json")
    assert template.one("AWS::CloudFront::Distribution")["DistributionConfig"]["WebACLId"] == arn


def test_a_stage_without_a_page_needs_none(tmp_path: Path) -> None:
    make_app(str(tmp_path), Config("bare", page=False), page=tmp_path / "missing").synth()
    assert not list(tmp_path.glob("*-web.template.json"))


def test_a_page_that_is_not_built_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(PageBuildError, match=r"framesift_local\.page_build"):
        make_app(str(tmp_path / "out"), Config("unbuilt"), page=tmp_path / "missing")


@pytest.mark.parametrize("stage", ["full", "dev"])
def test_the_address_is_said(assembly: Path, stage: str) -> None:
    template = json.loads((assembly / f"framesift-{stage}-web.template.json").read_text(encoding="utf-8"))
    assert plain(template["Outputs"]["PageUrl"]["Value"]).startswith("https://")
