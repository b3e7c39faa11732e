import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from framesift import errors
from framesift.api.description import describe_api
from framesift.contracts import MaintenanceInput, StartInput, UploadedObject
from statemachine.lint import FOLDER, find_placeholders

STEPS = {
    "begin_run",
    "crawl_category",
    "plan_analysis",
    "curate_category",
    "publish_lists",
    "archive_run",
    "finish_run",
    "fail_run",
    "collect_feed",
    "predict_items",
    "train_detector",
    "check_training",
    "gate_iteration",
    "collect_uploads",
    "publish_poses",
    "update_catalog",
}
REPOSITORY = Path(__file__).resolve().parents[2]
ASL = (FOLDER / "pipeline.asl.json").read_text(encoding="utf-8")
GET, PUT, QUERY, BATCH = "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:BatchWriteItem"
DELETE_RECORD, UPDATE = "dynamodb:DeleteItem", "dynamodb:UpdateItem"


def test_the_outputs_are_what_the_command_line_reads(pipeline):
    outputs = json.loads(pipeline.path.read_text(encoding="utf-8"))["Outputs"]

    assert {"BucketName", "TableName", "StateMachineArn", "ApiUrl"} <= set(outputs)


# --- functions ---


def test_every_function_has_a_handler_that_can_be_imported(pipeline):
    functions = pipeline.functions()

    assert set(functions) == STEPS | {"serve_api", "serve_collections", "maintain_collections"}
    for function in functions.values():
        module, _, name = function["ImageConfig"]["Command"][0].rpartition(".")
        assert callable(getattr(importlib.import_module(module), name))


def test_every_function_of_the_code_is_deployed(pipeline):
    folders = {path.parent.name for path in REPOSITORY.glob("functions/*/handler.py")}

    assert folders | {"crawl_category"} == set(pipeline.functions())


def test_a_function_ends_before_its_task_gives_it_up(pipeline):
    machine = json.loads(ASL)["States"]
    tasks = {**machine, **machine["Collect"]["ItemProcessor"]["States"], **machine["Curate"]["ItemProcessor"]["States"]}
    limits = {}
    for task in tasks.values():
        if task.get("Resource") == "arn:aws:states:::lambda:invoke":
            name = task["Arguments"]["FunctionName"]
            # Begin's result chooses among the collectors.
            named = json.dumps(machine["Begin"]["Assign"]["collectors"]) if "$collectors" in name else name
            limits |= dict.fromkeys(re.findall(r"\$\{(\w+)FunctionArn}", named), task["TimeoutSeconds"])

    assert len(limits) == len(STEPS)
    for name, function in pipeline.functions().items():
        if name in STEPS:
            assert function["Timeout"] < limits["".join(word.title() for word in name.split("_"))]


def test_every_function_has_a_role_and_a_log_that_expires_of_its_own(pipeline):
    functions = pipeline.functions().values()

    assert len({json.dumps(function["Role"]) for function in functions}) == len(functions)
    assert len({json.dumps(function["LoggingConfig"]["LogGroup"]) for function in functions}) == len(functions)
    assert all("RetentionInDays" in log for log in pipeline.of_type("AWS::Logs::LogGroup").values())
    assert all(function["TracingConfig"] == {"Mode": "Active"} for function in functions)


def test_the_crawler_is_large_enough_for_a_browser(pipeline):
    crawler = pipeline.functions()["crawl_category"]

    assert crawler["MemorySize"] >= 3008
    assert crawler["Timeout"] == 900
    assert crawler["EphemeralStorage"]["Size"] > 512


def test_only_settings_that_exist_are_set(pipeline):
    from framesift.settings import Settings

    for function in pipeline.functions().values():
        for variable in function["Environment"]["Variables"]:
            if variable.startswith("FRAMESIFT_"):
                group, name = variable.removeprefix("FRAMESIFT_").lower().split("__")
                assert name in Settings.model_fields[group].annotation.model_fields, variable


def test_no_environment_holds_a_secret(pipeline):
    environments = [each["Environment"]["Variables"] for each in pipeline.functions().values()]
    environments += [
        {variable["Name"]: variable["Value"] for variable in job["ContainerProperties"]["Environment"]}
        for job in pipeline.of_type("AWS::Batch::JobDefinition").values()
    ]

    for environment in environments:
        for name, value in environment.items():
            if "SECRET" in name:
                assert set(value) == {"Fn::ImportValue"}  # The secret's ARN.
            assert "resolve:secretsmanager" not in json.dumps(value)
            assert not re.search(r"PASSWORD|TOKEN|API_?KEY", name)


# --- permissions ---


def allowed(statements, service):
    """Resources, with the actions of a service that are allowed on them."""
    found = {}
    for statement in statements:
        actions = sorted(action for action in statement["actions"] if action.startswith(f"{service}:"))
        for resource in statement["resources"] if actions else []:
            found[resource] = sorted({*found.get(resource, []), *actions})
    return found


