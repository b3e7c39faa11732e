"""The network of the vision job: public subnets without a way in, and no NAT gateway that would cost while idle."""

from __future__ import annotations

from aws_cdk import Fn, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.constructs.grants import service_principal
from cdk.constructs.retention import retention


class JobNetwork(Construct):
    """A VPC whose machines reach out by HTTPS only and cannot be reached (docs/decisions/0001-no-nat-gateway.md).

    Attributes:
        vpc: A public subnet in each zone, since Spot capacity differs; gateway endpoints to S3 and DynamoDB.
        security_group: Nothing in, HTTPS out.
    """

    def __init__(self, scope: Construct, construct_id: str, *, zones: int, log_days: int) -> None:
        super().__init__(scope, construct_id)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            availability_zones=[Fn.select(number, Fn.get_azs()) for number in range(zones)],
            nat_gateways=0,
            subnet_configuration=[ec2.SubnetConfiguration(name="Public", subnet_type=ec2.SubnetType.PUBLIC)],
            restrict_default_security_group=False,  # Nothing uses it, and restricting it takes a function of its own.
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
        )
        log_group = logs.LogGroup(self, "FlowLog", retention=retention(log_days), removal_policy=RemovalPolicy.DESTROY)
        role = iam.Role(
            self,
            "FlowLogRole",
            assumed_by=service_principal(Stack.of(self), "vpc-flow-logs.amazonaws.com", ("ec2", "vpc-flow-log/*")),
        )
        self.vpc.add_flow_log("Flow", destination=ec2.FlowLogDestination.to_cloud_watch_logs(log_group, role))
        self.security_group = ec2.SecurityGroup(
            self, "Outbound", vpc=self.vpc, allow_all_outbound=False, description="Nothing in, HTTPS out"
        )
        self.security_group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "AWS services and model origins")
