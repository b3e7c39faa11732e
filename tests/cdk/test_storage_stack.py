import json


def test_bucket_is_private_encrypted_and_sends_events(storage):
    [(name, bucket)] = [
        (name, bucket)
        for name, bucket in storage.of_type("AWS::S3::Bucket").items()
        if "LoggingConfiguration" in bucket
    ]

    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["NotificationConfiguration"]["EventBridgeConfiguration"] == {"EventBridgeEnabled": True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert storage.resources[name]["DeletionPolicy"] == "Retain"


def test_every_bucket_refuses_plain_http(storage):
    refused = {
        policy["Bucket"]["Ref"]
        for policy in storage.of_type("AWS::S3::BucketPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }

    assert refused == set(storage.of_type("AWS::S3::Bucket"))


def test_leftovers_expire(storage):
    [rules] = [
        {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
        for bucket in storage.of_type("AWS::S3::Bucket").values()
        if "LoggingConfiguration" in bucket
    ]

    assert (rules["residual"]["Prefix"], rules["residual"]["ExpirationInDays"]) == ("residual/", 3)
    assert rules["multipart"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert (rules["runs"]["Prefix"], rules["runs"]["ExpirationInDays"]) == ("runs/", 120)
    assert rules["noncurrent"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}
    # What users put there and what is published is kept until somebody deletes it.
    assert (rules["incoming"]["Prefix"], rules["incoming"]["ExpirationInDays"]) == ("incoming/", 7)
    assert {name for name, rule in rules.items() if "ExpirationInDays" in rule} == {"residual", "incoming", "runs"}


def test_table_is_on_demand_recoverable_and_kept(storage):
    table = storage.one("AWS::DynamoDB::GlobalTable")

    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]] == [("pk", "HASH"), ("sk", "RANGE")]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    [replica] = table["Replicas"]
    assert replica["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert replica["DeletionProtectionEnabled"]


def test_secrets_are_placeholders(storage):
    values = {secret["SecretString"] for secret in storage.of_type("AWS::SecretsManager::Secret").values()}

    assert {frozenset(json.loads(value)) for value in values} == {
        frozenset(),
        frozenset({"cookies", "origins"}),
        frozenset({"api_key"}),
    }
    assert not any(json.loads(value).get("cookies") for value in values)


def test_nothing_here_runs(storage):
    assert not storage.of_type("AWS::Lambda::Function")