READ, WRITE, DELETE = "s3:GetObject", "s3:PutObject", "s3:DeleteObject"
ABORT, DELETE_VERSION = "s3:AbortMultipartUpload", "s3:DeleteObjectVersion"
LIST_UPLOADS = "s3:ListBucketMultipartUploads"  # It knows no prefixes.
PARTS, READ_VERSION = "s3:ListMultipartUploadParts", "s3:GetObjectVersion"


@pytest.mark.parametrize(
    ("name", "objects"),
    [
        ("begin_run", {}),
        ("crawl_category", {"runs/tiktok/*": [READ, WRITE]}),
        (
            "plan_analysis",
            {
                "runs/*": [READ],
                "models/*": [READ],
                "collections/*/batches/*": [READ],
                "runs/*/analysis/*": [WRITE],
            },
        ),
        ("curate_category", {"runs/tiktok/*": [READ, WRITE]}),
        ("publish_lists", {"runs/tiktok/*": [READ, WRITE], "published/*": [READ, WRITE], "residual/*": [READ]}),
        (
            "archive_run",
            {"runs/tiktok/*": [READ], "residual/*": [WRITE], "runs/tiktok/*/media/*": ["s3:DeleteObject"]},
        ),
        ("finish_run", {"runs/*/analysis/*": [READ]}),
        ("fail_run", {}),
        ("collect_feed", {"runs/youtube/*": [READ, WRITE]}),
        ("predict_items", {"runs/youtube/*": [READ, WRITE], "models/*": [READ]}),
        ("train_detector", {"runs/youtube/*": [READ]}),
        ("check_training", {}),
        ("gate_iteration", {}),
        (
            "collect_uploads",
            {
                "uploads/*": [DELETE, READ, "s3:GetObjectTagging"],
                "incoming/*": [READ, "s3:GetObjectTagging"],
                "collections/*/batches/*": [ABORT, READ, WRITE],
                "collections/*/originals/*": [READ],
                "runs/upload/*": [WRITE],
            },
        ),
        (
            "update_catalog",
            {
                "uploads/*": [DELETE, DELETE_VERSION, READ],
                "incoming/*": [DELETE, DELETE_VERSION, READ],
                "collections/*/batches/*": [ABORT, DELETE, READ, WRITE],
                "collections/*/catalog/*": [ABORT, READ, WRITE],
                "collections/*/catalog/changes/*": [DELETE],
            },
        ),
        ("publish_poses", {"runs/upload/*": [READ], "collections/*/poses/manifests/*": [WRITE]}),
        (
            "maintain_collections",
            {
                **{key: [ABORT, DELETE_VERSION, READ] for key in ["collections/*", "exports/*"]},
                "collections/*/catalog/*": [ABORT, WRITE],
                **{key: [ABORT, DELETE_VERSION] for key in ["uploads/*", "incoming/*", "imports/*"]},
                "runs/upload/*": [DELETE_VERSION],
                **{f"collections/*/{name}/*": [WRITE] for name in ("features", "duplicates", "maps", "batches")},
            },
        ),
        ("serve_api", {"published/*": [READ], "published/latest/*": [WRITE]}),
        (
            "serve_collections",
            {
                "collections/*": [READ],
                "collections/*/catalog/*": [ABORT, WRITE],
                "collections/*/catalog/changes/*": [DELETE],
                "collections/*/catalog/snapshots/*": [DELETE_VERSION],
                "collections/*/catalog/versions/*": [DELETE_VERSION],
                "collections/*/batches/*": [ABORT, DELETE, WRITE],
                "collections/*/jobs/*": [WRITE],
                "collections/*/maps/*": [DELETE_VERSION],
                "uploads/*": [ABORT, READ, PARTS, WRITE],
                "incoming/*": [ABORT, DELETE, READ, PARTS, WRITE],
                "exports/*": [ABORT, DELETE_VERSION, READ],
                "imports/*": [READ, WRITE],
                "models/*": [READ],
            },
        ),
    ],
)
def test_a_function_may_touch_only_its_objects(pipeline, name, objects):
    statements = pipeline.statements(pipeline.functions()[name]["Role"])

    assert below_bucket(statements) == objects
    assert listed(statements) == {prefix for prefix, actions in objects.items() if READ in actions}


