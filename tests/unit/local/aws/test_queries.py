"""JSONata as Step Functions evaluates it."""

import pytest

from framesift_local.aws.jsonata_queries import QueryEvaluationError, evaluate

VARIABLES = {
    "states": {"input": {"none": None, "list": [1, 2], "text": 'a "b" $uuid()'}},
    "run": {"source": "tiktok"},
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$states.input.none", None),
        ("$states.input.text", 'a "b" $uuid()'),
        ("$states.input.list", [1, 2]),
        ("{'x': $states.input.none, 'y': $run.source & '!'}", {"x": None, "y": "tiktok!"}),
        ("$merge([$states.input, {'none': 1}]).none", 1),
        ("[]", []),
        ("$partition([1..5], 2)", [[1, 2], [3, 4], [5]]),
        ("$range(0, 10, 5)", [0, 5, 10]),
        ("$parse('{\"a\": [1]}').a[0]", 1),
        ("$hash('a', 'MD5')", "0cc175b9c0f1b6a831c399e269772661"),
        ("$random(7) = $random(7)", True),
        ("$length($uuid())", 36),
    ],
)
def test_evaluate(expression, expected):
    assert evaluate(expression, VARIABLES) == expected


@pytest.mark.parametrize(
    "expression",
    ["$states.input.missing", "1 +", "$sum('a')", "$nothing()", "$hash('a', 'CRC')", "$sum"],
)
def test_what_fails_or_gives_nothing(expression):
    with pytest.raises(QueryEvaluationError):
        evaluate(expression, VARIABLES)


def test_variables_are_values_not_code():
    assert evaluate("$v", {"v": "$merge([1])"}) == "$merge([1])"
