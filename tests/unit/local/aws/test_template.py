"""The loader: intrinsic functions, names that stay, errors that say what is wrong."""

import json

import pytest

from framesift.errors import NotFoundError
from framesift_local.aws.template import TemplateError, Templates

REGION, ENDPOINT = "ap-northeast-2", "http://127.0.0.1:1"


def resolve(tmp_path, value, **more):
    template = {
        "Parameters": {"Stage": {"Type": "String", "Default": "dev"}},
        "Conditions": {"IsDev": {"Fn::Equals": [{"Ref": "Stage"}, "dev"]}},
        "Mappings": {"Sizes": {"dev": {"memory": 512}}},
        "Resources": {
            "Bucket": {"Type": "AWS::S3::Bucket"},
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "told"}},
            "Probe": {"Type": "Custom::Probe", "Properties": {"Value": value}},
        },
        **more,
    }
    (tmp_path / "One.template.json").write_text(json.dumps(template))
    (resource,) = Templates(tmp_path, REGION, ENDPOINT).resources("Custom::Probe")
    return resource.properties.get("Value")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Bucket"}, "one-bucket"),
        ({"Ref": "Stage"}, "dev"),
        ({"Ref": "AWS::NoValue"}, None),
        ([1, {"Ref": "AWS::NoValue"}], [1]),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "arn:aws:s3:::one-bucket"),
        ({"Ref": "Topic"}, "arn:aws:sns:ap-northeast-2:123456789012:told"),
        ({"Fn::GetAtt": "Topic.TopicName"}, "told"),
        ({"Fn::Join": ["/", ["a", {"Ref": "Bucket"}]]}, "a/one-bucket"),
        ({"Fn::Sub": "${AWS::Region}-${Bucket}-${Bucket.Arn}-${!x}"},
         "ap-northeast-2-one-bucket-arn:aws:s3:::one-bucket-${x}"),
        ({"Fn::Sub": ["${a}", {"a": {"Ref": "Stage"}}]}, "dev"),
        ({"Fn::Select": [1, {"Fn::Split": ["-", "a-b"]}]}, "b"),
        ({"Fn::If": ["IsDev", 1, 2]}, 1),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "memory"]}, 512),
        ({"Fn::Base64": "a"}, "YQ=="),
    ],
)  # fmt: skip
def test_intrinsic_functions(tmp_path, value, expected):
    assert resolve(tmp_path, value) == expected


def test_import_from_the_other_stack(tmp_path):
    (tmp_path / "Two.template.json").write_text(json.dumps(
        {"Outputs": {"X": {"Value": {"Ref": "AWS::StackName"}, "Export": {"Name": "the-export"}}}}
    ))  # fmt: skip
    assert resolve(tmp_path, {"Fn::ImportValue": "the-export"}) == "Two"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"Ref": "Nothing"}, "Nothing"),
        ({"Fn::ImportValue": "nowhere"}, "synthesize all stacks"),
        ({"Fn::Transform": {}}, "Fn::Transform"),
    ],
)
def test_what_cannot_be_resolved(tmp_path, value, message):
    with pytest.raises(TemplateError, match=message):
        resolve(tmp_path, value)


def test_no_template(tmp_path):
    with pytest.raises(NotFoundError, match="cdk synth"):
        Templates(tmp_path, REGION, ENDPOINT)


def test_resource_of_a_false_condition_is_not_there(tmp_path):
    more = {"Conditions": {"No": {"Fn::Not": [{"Fn::Equals": [1, 1]}]}},
            "Resources": {"Probe": {"Type": "Custom::Probe", "Condition": "No"}}}  # fmt: skip
    (tmp_path / "One.template.json").write_text(json.dumps(more))
    assert list(Templates(tmp_path, REGION, ENDPOINT).resources("Custom::Probe")) == []