@pytest.mark.parametrize(
    ("name", "records"),
    [
        (
            "begin_run",
            {
                "RUN#*": [GET, PUT],
                "EXECUTION#*": [PUT],
                "EXECUTIONS#*": [PUT],
                "COLLECTION#*": [GET, UPDATE],
                "INBOX#*": [GET, PUT],
            },
        ),
        ("crawl_category", {"RUN#tiktok#*": [GET, PUT], "PROGRESS#tiktok#*": [PUT]}),
        ("plan_analysis", {"RUN#*": [GET], "VIDEO#*": [GET, QUERY], "COLLECTION#*": [GET]}),
        ("curate_category", {"RUN#tiktok#*": [GET, PUT], "TAKEDOWN#tiktok": [QUERY]}),
        ("publish_lists", {"RUN#tiktok#*": [GET, PUT], "LIST": [GET, PUT], "TAKEDOWN#tiktok": [QUERY]}),
        ("archive_run", {"RUN#tiktok#*": [GET, PUT], "ITEM#tiktok#*": [BATCH]}),
        (
            "finish_run",
            {
                "RUN#*": ["dynamodb:DeleteItem", GET, PUT, QUERY],
                "EXECUTIONS#*": [PUT],
                "COLLECTION#*": [GET, PUT, UPDATE],
            },
        ),
        (
            "fail_run",
            {
                "EXECUTION#*": [GET],
                "EXECUTIONS#*": [PUT],
                "RUN#*": [GET, PUT, QUERY],
                "FAULT#*": [GET],
                "COLLECTION#*": [GET, PUT, UPDATE],
            },
        ),
        ("collect_feed", {"RUN#youtube#*": [GET, PUT], "QUOTA#youtube": [GET, PUT]}),
        (
            "predict_items",
            {
                "RUN#youtube#*": [GET, PUT],
                "PROGRESS#youtube#*": [PUT],
                "ITEM#youtube#*": [BATCH],
                "REVIEW": [PUT],
                "DETECTOR": [GET],
            },
        ),
        (
            "train_detector",
            {
                "RUN#youtube#*": [GET, PUT],
                "TRAINING_IMAGE#*": [PUT, QUERY],
                "REVIEW": [QUERY],
                "JUDGED#*": [GET],
                "DETECTOR": [GET],
            },
        ),
        ("check_training", {}),
        ("gate_iteration", {"RUN#youtube#*": [GET, PUT], "JUDGED#*": [PUT], "DETECTOR": [GET, PUT]}),
        (
            "collect_uploads",
            {
                "RUN#upload#*": [GET, PUT],
                "VIDEO#*": [GET, PUT],
                "SEQUENCE#*": [GET],
                "COLLECTION": [PUT],
                "COLLECTION#*": [GET, PUT, QUERY, UPDATE],
                "INBOX#*": [QUERY],
            },
        ),
        (
            "update_catalog",
            {
                "RUN#upload#*": [GET, PUT],
                "FAULT#upload#*": [GET],
                "COLLECTION#*": [GET, PUT],
                "CHANGES#*": [PUT, QUERY],
                "REQUESTS#*": [GET, PUT],
                "INBOX#*": [GET, PUT],
            },
        ),
        (
            "publish_poses",
            {"RUN#upload": [GET], "RUN#upload#*": [GET, PUT], "FAULT#upload#*": [GET], "VIDEO#*": [GET, PUT, QUERY]},
        ),
        (
            "serve_api",
            {
                "LIST": [GET, QUERY],
                "RUN#*": [GET, QUERY],
                "ITEM#*": [QUERY],
                "TAKEDOWN#*": ["dynamodb:DeleteItem", PUT, QUERY],
                "REVIEW": [GET, PUT, QUERY],
                "CLIENT#*": ["dynamodb:UpdateItem"],
            },
        ),
        (
            "serve_collections",
            {
                "COLLECTION": [PUT, QUERY],
                "COLLECTION#*": [DELETE_RECORD, GET, PUT, QUERY, UPDATE],
                "CHANGES#*": [GET, PUT, QUERY],
                "DELETION": [DELETE_RECORD, PUT],
                "USER#*": [DELETE_RECORD, GET, PUT, QUERY],
                "PEOPLE": [DELETE_RECORD, PUT, QUERY],
                "EMAIL#*": [DELETE_RECORD, GET, PUT],
                "SHARE#*": [DELETE_RECORD, GET, PUT],
                "PUBLIC": [DELETE_RECORD, PUT, QUERY],
                "DEPARTMENT#*": [DELETE_RECORD, PUT, QUERY],
                "IDEMPOTENCY#*": [DELETE_RECORD, GET, PUT, UPDATE],
                "CLIENT#*": [UPDATE],
            },
        ),
        (
            "maintain_collections",
            {
                "COLLECTION": [DELETE_RECORD, QUERY],
                "COLLECTION#*": [DELETE_RECORD, GET, PUT, QUERY],
                "CHANGES#*": [DELETE_RECORD, PUT, QUERY],
                "DELETION": [DELETE_RECORD, PUT, QUERY, UPDATE],
                "USER#*": [BATCH, DELETE_RECORD, GET, PUT, QUERY],
                "PUBLIC": [DELETE_RECORD],
                "DEPARTMENT#*": [DELETE_RECORD],
                "EMAIL#*": [DELETE_RECORD],
                "INBOX#*": [BATCH, DELETE_RECORD, QUERY],
                **{key: [DELETE_RECORD, QUERY] for key in ["PEOPLE", "REQUESTS#*", "RUN#upload", "EXECUTIONS#upload"]},
                **{key: [BATCH, QUERY] for key in ["SHARE#*", "IDEMPOTENCY#*", "EXECUTION#*", "VIDEO#*", "SEQUENCE#*"]},
                **{key: [BATCH, QUERY] for key in ["RUN#upload#*", "PROGRESS#upload#*", "FAULT#upload#*"]},
            },
        ),
    ],
)
def test_a_function_may_touch_only_its_records(pipeline, name, records):
    assert by_leading_key(pipeline.statements(pipeline.functions()[name]["Role"])) == records


