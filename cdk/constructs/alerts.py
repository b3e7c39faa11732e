"""Who is notified when something fails, and where messages go that nobody could take."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.constructs.grants import service_principal
from cdk.constructs.nag import accept


class Alerts(Construct):
    """The topic and the dead-letter queue.

    Attributes:
        topic: Receives failed runs and alarms (how it is encrypted: docs/decisions/0005-no-key-of-our-own.md).
        dead_letters: Starts and events that could not be delivered.
    """

    def __init__(self, scope: Construct, construct_id: str, *, email: str) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Failures", enforce_ssl=True)
        self._let_alarms_publish()
        if email:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        accept(self.dead_letters, "It is the dead-letter queue.", "AwsSolutions-SQS3")

    def _let_alarms_publish(self) -> None:
        alarms = service_principal(Stack.of(self), "cloudwatch.amazonaws.com", ("cloudwatch", "alarm:*"))
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(principals=[alarms], actions=["sns:Publish"], resources=[self.topic.topic_arn])
        )
