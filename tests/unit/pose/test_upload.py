import base64
import hashlib
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from framesift import aws
from framesift.errors import (
    BucketMissingError,
    CredentialsError,
    NoVideosError,
    UploadDeniedError,
    UploadError,
    UploadMismatchError,
)
from framesift.pose.upload import upload
from framesift.settings.pose import S3Settings
from framesift.storage import S3Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three sequences, one of them of 18 MiB, and a manifest."""
    (tmp_path / "day").mkdir()
    (tmp_path / "a.mp4.pose.parquet").write_bytes(b"a" * 1000)
    (tmp_path / "day" / "b.mp4.pose.parquet").write_bytes(b"b" * 2000)
    (tmp_path / "c.mp4.pose.parquet").write_bytes(bytes(range(256)) * (18 << 12))
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("not ours")
    return tmp_path


def settings(store: S3Store, **changes) -> S3Settings:
    return S3Settings(bucket=store.bucket, prefix="poses", **changes)


def test_everything_arrives_and_is_counted(store, folder):
    sent_bytes, files = [], []
    uploads = upload(folder, settings(store), sent_bytes.append, files.append)
    assert [u.status for u in uploads] == ["sent"] * 4
    keys = ["poses/a.mp4.pose.parquet", "poses/c.mp4.pose.parquet", "poses/day/b.mp4.pose.parquet"]
    assert list(store.list("poses/")) == sorted([*keys, "poses/manifest.json"])
    assert store.get("poses/c.mp4.pose.parquet") == (folder / "c.mp4.pose.parquet").read_bytes()
    assert sum(sent_bytes) == sum(u.size_bytes for u in uploads)
    assert files[-1].key == "poses/manifest.json"


def test_large_files_go_in_parts_and_small_ones_in_one(store, folder):
    upload(folder, settings(store))
    etags = {
        name: aws.s3().head_object(Bucket=store.bucket, Key=f"poses/{name}.mp4.pose.parquet")["ETag"] for name in "ac"
    }
    assert etags["c"].strip('"').endswith("-3")  # 18 MiB in parts of 8.
    assert "-" not in etags["a"]


def test_s3_checks_the_digest_of_what_arrives(store, folder):
    upload(folder, settings(store))
    head = aws.s3().head_object(Bucket=store.bucket, Key="poses/a.mp4.pose.parquet", ChecksumMode="ENABLED")
    digest = hashlib.sha256(b"a" * 1000)
    assert head["ChecksumSHA256"] == base64.b64encode(digest.digest()).decode()
    assert head["Metadata"]["sha256"] == digest.hexdigest()


def test_what_is_there_is_not_sent_again(store, folder):
    upload(folder, settings(store))
    (folder / "a.mp4.pose.parquet").write_bytes(b"new")
    statuses = {u.path.name[0]: u.status for u in upload(folder, settings(store))}
    assert statuses == {"a": "sent", "b": "there", "c": "there", "m": "there"}
    assert {u.status for u in upload(folder, settings(store, overwrite=True))} == {"sent"}


def test_a_missing_bucket(store, folder):
    with pytest.raises(BucketMissingError, match="no bucket nowhere"):
        upload(folder, S3Settings(bucket="nowhere"))


def test_no_bucket_named(folder):
    with pytest.raises(BucketMissingError, match="--s3-bucket"):
        upload(folder, S3Settings())


def test_a_folder_without_sequences(store, tmp_path):
    with pytest.raises(NoVideosError, match="extract"):
        upload(tmp_path, settings(store))


def fail_with(monkeypatch, operation, error):
    real = aws.s3()

    class Client:
        def __getattr__(self, name):
            if name != operation:
                return getattr(real, name)

            def fail(**_):
                raise error

            return fail

    monkeypatch.setattr(aws, "s3", Client)


def client_error(code):
    return ClientError({"Error": {"Code": code, "Message": "m"}}, "Operation")


@pytest.mark.parametrize(
    ("error", "ours", "said"),
    [
        (NoCredentialsError(), CredentialsError, "aws configure"),
        (client_error("InvalidAccessKeyId"), CredentialsError, "does not accept"),
        (client_error("SignatureDoesNotMatch"), CredentialsError, "does not accept"),
        (client_error("403"), UploadDeniedError, "s3:PutObject"),
        (client_error("SlowDown"), UploadError, "SlowDown"),
    ],
)
def test_awss_refusals_are_told_apart(store, folder, monkeypatch, error, ours, said):
    fail_with(monkeypatch, "head_bucket", error)
    with pytest.raises(ours, match=said) as caught:
        upload(folder, settings(store))
    assert type(caught.value) is ours


def test_an_object_that_another_writer_changed_is_noticed(store, folder, monkeypatch):
    real = aws.s3()

    class Client:
        def __getattr__(self, name):
            return getattr(real, name)

        def upload_file(self, path, bucket, key, **_):
            real.put_object(Bucket=bucket, Key=key, Body=b"something else")

    monkeypatch.setattr(aws, "s3", Client)
    with pytest.raises(UploadMismatchError, match="not what was sent"):
        upload(folder, settings(store))


def test_a_part_that_fails_leaves_no_parts_behind(store, folder, on_aws):
    # Given that S3 refuses the parts of the large file.
    def refuse(**_):
        raise client_error("AccessDenied")

    on_aws(aws.s3(), "before-call.s3.UploadPart", refuse)
    with pytest.raises(UploadDeniedError):
        upload(folder, settings(store))
    # Then nothing of it stays, and no manifest names what is not there.
    assert not aws.s3().list_multipart_uploads(Bucket=store.bucket).get("Uploads")
    assert not {"poses/manifest.json", "poses/c.mp4.pose.parquet"} & set(store.list("poses/"))


def test_ctrl_c_sends_no_manifest_and_leaves_no_parts(store, folder):
    # Given that the user stops when the first file is there.
    def stop(_sent):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upload(folder, settings(store, max_workers=1), on_file=stop)
    assert not aws.s3().list_multipart_uploads(Bucket=store.bucket).get("Uploads")
    assert "poses/manifest.json" not in set(store.list("poses/"))