def test_only_the_api_and_the_clock_start_the_maintenance_of_collections(pipeline):
    callers = {
        role.partition("Role")[0]
        for policy in pipeline.of_type("AWS::IAM::Policy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        for role in [policy["Roles"][0]["Ref"]]
        if statement["Action"] == "lambda:InvokeFunction"
        and statement["Resource"] == {"Fn::GetAtt": [maintenance_id(pipeline), "Arn"]}
    }

    assert callers == {"ServeCollections", "SchedulesMaintenance"}
    environment = pipeline.functions()["serve_collections"]["Environment"]["Variables"]
    assert environment["FRAMESIFT_PLATFORM__MAINTENANCE"] == {"Ref": maintenance_id(pipeline)}


def maintenance_id(pipeline):
    """The logical id of the function that maintains collections."""
    [name] = [name for name in pipeline.of_type("AWS::Lambda::Function") if name.startswith("MaintainCollections")]
    return name


def test_collections_are_maintained_in_every_hour(pipeline):
    schedule = pipeline.one("AWS::Scheduler::Schedule", ScheduleExpression="cron(30 * * * ? *)")

    assert schedule["Target"]["Arn"] == {"Fn::GetAtt": [maintenance_id(pipeline), "Arn"]}
    assert MaintenanceInput.model_validate_json(schedule["Target"]["Input"]) == MaintenanceInput(only_deletions=False)


def test_the_dead_letter_queue_is_only_written(pipeline):
    actions = {
        action
        for policy in pipeline.of_type("AWS::IAM::Policy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if action.startswith("sqs:")
    }

    assert actions == {"sqs:SendMessage"}


def test_the_job_may_touch_only_its_objects_and_records(pipeline):
    for job in pipeline.of_type("AWS::Batch::JobDefinition").values():
        statements = pipeline.statements(job["ContainerProperties"]["JobRoleArn"])

        assert below_bucket(statements) == {
            "runs/*": [READ, WRITE],
            "models/*": [READ],
            "residual/*": [READ],  # Images of earlier days that it aligns with today's.
            "uploads/*": [READ, READ_VERSION],
            "incoming/*": [READ],
            "collections/*": [READ],
            **{
                f"collections/*/{folder}/*": [ABORT, WRITE]
                for folder in ("poses", "originals", "thumbnails", "features", "duplicates", "batches")
            },
            **{f"collections/*/{folder}/*": [ABORT, DELETE_VERSION, WRITE] for folder in ("index", "maps")},
            "collections/*/catalog/*": [ABORT, WRITE],
            "collections/*/catalog/changes/*": ["s3:DeleteObject"],
            **{f"collections/*/{folder}/*": [DELETE_VERSION] for folder in ("catalog/snapshots", "jobs")},
            "exports/*": [ABORT, DELETE_VERSION, READ, PARTS, WRITE],
            "exports/*/state/*": [DELETE],
            "imports/*": [DELETE_VERSION, READ],
        }
        assert listed(statements) == {
            "runs/*",
            "models/*",
            "residual/*",
            "uploads/*",
            "incoming/*",
            "collections/*",
            "exports/*",
            "imports/*",
        }
        assert listed(statements, "s3:ListBucketVersions") == {
            "collections/*/catalog/snapshots/*",
            "collections/*/index/*",
            "collections/*/jobs/*",
            "collections/*/maps/*",
            "exports/*",
            "imports/*",
        }
        assert by_leading_key(statements) == {
            "PROGRESS#*": [PUT],
            "FAULT#*": [PUT],
            "VIDEO#*": [GET, PUT],
            "SEQUENCE#*": [GET, PUT],
            "RUN#upload#*": [GET, PUT],
            "COLLECTION#*": [GET, PUT, QUERY],
            "CHANGES#*": [PUT, QUERY],
            "REQUESTS#*": [GET, PUT],
        }


def below_bucket(statements):
    """Prefixes of the bucket, with the actions that are allowed below them."""
    return {
        resource.removeprefix("Bucket/"): actions
        for resource, actions in allowed(statements, "s3").items()
        if resource != "Bucket"
    }


def listed(statements, action="s3:ListBucket"):
    """Prefixes that may be listed: the bucket is never listed as a whole."""
    prefixes = set()
    for statement in statements:
        if "Bucket" in statement["resources"]:
            assert statement["actions"] in (["s3:ListBucket"], ["s3:ListBucketVersions"], [LIST_UPLOADS])
            if statement["actions"] != [action]:
                continue
            [(operator, condition)] = statement["conditions"].items()
            assert (operator, set(condition)) == ("StringLike", {"s3:prefix"})
            patterns = condition["s3:prefix"]
            prefixes |= {patterns} if isinstance(patterns, str) else set(patterns)
    return prefixes


def by_leading_key(statements):
    """Partition keys of the table, with the actions that are allowed on them."""
    found = {}
    for statement in statements:
        if any(action.startswith("dynamodb:") for action in statement["actions"]):
            assert statement["resources"] == ["Table"]
            conditions = statement["conditions"]
            assert set(conditions) == {"ForAllValues:StringLike", "Null"}
            assert conditions["Null"] == {"dynamodb:LeadingKeys": "false"}
            [keys] = conditions["ForAllValues:StringLike"].values()
            for key in [keys] if isinstance(keys, str) else keys:
                found[key] = sorted({*found.get(key, []), *statement["actions"]})
    return found


def test_every_service_is_trusted_for_this_account_alone(pipeline):
    for name, role in pipeline.of_type("AWS::IAM::Role").items():
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            # A machine's own role: EC2 names no source when it hands it out.
            if statement["Principal"] != {"Service": "ec2.amazonaws.com"}:
                conditions = statement.get("Condition", {}).get("StringEquals", {})
                assert conditions.get("aws:SourceAccount") == {"Ref": "AWS::AccountId"}, name


# What each service acts for; Lambda names nothing when it takes a function's role.
SOURCES = {
    "states.amazonaws.com": "states:REGION:ACCOUNT:stateMachine:framesift-full",
    "events.amazonaws.com": "events:REGION:ACCOUNT:rule/*",
    "ecs-tasks.amazonaws.com": "ecs:REGION:ACCOUNT:*",
    "vpc-flow-logs.amazonaws.com": "ec2:REGION:ACCOUNT:vpc-flow-log/*",
    "scheduler.amazonaws.com": "scheduler:REGION:ACCOUNT:schedule-group/default",
}


def test_every_service_that_names_a_source_is_trusted_for_ours_alone(pipeline):
    found = {}
    for role in pipeline.of_type("AWS::IAM::Role").values():
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            service = statement["Principal"]["Service"]
            for operator in statement.get("Condition", {}).values():
                if arn := operator.get("aws:SourceArn"):
                    found[service] = join(arn)
    assert found == SOURCES


def join(arn: dict[str, Any]) -> str:
    """An ARN's parts behind its partition."""
    separator, parts = arn["Fn::Join"]
    names = {"AWS::Region": "REGION", "AWS::AccountId": "ACCOUNT", "AWS::Partition": "PARTITION"}
    whole = separator.join(part if isinstance(part, str) else names[part["Ref"]] for part in parts)
    return whole.removeprefix("arn:PARTITION:").replace("ap-northeast-2", "REGION")


def test_those_who_notify_of_failures_can(pipeline):
    for name, function in pipeline.functions().items():
        notifies = "FRAMESIFT_PLATFORM__FAILURE_TOPIC" in function["Environment"]["Variables"]

        assert notifies == (name in {"finish_run", "fail_run"})
        assert bool(allowed(pipeline.statements(function["Role"]), "sns")) == notifies


def test_each_secret_is_open_to_those_who_need_it(pipeline):
    readers = {
        (name, resource): actions
        for name, function in pipeline.functions().items()
        for resource, actions in allowed(pipeline.statements(function["Role"]), "secretsmanager").items()
    }

    assert readers == {
        ("crawl_category", "Session"): ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"],
        ("curate_category", "Google"): ["secretsmanager:GetSecretValue"],
        ("collect_feed", "Youtube"): ["secretsmanager:GetSecretValue"],
        ("predict_items", "Custom"): ["secretsmanager:GetSecretValue"],
        ("train_detector", "Custom"): ["secretsmanager:GetSecretValue"],
        ("check_training", "Custom"): ["secretsmanager:GetSecretValue"],
        ("gate_iteration", "Custom"): ["secretsmanager:GetSecretValue"],
    }


def test_everything_is_allowed_only_where_aws_offers_nothing_narrower(pipeline):
    wide = {
        action
        for policy in pipeline.of_type("AWS::IAM::Policy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if "*" in (statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]])
        for action in (statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]])
    }

    assert {action.split(":")[0] for action in wide} == {"xray", "logs", "batch", "ecr"}
    assert {action for action in wide if action.startswith(("batch:", "ecr:"))} == {
        "batch:DescribeJobs",
        "batch:TerminateJob",
        "ecr:GetAuthorizationToken",
    }
    assert not any(action.endswith("*") for action in wide)


def test_nothing_of_ours_may_write_where_uploads_start_runs(pipeline):
    written, by_people = set(), set()
    for name, policy in pipeline.of_type("AWS::IAM::Policy").items():
        # It writes nothing there itself: people send files by links that it signs.
        found = by_people if name.startswith("ServeCollections") else written
        for statement in policy["PolicyDocument"]["Statement"]:
            actions, resources = (json.dumps(statement[part]) for part in ("Action", "Resource"))
            if "s3:" in actions and not re.fullmatch(r'[^s]*("s3:(Get|List|Delete|Abort)\w+"[^s]*)+', actions):
                found |= set(re.findall(r'"/([^"]*)"', resources))

    assert {key.split("/")[0] for key in by_people} == {"uploads", "incoming", "imports", "collections"}
    # The first part of each key is fixed, so that none can stand for `uploads/`.
    assert {key.split("/")[0] for key in written} == {"runs", "published", "residual", "collections", "exports"}


# --- the vision job ---


def test_gpu_machines_are_spot_first_and_none_while_idle(pipeline):
    queue = next(each for name, each in pipeline.of_type("AWS::Batch::JobQueue").items() if "Gpu" in name)
    machines = pipeline.of_type("AWS::Batch::ComputeEnvironment")
    ordered = [
        machines[entry["ComputeEnvironment"]["Fn::GetAtt"][0]]["ComputeResources"]
        for entry in sorted(queue["ComputeEnvironmentOrder"], key=lambda entry: entry["Order"])
    ]

    assert [each["Type"] for each in ordered] == ["SPOT", "EC2"]
    assert ordered[0]["AllocationStrategy"] == "SPOT_PRICE_CAPACITY_OPTIMIZED"
    assert [each["MinvCpus"] for each in ordered] == [0, 0]
    assert {each["Ec2Configuration"][0]["ImageType"] for each in ordered} == {"ECS_AL2023_NVIDIA"}


def test_daily_runs_come_before_uploads_on_the_same_machines(pipeline):
    queues = {name.removeprefix("Vision")[:6]: each for name, each in pipeline.of_type("AWS::Batch::JobQueue").items()}
    daily, uploads = queues["CpuQue"], queues["Upload"]

    assert daily["ComputeEnvironmentOrder"] == uploads["ComputeEnvironmentOrder"]
    assert daily["Priority"] > uploads["Priority"]
    assert daily != uploads


def test_machines_may_be_in_every_zone(pipeline):
    zones = [subnet["AvailabilityZone"] for subnet in pipeline.of_type("AWS::EC2::Subnet").values()]

    assert zones == [{"Fn::Select": [number, {"Fn::GetAZs": ""}]} for number in range(4)]
    for machines in pipeline.of_type("AWS::Batch::ComputeEnvironment").values():
        assert len(machines["ComputeResources"]["Subnets"]) == 4


def test_jobs_that_find_no_machine_are_given_up(pipeline):
    for queue in pipeline.of_type("AWS::Batch::JobQueue").values():
        actions = queue["JobStateTimeLimitActions"]
        assert {(action["Reason"], action["State"], action["Action"]) for action in actions} == {
            ("CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY", "RUNNABLE", "CANCEL"),
            ("MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE", "RUNNABLE", "CANCEL"),
            ("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", "RUNNABLE", "CANCEL"),
            ("MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED", "RUNNABLE", "CANCEL"),
        }
        assert {action["MaxTimeSeconds"] for action in actions} == {1200}


@pytest.mark.parametrize(("kind", "gpus", "capability"), [("Gpu", "1", "EC2"), ("Cpu", None, "FARGATE")])
def test_a_job_has_one_argument_a_time_limit_and_its_machine(pipeline, kind, gpus, capability):
    [job] = [each for name, each in pipeline.of_type("AWS::Batch::JobDefinition").items() if f"{kind}Job" in name]
    container = job["ContainerProperties"]
    requirements = {each["Type"]: each["Value"] for each in container["ResourceRequirements"]}

    assert container["Command"] == ["python", "-m", "containers.vision.main", "Ref::spec"]
    assert requirements.get("GPU") == gpus
    assert job["PlatformCapabilities"] == [capability]
    assert job["Timeout"]["AttemptDurationSeconds"] >= 60  # Batch takes no less.


@pytest.mark.parametrize("group", ["analysis", "upload"])
def test_a_job_is_waited_for_through_three_attempts(group):
    from framesift.settings import Settings

    limits = getattr(Settings(), group)

    # The plan gives the job its limits: of an attempt, and of the whole with the wait for a machine.
    assert limits.attempt_timeout_s * 3 <= limits.timeout_s < json.loads(ASL)["TimeoutSeconds"]
    assert limits.attempt_timeout_s >= 60  # Batch takes no less.


def batch_action(rules, *, exit_code=None, status_reason="", reason=""):
    """What Batch does after an attempt: the first rule whose every condition matches; without one, it tries again."""

    def matches(pattern, value):
        return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern

    facts = {
        "OnExitCode": "" if exit_code is None else str(exit_code),
        "OnStatusReason": status_reason,
        "OnReason": reason,
    }
    for rule in rules:
        conditions = {name: pattern for name, pattern in rule.items() if name != "Action"}
        if all(matches(pattern, facts[name]) for name, pattern in conditions.items()):
            return rule["Action"]
    return "RETRY"


def leaves(base=errors.FramesiftError):
    subclasses = base.__subclasses__()
    return [leaf for each in subclasses for leaf in leaves(each)] if subclasses else [base]


def test_what_is_tried_again_is_what_the_errors_say(pipeline):
    for job in pipeline.of_type("AWS::Batch::JobDefinition").values():
        rules = job["RetryStrategy"]["EvaluateOnExit"]
        assert len(rules) <= 5
        assert job["RetryStrategy"]["Attempts"] == 5
        for error in leaves():
            if issubclass(error, errors.TemporaryError):
                assert error.exit_code == errors.TemporaryError.exit_code, error
            wanted = "RETRY" if error.exit_code == errors.TemporaryError.exit_code else "EXIT"
            assert batch_action(rules, exit_code=error.exit_code) == wanted, error
        assert batch_action(rules, status_reason="Host EC2 (instance i-0) terminated.") == "RETRY"
        assert batch_action(rules, reason="CannotPullContainerError: i/o timeout") == "RETRY"
        assert batch_action(rules, exit_code=137, reason="OutOfMemoryError: Container killed") == "EXIT"
        assert batch_action(rules, exit_code=1) == "EXIT"
        assert batch_action(rules, exit_code=errors.FramesiftError.exit_code) == "EXIT"


def test_machines_cannot_be_reached_and_cost_nothing_while_idle(pipeline):
    assert not pipeline.of_type("AWS::EC2::NatGateway")
    assert {each.get("VpcEndpointType", "Gateway") for each in pipeline.of_type("AWS::EC2::VPCEndpoint").values()} == {
        "Gateway"
    }
    for group in pipeline.of_type("AWS::EC2::SecurityGroup").values():
        assert "SecurityGroupIngress" not in group
        assert [(rule["FromPort"], rule["ToPort"]) for rule in group["SecurityGroupEgress"]] == [(443, 443)]
    assert not pipeline.of_type("AWS::EC2::SecurityGroupIngress")


def test_machines_keep_their_role_to_themselves_and_their_disks_encrypted(pipeline):
    data = pipeline.one("AWS::EC2::LaunchTemplate")["LaunchTemplateData"]

    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert all(device["Ebs"]["Encrypted"] for device in data["BlockDeviceMappings"])


# --- the workflow, and what starts it ---


def test_the_workflow_is_the_file_with_every_name_substituted(pipeline):
    machine = pipeline.one("AWS::StepFunctions::StateMachine")

    assert json.loads(machine["DefinitionString"]) == json.loads(ASL)
    assert set(machine["DefinitionSubstitutions"]) == find_placeholders(ASL)


def test_the_workflow_is_logged_and_traced(pipeline):
    machine = pipeline.one("AWS::StepFunctions::StateMachine")

    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["TracingConfiguration"] == {"Enabled": True}


def test_the_workflow_may_call_its_functions_and_jobs_and_nothing_else(pipeline):
    statements = pipeline.statements(pipeline.one("AWS::StepFunctions::StateMachine")["RoleArn"])
    functions = pipeline.of_type("AWS::Lambda::Function")
    callable_names = {
        functions[resource]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        for resource in allowed(statements, "lambda")
    }

    assert callable_names == STEPS
    submitted = {resource for resource, actions in allowed(statements, "batch").items() if "batch:SubmitJob" in actions}
    assert submitted == {
        *pipeline.of_type("AWS::Batch::JobQueue"),
        *(
            f"arn:AWS::Partition:batch:ap-northeast-2:AWS::AccountId:job-definition/framesift-full-{kind}:*"
            for kind in ("gpu", "cpu")
        ),
    }


def test_a_run_survives_a_deployment(pipeline):
    for job in pipeline.of_type("AWS::Batch::JobDefinition").values():
        # The role allows each revision of these names, and the one that a running execution names stays active.
        assert job["JobDefinitionName"] in {"framesift-full-gpu", "framesift-full-cpu"}
        assert job["ResourceRetentionPolicy"] == {"SkipDeregisterOnUpdate": True}


@pytest.mark.parametrize(
    ("cron", "start"),
    [
        ("cron(0 0 * * ? *)", {"source": "tiktok"}),
        ("cron(0 12 * * ? *)", {"source": "tiktok", "only_if_failed": True}),
        ("cron(0 3 * * ? *)", {"source": "youtube"}),
    ],
)
def test_schedules_are_in_korean_time_and_lose_no_start(pipeline, cron, start):
    from framesift.contracts import StartInput

    schedule = pipeline.one("AWS::Scheduler::Schedule", ScheduleExpression=cron)
    target = schedule["Target"]

    assert schedule["ScheduleExpressionTimezone"] == "Asia/Seoul"
    assert json.loads(target["Input"]) == {**start, "scheduled_at": "<aws.scheduler.scheduled-time>"}
    StartInput.model_validate_json(target["Input"])
    assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0] in pipeline.of_type("AWS::SQS::Queue")
    assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0


