"""Alarms and one dashboard."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk.constructs.alerts import Alerts

_WINDOW = Duration.minutes(5)


class Monitoring(Construct):
    """What is watched.

    A step's own errors end in an execution that fails, which has its alarm. So only the functions that run outside of
    one have alarms of their own: ten metrics in all, and so many are free in CloudWatch. What fails of people and
    collections shows as the API's 5xx.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        machine: sfn.StateMachine,
        functions: Mapping[str, lambda_.IFunction],
        outside: tuple[str, ...],
        hourly: tuple[str, ...],
        api: apigateway.HttpApi,
        alerts: Alerts,
    ) -> None:
        super().__init__(scope, construct_id)
        self._alerts = alerts
        ended = {
            "failed": machine.metric_failed(period=_WINDOW, statistic="Sum"),
            "timed_out": machine.metric_timed_out(period=_WINDOW, statistic="Sum"),
            "aborted": machine.metric_aborted(period=_WINDOW, statistic="Sum"),
        }
        errors = {each: functions[each].metric_errors(period=_WINDOW) for each in (*outside, *hourly)}
        # What is throttled in one hour runs in the next.
        throttles = {each: functions[each].metric_throttles(period=_WINDOW) for each in outside}
        self._alarm("RunsFailed", _sum(ended), "A run ended otherwise than well: see its record.")
        self._alarm(
            "DeadLetters",
            alerts.dead_letters.metric_approximate_number_of_messages_visible(period=_WINDOW),
            "A start or an event could not be delivered.",
        )
        self._alarm("FunctionErrors", _sum(errors), "A function outside of the workflow fails.")
        self._alarm("FunctionThrottles", _sum(throttles), "A function outside of the workflow is throttled.")
        self._alarm("ApiErrors", api.metric_server_error(period=_WINDOW, statistic="Sum"), "The API answers 5xx.")
        self._dashboard(name, machine, functions, api)

    def _alarm(self, construct_id: str, metric: cloudwatch.IMetric, description: str) -> None:
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            alarm_description=description,
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._alerts.topic))

    def _dashboard(
        self,
        name: str,
        machine: sfn.StateMachine,
        functions: Mapping[str, lambda_.IFunction],
        api: apigateway.HttpApi,
    ) -> None:
        queue = self._alerts.dead_letters
        charts: dict[str, list[cloudwatch.IMetric]] = {
            "Runs": [
                machine.metric_started(),
                machine.metric_succeeded(),
                machine.metric_failed(),
                machine.metric_timed_out(),
                machine.metric_aborted(),
            ],
            "How long a run takes": [machine.metric_time(statistic="Maximum")],
            "Clips that crawls saw": [
                cloudwatch.MathExpression(
                    expression="SEARCH('{Framesift,category,service} MetricName=\"ClipsSeen\"', 'Sum', 86400)",
                    using_metrics={},
                    label="",
                    period=Duration.days(1),
                )
            ],
            "Functions: errors": [function.metric_errors() for function in functions.values()],
            "Functions: duration": [function.metric_duration(statistic="p95") for function in functions.values()],
            "API: requests": [api.metric_count(), api.metric_client_error(), api.metric_server_error()],
            "API: latency": [api.metric_latency(statistic="p50"), api.metric_latency(statistic="p99")],
            "Dead letters": [queue.metric_approximate_number_of_messages_visible()],
        }
        widgets: list[cloudwatch.IWidget] = [
            cloudwatch.GraphWidget(title=title, left=metrics, width=12) for title, metrics in charts.items()
        ]
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=name,
            default_interval=Duration.days(7),
            widgets=[widgets[start : start + 2] for start in range(0, len(widgets), 2)],
        )


def _sum(metrics: Mapping[str, cloudwatch.IMetric]) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(expression=" + ".join(metrics), using_metrics=dict(metrics), period=_WINDOW)
