"""Reads synthesized CloudFormation templates: resources with every intrinsic function resolved.

Names that CloudFormation would invent are derived from the stack and the logical id, so that they are the
same after each start, and what was kept is found again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framesift.errors import NotFoundError

ACCOUNT = "123456789012"
"""moto's account."""

_SUB_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")


class TemplateError(ValueError):
    """A template holds what the loader cannot resolve."""


@dataclass(frozen=True)
class Resource:
    """A resource of a stack.

    Attributes:
        ref: What `Ref` gives.
        name: The physical name.
        arn: What `Fn::GetAtt … Arn` gives.
        properties: With all intrinsic functions resolved; `AWS::NoValue` left out.
    """

    stack: str
    logical_id: str
    kind: str
    ref: str
    name: str
    arn: str
    properties: Mapping[str, Any]


def digest(*parts: str, length: int) -> str:
    """Return an id made of names: hexadecimal, the same on each start."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:length]


def pool_id(region: str, name: str) -> str:
    """Return a user pool's id."""
    return f"{region}_{digest(region, name, length=9)}"


def client_id(user_pool_id: str, name: str) -> str:
    """Return an app client's id."""
    return digest(user_pool_id, name, length=26)


def secret_arn(region: str, name: str) -> str:
    """Return a secret's ARN, with the six characters that Secrets Manager puts behind the name."""
    suffix = digest(name, length=6)
    return f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:{name}-{suffix}"


_NAME_PROPERTIES = (
    "BucketName", "TableName", "TopicName", "QueueName", "FunctionName", "StateMachineName",
    "ComputeEnvironmentName", "JobQueueName", "JobDefinitionName", "UserPoolName", "ClientName",
    "GroupName", "RoleName", "LogGroupName", "Name",
)  # fmt: skip
_ARN_PATHS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::DynamoDB::GlobalTable": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{name}",
    "AWS::Batch::ComputeEnvironment": "arn:aws:batch:{region}:{account}:compute-environment/{name}",
    "AWS::Batch::JobQueue": "arn:aws:batch:{region}:{account}:job-queue/{name}",
    "AWS::Batch::JobDefinition": "arn:aws:batch:{region}:{account}:job-definition/{name}:1",
    "AWS::Events::Rule": "arn:aws:events:{region}:{account}:rule/{name}",
    "AWS::Scheduler::Schedule": "arn:aws:scheduler:{region}:{account}:schedule/default/{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
}
_REF_IS_ARN = {
    "AWS::SNS::Topic", "AWS::StepFunctions::StateMachine",
    "AWS::Batch::ComputeEnvironment", "AWS::Batch::JobQueue", "AWS::Batch::JobDefinition",
}  # fmt: skip


class Templates:
    """All templates of a `cdk.out` folder.

    Args:
        folder: Holds `*.template.json`.
        region: The region that stacks without one are in.
        endpoint: The embedded AWS's URL, for what has URLs.
        api_url: The HTTP API's URL.

    Raises:
        NotFoundError: The folder holds no template.
    """

    def __init__(self, folder: Path, region: str, endpoint: str, api_url: str = "http://127.0.0.1") -> None:
        paths = sorted(folder.glob("*.template.json"))
        if not paths:
            raise NotFoundError(
                f"{folder} holds no *.template.json: run `cdk synth`, or name the folder that it wrote."
            )
        self.region = region
        self.endpoint = endpoint
        self.api_url = api_url
        self._folder = folder
        self._stacks = {
            path.name.removesuffix(".template.json"): _Stack(
                self, path.name.removesuffix(".template.json"), json.loads(path.read_text("utf-8"))
            )
            for path in paths
        }

    def resources(self, *kinds: str) -> Iterator[Resource]:
        """Yield the resources of some types, stack by stack."""
        for stack in self._stacks.values():
            yield from stack.resources(kinds)

    def outputs(self) -> dict[str, str]:
        """Return the stacks' outputs, by logical id."""
        return {
            name: stack.resolve(output["Value"])
            for stack in self._stacks.values()
            for name, output in stack.template.get("Outputs", {}).items()
        }

    def imported(self, export: str) -> Any:
        """Return an exported value.

        Raises:
            TemplateError: No stack exports it.
        """
        for stack in self._stacks.values():
            for output in stack.template.get("Outputs", {}).values():
                if stack.resolve(output.get("Export", {}).get("Name")) == export:
                    return stack.resolve(output["Value"])
        raise TemplateError(f"No template exports {export!r}: synthesize all stacks together.")


_NO_VALUE = object()