def transformed(target, event):
    """What EventBridge makes of an event: strings come with their quotes unless they stand inside of some."""
    text = target["InputTransformer"]["InputTemplate"]
    for name, path in target["InputTransformer"]["InputPathsMap"].items():
        value = event
        for part in path.removeprefix("$.").split("."):
            value = value[part]
        text = text.replace(f":<{name}>", f":{json.dumps(value)}").replace(f"<{name}>", str(value))
    return json.loads(text)


def test_only_uploads_start_a_run(pipeline):
    [rule] = [each for name, each in pipeline.of_type("AWS::Events::Rule").items() if "Upload" in name]

    assert rule["EventPattern"]["detail"]["object"] == {"key": [{"prefix": "uploads/"}]}
    assert rule["State"] == "ENABLED"
    written = {
        "key": 'uploads/춤/내 "영상" 100% +1.mp4',
        "size": 7,
        "etag": "e",
        "version-id": "v",
        "sequencer": "006A",
    }
    start = transformed(rule["Targets"][0], {"time": "2026-11-20T15:00:00Z", "detail": {"object": written}})
    parsed = StartInput.model_validate(start)
    assert parsed.object == UploadedObject(key=written["key"], etag="e", sequencer="006A", version_id="v")
    assert (parsed.source, parsed.scheduled_at) == ("upload", "2026-11-20T15:00:00Z")


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_execution_that_was_cut_off_is_recorded(pipeline, status):
    from framesift.contracts import FailInput

    [rule] = [each for name, each in pipeline.of_type("AWS::Events::Rule").items() if "CutOff" in name]
    event = {"detail": {"status": status, "executionArn": "arn:execution"}}

    request = FailInput.model_validate(transformed(rule["Targets"][0], event))

    assert status in rule["EventPattern"]["detail"]["status"]
    assert rule["State"] == "ENABLED"
    assert (request.run, request.error, request.execution_arn) == (None, status, "arn:execution")
    assert (
        pipeline.functions()["fail_run"] == pipeline.resources[rule["Targets"][0]["Arn"]["Fn::GetAtt"][0]]["Properties"]
    )


