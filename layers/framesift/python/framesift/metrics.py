"""CloudWatch metrics, which a function writes into its log (embedded metric format)."""

from __future__ import annotations

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

metrics = Metrics(namespace="Framesift")


def add_counts(**counts: int) -> None:
    """Add counts, by the metric's name, to those that this invocation writes when it ends."""
    for name, count in counts.items():
        metrics.add_metric(name, MetricUnit.Count, count)
