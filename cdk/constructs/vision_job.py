"""The vision job on AWS Batch: GPU machines (Spot, then on-demand) and Fargate, none of them while idle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from aws_cdk import Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_batch as batch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.config import Config
from cdk.constructs.grants import service_principal
from cdk.constructs.image import image_asset
from cdk.constructs.nag import accept
from cdk.constructs.network import JobNetwork
from cdk.constructs.retention import retention

_COMMAND = ["python", "-m", "containers.vision.main", "Ref::spec"]

# Batch's reasons for a job without a machine. The state machine matches their first words.
# The CDK's enumeration lacks the last one.
_NO_MACHINE = (
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
    "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
)
# Queues that share machines: that of a higher priority is served first.
_DAILY_PRIORITY, _UPLOAD_PRIORITY = 10, 1


class VisionJob(Construct):
    """Three queues and two jobs, from one Dockerfile.

    Attributes:
        gpu_queue: Spot machines with a GPU, then on-demand ones.
        cpu_queue: Fargate, for the daily runs.
        upload_queue: The same machines, for uploads, which may hold them for hours: the daily runs come first.
        gpu_job: The job with one GPU and torch.
        cpu_job: The same without either.
        job_names: The jobs' names; deployments make new revisions of them.
        role: What the job may do.
    """

    def __init__(self, scope: Construct, construct_id: str, config: Config, environment: dict[str, str]) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._network = JobNetwork(self, "Network", zones=config.zones, log_days=config.log_days)
        self._environment = {"POWERTOOLS_SERVICE_NAME": "vision", **environment}
        self._log = logs.LogGroup(
            self, "Log", retention=retention(config.log_days), removal_policy=RemovalPolicy.DESTROY
        )
        self.role = self._task_role("Role")
        # What starts the container: it pulls the image and writes the log.
        self._execution_role = self._task_role("ExecutionRole")
        accept(
            self._execution_role,
            "GetAuthorizationToken of the image registry knows no resources.",
            "AwsSolutions-IAM5[Resource::*]",
        )
        self.gpu_queue = self._queue("GpuQueue", self._gpu_machines())
        fargate = self._fargate()
        self.cpu_queue = self._queue("CpuQueue", [fargate], _DAILY_PRIORITY)
        self.upload_queue = self._queue("UploadQueue", [fargate], _UPLOAD_PRIORITY)
        self.job_names = (f"framesift-{config.stage}-gpu", f"framesift-{config.stage}-cpu")
        self.gpu_job = self._job("GpuJob", self.job_names[0], self._gpu_container())
        self.cpu_job = self._job("CpuJob", self.job_names[1], self._cpu_container())

    @property
    def queue_arns(self) -> list[str]:
        """All three queues."""
        return [queue.job_queue_arn for queue in (self.gpu_queue, self.cpu_queue, self.upload_queue)]

    @property
    def job_arns(self) -> list[str]:
        """All revisions of both jobs."""
        return [
            Stack.of(self).format_arn(service="batch", resource="job-definition", resource_name=f"{name}:*")
            for name in self.job_names
        ]

    def _task_role(self, construct_id: str) -> iam.Role:
        trusted = service_principal(Stack.of(self), "ecs-tasks.amazonaws.com", ("ecs", "*"))
        return iam.Role(self, construct_id, assumed_by=trusted)

    def _gpu_machines(self) -> list[batch.ManagedEc2EcsComputeEnvironment]:
        launch_template = ec2.LaunchTemplate(
            self,
            "GpuMachine",
            # One hop: the machine's own role stays out of the containers' reach.
            http_tokens=ec2.LaunchTemplateHttpTokens.REQUIRED,
            http_put_response_hop_limit=1,
            block_devices=[
                ec2.BlockDevice(
                    device_name="/dev/xvda",
                    volume=ec2.BlockDeviceVolume.ebs(
                        self._config.gpu_disk_gb, encrypted=True, volume_type=ec2.EbsDeviceVolumeType.GP3
                    ),
                )
            ],
        )
        policy = "service-role/AmazonEC2ContainerServiceforEC2Role"
        role = iam.Role(
            self,
            "GpuMachineRole",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(policy)],
        )
        accept(
            role,
            "The policy that AWS keeps for ECS machines; containers cannot reach the role.",
            f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{policy}]",
        )
        return [
            batch.ManagedEc2EcsComputeEnvironment(
                self,
                construct_id,
                vpc=self._network.vpc,
                vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
                security_groups=[self._network.security_group],
                instance_types=[ec2.InstanceType(name) for name in self._config.gpu_instance_types],
                use_optimal_instance_classes=False,
                images=[batch.EcsMachineImage(image_type=batch.EcsMachineImageType.ECS_AL2023_NVIDIA)],
                instance_role=role,
                launch_template=launch_template,
                spot=spot,
                allocation_strategy=strategy,
                minv_cpus=0,
                maxv_cpus=self._config.gpu_max_vcpus,
                update_to_latest_image_version=True,
            )
            for construct_id, spot, strategy in (
                ("GpuSpot", True, batch.AllocationStrategy.SPOT_PRICE_CAPACITY_OPTIMIZED),
                ("GpuOnDemand", False, batch.AllocationStrategy.BEST_FIT_PROGRESSIVE),
            )
        ]

    def _fargate(self) -> batch.FargateComputeEnvironment:
        return batch.FargateComputeEnvironment(
            self,
            "Fargate",
            vpc=self._network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            security_groups=[self._network.security_group],
            maxv_cpus=self._config.cpu_max_vcpus,
        )

    def _queue(
        self, construct_id: str, machines: Sequence[batch.IComputeEnvironment], priority: int = _DAILY_PRIORITY
    ) -> batch.JobQueue:
        queue = batch.JobQueue(
            self,
            construct_id,
            priority=priority,
            compute_environments=[
                batch.OrderedComputeEnvironment(compute_environment=environment, order=order)
                for order, environment in enumerate(machines, start=1)
            ],
        )
        cast("batch.CfnJobQueue", queue.node.default_child).job_state_time_limit_actions = [
            batch.CfnJobQueue.JobStateTimeLimitActionProperty(
                action="CANCEL", state="RUNNABLE", reason=reason, max_time_seconds=self._config.queue_give_up_s
            )
            for reason in _NO_MACHINE
        ]
        return queue

    def _gpu_container(self) -> batch.EcsEc2ContainerDefinition:
        return batch.EcsEc2ContainerDefinition(
            self,
            "GpuContainer",
            image=ecs.ContainerImage.from_docker_image_asset(image_asset(self, "GpuImage", "vision-gpu")),
            gpu=1,
            cpu=self._config.gpu_job_vcpus,
            memory=Size.mebibytes(self._config.gpu_job_memory_mb),
            command=_COMMAND,
            environment=self._environment,
            job_role=self.role,
            execution_role=self._execution_role,
            logging=self._log_driver("gpu"),
        )

    def _cpu_container(self) -> batch.EcsFargateContainerDefinition:
        return batch.EcsFargateContainerDefinition(
            self,
            "CpuContainer",
            image=ecs.ContainerImage.from_docker_image_asset(image_asset(self, "CpuImage", "vision")),
            cpu=self._config.cpu_job_vcpus,
            memory=Size.mebibytes(self._config.cpu_job_memory_mb),
            command=_COMMAND,
            environment=self._environment,
            job_role=self.role,
            execution_role=self._execution_role,
            logging=self._log_driver("cpu"),
            assign_public_ip=True,
        )

    def _log_driver(self, prefix: str) -> ecs.LogDriver:
        return ecs.LogDriver.aws_logs(log_group=self._log, stream_prefix=prefix)

    def _job(self, construct_id: str, name: str, container: batch.IEcsContainerDefinition) -> batch.EcsJobDefinition:
        """One job definition.

        An execution that began before a deployment names the revision of then: it stays active, and its name is fixed
        so that the state machine's role can allow all of its revisions.
        """
        retry, stop = batch.Action.RETRY, batch.Action.EXIT
        job = batch.EcsJobDefinition(
            self,
            construct_id,
            job_definition_name=name,
            container=container,
            timeout=Duration.seconds(self._config.job_timeout_s),
            retry_attempts=self._config.job_attempts,
            # The exit codes are those of framesift.errors. Batch takes five rules, and retries what none matches.
            retry_strategies=[
                batch.RetryStrategy.of(retry, batch.Reason.SPOT_INSTANCE_RECLAIMED),
                batch.RetryStrategy.of(retry, batch.Reason.CANNOT_PULL_CONTAINER),
                batch.RetryStrategy.of(retry, batch.Reason.custom(on_exit_code="75")),
                batch.RetryStrategy.of(stop, batch.Reason.custom(on_exit_code="6*")),
                batch.RetryStrategy.of(stop, batch.Reason.custom(on_reason="*")),
            ],
        )
        cast(
            "batch.CfnJobDefinition", job.node.default_child
        ).resource_retention_policy = batch.CfnJobDefinition.ResourceRetentionPolicyProperty(
            skip_deregister_on_update=True
        )
        return job