# --- notifications ---


def test_topic_and_queue_refuse_plain_http(pipeline):
    assert pipeline.one("AWS::SQS::Queue")["SqsManagedSseEnabled"] is True
    for kind in ("AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"):
        denied = [
            statement["Condition"]
            for statement in pipeline.one(kind)["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
        ]
        assert denied == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_alarms_can_reach_the_topic(pipeline):
    topic_policy = json.dumps(pipeline.one("AWS::SNS::TopicPolicy"))
    alarms = pipeline.of_type("AWS::CloudWatch::Alarm")

    assert "cloudwatch.amazonaws.com" in topic_policy
    assert all(
        list(pipeline.of_type("AWS::SNS::Topic")) == [each["Ref"] for each in alarm["AlarmActions"]]
        for alarm in alarms.values()
    )
    assert {alarm["TreatMissingData"] for alarm in alarms.values()} == {"notBreaching"}


def test_alarms_stay_within_the_ten_metrics_that_are_free(pipeline):
    metrics = sum(
        len([metric for metric in alarm.get("Metrics", [{"MetricStat": 1}]) if "MetricStat" in metric])
        for alarm in pipeline.of_type("AWS::CloudWatch::Alarm").values()
    )

    assert metrics <= 10


# --- the API ---


def test_every_route_but_the_public_ones_needs_a_scope(pipeline):
    routes = {
        each["RouteKey"]: (each["AuthorizationType"], tuple(each.get("AuthorizationScopes", ())))
        for each in pipeline.of_type("AWS::ApiGatewayV2::Route").values()
    }

    public = {route for route, (kind, _) in routes.items() if kind == "NONE"}
    assert public == {
        "GET /v1/top10/{category}",
        "GET /v1/top10/{category}/diff",
        "GET /v1/top10/{category}/thumbnails/{name}",
        "GET /v1/openapi.json",
        "GET /v1/shared/{token}",
        "GET /v1/shared/{token}/items",
        "GET /v1/shared/{token}/items/{item_id}",
        "GET /v1/shared/{token}/items/{item_id}/media",
    }
    for route, (kind, scopes) in routes.items():
        if route not in public:
            # A search is a question, though its body makes it a POST.
            reads = route.startswith("GET ") or route.endswith("/search")
            needed = "framesift/read" if reads else "framesift/write"
            assert (kind, scopes) == ("JWT", (needed,)), route


def test_each_route_of_the_applications_leads_to_the_function_that_serves_it(pipeline):
    integrations = pipeline.of_type("AWS::ApiGatewayV2::Integration")
    served = {
        each["RouteKey"]: json.dumps(integrations[each["Target"]["Fn::Join"][1][1]["Ref"]]["IntegrationUri"])
        for each in pipeline.of_type("AWS::ApiGatewayV2::Route").values()
    }

    described = describe_api()["paths"]
    routes = {f"{method.upper()} {path}" for path, operations in described.items() for method in operations}
    assert set(served) == {*routes, "GET /v1/openapi.json"}
    assert "ServeCollections" in served["GET /v1/collections"]
    assert "ServeApi" in served["GET /v1/runs"]
    # A permission for each route would exceed what a function's policy holds.
    permissions = pipeline.of_type("AWS::Lambda::Permission").values()
    assert len([each for each in permissions if each["Principal"] == "apigateway.amazonaws.com"]) == 2


def test_the_api_is_logged_and_throttled(pipeline):
    stage = pipeline.one("AWS::ApiGatewayV2::Stage")

    assert json.loads(stage["AccessLogSettings"]["Format"])["routeKey"] == "$context.routeKey"
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 100}


def test_nobody_registers_and_nobody_logs_in_with_a_password_alone(pipeline):
    users = pipeline.one("AWS::Cognito::UserPool")
    client = pipeline.one("AWS::Cognito::UserPoolClient")

    assert users["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert users["AutoVerifiedAttributes"] == ["email"]
    assert users["MfaConfiguration"] == "ON"
    assert users["UserPoolAddOns"] == {"AdvancedSecurityMode": "ENFORCED"}
    assert client["GenerateSecret"] is False
    assert client["AllowedOAuthFlows"] == ["code"]