class _Stack:
    """One template."""

    def __init__(self, templates: Templates, name: str, template: dict[str, Any]) -> None:
        self.name = name
        self.template = template
        self._templates = templates
        self._resolved: dict[str, Resource] = {}
        self._pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": templates.region,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": name,
            "AWS::StackId": f"arn:aws:cloudformation:{templates.region}:{ACCOUNT}:stack/{name}/local",
            "AWS::NoValue": _NO_VALUE,
        }
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": lambda value: value[0].join(map(str, self.resolve(value[1]))),
            "Fn::Select": lambda value: self.resolve(value[1])[int(self.resolve(value[0]))],
            "Fn::Split": lambda value: self.resolve(value[1]).split(value[0]),
            "Fn::ImportValue": lambda value: templates.imported(self.resolve(value)),
            "Fn::Base64": lambda value: base64.b64encode(self.resolve(value).encode()).decode(),
            "Fn::GetAZs": lambda value: [f"{self.resolve(value) or templates.region}{z}" for z in "abc"],
            "Fn::If": lambda v: self.resolve(v[1] if self._condition({"Condition": v[0]}) else v[2]),
            "Fn::FindInMap": self._find_in_map,
        }

    def resources(self, kinds: tuple[str, ...]) -> Iterator[Resource]:
        for logical_id, body in self.template.get("Resources", {}).items():
            condition = body.get("Condition")
            if body["Type"] in kinds and (condition is None or self._condition({"Condition": condition})):
                yield self._resource(logical_id)

    def resolve(self, value: Any) -> Any:
        """Return a value with its intrinsic functions replaced by what they give."""
        if isinstance(value, list):
            resolved = [self.resolve(entry) for entry in value]
            return [entry for entry in resolved if entry is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name in self._functions:
                return self._functions[name](argument)
            if name.startswith("Fn::"):
                raise TemplateError(f"{self.name}: the loader does not know {name}.")
        pairs = ((key, self.resolve(entry)) for key, entry in value.items())
        return {key: entry for key, entry in pairs if entry is not _NO_VALUE}

    def _resource(self, logical_id: str) -> Resource:
        body = self.template["Resources"][logical_id]
        identity = self._identity(logical_id)
        properties = self.resolve(body.get("Properties", {}))
        return Resource(self.name, logical_id, body["Type"], *identity, properties)

    def _identity(self, logical_id: str) -> tuple[str, str, str]:
        """Return (ref, name, ARN), from the few properties that they depend on."""
        body = self.template["Resources"].get(logical_id)
        if body is None:
            raise TemplateError(f"{self.name} refers to {logical_id}, which it does not have.")
        kind, properties = body["Type"], body.get("Properties", {})
        given = next((properties[key] for key in _NAME_PROPERTIES if key in properties), None)
        name = self.resolve(given) if given is not None else f"{self.name}-{logical_id}"[:64]
        region = self._templates.region
        if kind == "AWS::S3::Bucket":
            name = name.lower()[:63].rstrip("-")
        pattern = _ARN_PATHS.get(kind, "arn:aws:local:{region}:{account}:{name}")
        arn = pattern.format(name=name, region=region, account=ACCOUNT)
        if kind == "AWS::SecretsManager::Secret":
            ref = arn = secret_arn(region, name)
        elif kind == "AWS::Cognito::UserPool":
            ref = pool_id(region, name)
            arn = f"arn:aws:cognito-idp:{region}:{ACCOUNT}:userpool/{ref}"
        elif kind == "AWS::Cognito::UserPoolClient":
            ref = client_id(self.resolve(properties["UserPoolId"]), name)
        elif kind == "AWS::Cognito::UserPoolResourceServer":
            ref = self.resolve(properties["Identifier"])
        elif kind == "AWS::SQS::Queue":
            ref = f"{self._templates.endpoint}/{ACCOUNT}/{name}"
        elif kind.startswith("AWS::ApiGatewayV2::"):
            ref = properties.get("StageName") or digest(self.name, logical_id, length=10)
        elif kind in {"AWS::Lambda::Version", "AWS::Lambda::Alias"}:
            qualifier = properties.get("Name", "1")
            ref = arn = f"{self._function_arn(self.resolve(properties['FunctionName']))}:{qualifier}"
        else:
            ref = arn if kind in _REF_IS_ARN else name
        return ref, name, arn

    def _function_arn(self, name: str) -> str:
        return (
            name if name.startswith("arn:") else (f"arn:aws:lambda:{self._templates.region}:{ACCOUNT}:function:{name}")
        )

    def _ref(self, name: str) -> Any:
        if name in self._pseudo:
            return self._pseudo[name]
        parameter = self.template.get("Parameters", {}).get(name)
        if parameter is not None:
            return parameter.get("Default", "")
        return self._identity(name)[0]

    def _get_att(self, argument: Any) -> str:
        logical_id, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
        ref, name, arn = self._identity(logical_id)
        kind = self.template["Resources"][logical_id]["Type"]
        known = {
            "ProviderURL": f"{self._templates.endpoint}/{ref}",
            "ApiEndpoint": self._templates.api_url,
            "StreamArn": f"{arn}/stream/local",
            "RegionalDomainName": f"{name}.s3.{self._templates.region}.amazonaws.com",
            "DomainName": f"{name}.s3.amazonaws.com",
            "FunctionArn": arn,
            "Version": "1",
        }
        if attribute.endswith("Arn") and attribute not in known:
            return arn
        if attribute.endswith("Name") and attribute not in known:
            return name
        if kind.startswith(("AWS::Cognito::", "AWS::ApiGatewayV2::")) and attribute.endswith("Id"):
            return ref
        return known.get(attribute, f"{ref}.{attribute}")

    def _sub(self, argument: Any) -> str:
        text, variables = argument if isinstance(argument, list) else (argument, {})

        def replace(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in variables:
                return str(self.resolve(variables[name]))
            return str(self._get_att(name) if "." in name else self._ref(name))

        return _SUB_VARIABLE.sub(replace, text)

    def _find_in_map(self, argument: list[Any]) -> Any:
        name, first, second = (self.resolve(part) for part in argument[:3])
        return self.template["Mappings"][name][first][second]

    def _condition(self, condition: Mapping[str, Any]) -> bool:
        operator, argument = next(iter(condition.items()))
        match operator:
            case "Condition":
                return self._condition(self.template["Conditions"][argument])
            case "Fn::Equals":
                return bool(self.resolve(argument[0]) == self.resolve(argument[1]))
            case "Fn::Not":
                return not self._condition(argument[0])
            case "Fn::And":
                return all(map(self._condition, argument))
            case "Fn::Or":
                return any(map(self._condition, argument))
        raise TemplateError(f"{self.name}: the loader does not know the condition {operator}.")
