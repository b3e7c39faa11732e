"""Patterns and inputs of EventBridge rules."""

import json

import pytest

from framesift_local.aws.event_rules import PatternError, matches, target_input

EVENT = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "resources": ["arn:aws:s3:::b"],
    "detail": {"bucket": {"name": "b"}, "object": {"key": "uploads/a/x.jpg", "size": 7}},
}


def key(*tests):
    return {"detail": {"object": {"key": list(tests)}}}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({}, True),
        ({"source": ["aws.s3"]}, True),
        ({"source": ["aws.ec2"]}, False),
        ({"source": ["aws.s3"], "detail-type": ["Object Deleted"]}, False),
        ({"resources": ["arn:aws:s3:::b"]}, True),
        (key({"prefix": "uploads/"}), True),
        (key({"prefix": "runs/"}), False),
        (key({"suffix": ".jpg"}), True),
        (key({"suffix": {"equals-ignore-case": ".JPG"}}), True),
        (key({"wildcard": "uploads/*/x.*"}), True),
        (key({"wildcard": "uploads/*.png"}), False),
        (key({"anything-but": "uploads/a/x.jpg"}), False),
        (key({"anything-but": ["other"]}), True),
        (key({"anything-but": {"prefix": "uploads/"}}), False),
        (key({"anything-but": {"wildcard": ["runs/*", "published/*"]}}), True),
        (key({"exists": True}), True),
        ({"detail": {"missing": [{"exists": False}]}}, True),
        ({"detail": {"missing": [{"exists": True}]}}, False),
        ({"detail": {"missing": [{"anything-but": "x"}]}}, False),
        ({"detail": {"object": {"size": [{"numeric": [">", 0, "<=", 7]}]}}}, True),
        ({"detail": {"object": {"size": [{"numeric": ["<", 7]}]}}}, False),
        ({"$or": [{"source": ["x"]}, {"detail-type": ["Object Created"]}]}, True),
        ({"detail": {"nothing": {"deep": ["x"]}}}, False),
    ],
)
def test_matches(pattern, expected):
    assert matches(pattern, EVENT) is expected


def test_unknown_comparison_is_an_error_not_a_miss():
    with pytest.raises(PatternError, match="cidr"):
        matches(key({"cidr": "10.0.0.0/8"}), EVENT)


def test_target_input_forms():
    assert json.loads(target_input({}, EVENT)) == EVENT
    assert target_input({"Input": '{"a":1}'}, EVENT) == '{"a":1}'
    assert target_input({"InputPath": "$.detail.bucket"}, EVENT) == '{"name": "b"}'


def test_transformer_writes_json_outside_strings_and_text_inside():
    event = {**EVENT, "detail": {"key": 'a "b"/값.jpg', "size": 3}}
    transformer = {
        "InputPathsMap": {
            "key": "$.detail.key",
            "size": "$.detail.size",
            "arn": "$.resources[0]",
            "object": "$.detail",
        },
        "InputTemplate": '{"key":<key>,"text":"at <key> of <arn>","size":<size>,"object":<object>,'
        '"whole":<aws.events.event.json>}',
    }
    assert json.loads(target_input({"InputTransformer": transformer}, event)) == {
        "key": 'a "b"/값.jpg',
        "text": 'at a "b"/값.jpg of arn:aws:s3:::b',
        "size": 3,
        "object": event["detail"],
        "whole": event,
    }
