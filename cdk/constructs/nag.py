"""Accepting a finding of cdk-nag, with the reason."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def accept(construct: IConstruct, reason: str, *rules: str) -> None:
    """Accept rules on a construct and all below it.

    Args:
        construct: Where the findings are.
        reason: Why they are right as they are.
        rules: Such as `AwsSolutions-IAM5`, or one finding of it: `AwsSolutions-IAM5[Resource::*]`.
    """
    Validations.of(construct).acknowledge(*(Acknowledgment(id=rule, reason=reason) for rule in rules))
