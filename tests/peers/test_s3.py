"""The store of pictures against an S3 server that others wrote (moto), with signatures that it checks."""

import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

PROGRAM = os.environ["SPICA_PICTURES_BIN"]
DEADLINE_S = 30
BUCKET = "spica-pictures"
# A prefix with what must be escaped in a URL, and what looks as if it were escaped already. No space,
# `~` or `*`: this server does not decode the query of a list before it checks the signature.
ODD = "Zürich&co/a+b=c%20d/ü!$'(),;:@"


@dataclass
class Server:
    """A running S3 server, with a key that may do everything and a bucket."""

    process: subprocess.Popen
    endpoint: str
    key: str
    secret: str

    def client(self):
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
        )

    def environment(self, **changed):
        return {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            **changed,
        }

    def stop(self):
        self.process.kill()
        self.process.wait(DEADLINE_S)


def start() -> Server:
    """Starts a server on a free port, which it says itself. Its first four requests need no key."""
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
        env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "4"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:
        if said := re.search(r"http://127\.0\.0\.1:\d+", line):
            break
    else:
        raise AssertionError("the server ended before it said its address")
    # What it says later must not fill the pipe.
    subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
    nobody = dict(endpoint_url=said[0], region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    iam = boto3.client("iam", **nobody)
    iam.create_user(UserName="spica")
    key = iam.create_access_key(UserName="spica")["AccessKey"]
    all_of_it = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
    iam.put_user_policy(UserName="spica", PolicyName="all", PolicyDocument=all_of_it)
    boto3.client("s3", **nobody).create_bucket(Bucket=BUCKET)
    return Server(process, said[0], key["AccessKeyId"], key["SecretAccessKey"])


@pytest.fixture
def server():
    running = start()
    yield running
    running.stop()


class Store:
    """The example program on one location."""

    def __init__(self, location: str, parts: Path):
        self.location, self.parts = location, parts

    def run(self, server: Server, *arguments, **environment):
        return subprocess.run(
            [PROGRAM, self.location, self.parts, *arguments],
            env=server.environment(**environment),
            capture_output=True,
            timeout=DEADLINE_S,
        )

    def do(self, server, *arguments):
        done = self.run(server, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def listed(self, server):
        return dict(line.split() for line in self.do(server, "list").decode().splitlines())


def picture(directory: Path, name: str, size: int) -> tuple[Path, bytes]:
    content = b"\xff\xd8\xff" + os.urandom(size - 3)
    file = directory / name
    file.write_bytes(content)
    return file, content


@pytest.mark.parametrize("prefix", ["", "north/one", ODD])
def test_pictures_come_go_and_stay_where_they_should(server, tmp_path, prefix):
    store = Store(f"s3://{BUCKET}/{prefix}", tmp_path / "parts")
    store.do(server, "check")
    assert store.listed(server) == {}
    pictures = [picture(tmp_path, f"{n}.jpg", size) for n, size in enumerate([3, 5_000, 300_000])]
    addresses = store.do(server, "put", *(file for file, _ in pictures)).decode().split()
    assert store.listed(server) == {a: str(len(c)) for a, (_, c) in zip(addresses, pictures)}
    # The same picture again is the same object.
    assert store.do(server, "put", pictures[1][0]).decode().split() == [addresses[1]]
    for address, (_, content) in zip(addresses, pictures):
        assert store.do(server, "get", address, "0", str(len(content))) == content
    assert store.do(server, "get", addresses[2], "1000", "1999") == pictures[2][1][1000:1999]
    outside = store.run(server, "get", addresses[0], "0", "4")
    assert outside.returncode != 0 and b"Range" in outside.stderr

    # As others see it: below the prefix and nowhere else.
    keys = [o["Key"] for o in server.client().list_objects_v2(Bucket=BUCKET)["Contents"]]
    below = f"{prefix}/" if prefix else ""
    assert sorted(keys) == sorted(below + address for address in addresses)
    body = server.client().get_object(Bucket=BUCKET, Key=below + addresses[1])["Body"].read()
    assert body == pictures[1][1]

    store.do(server, "remove", addresses[1])
    assert sorted(store.listed(server)) == sorted([addresses[0], addresses[2]])
    gone = store.run(server, "get", addresses[1], "0", "1")
    assert gone.returncode != 0 and b"Unknown" in gone.stderr
    # Nothing is left on the local disk.
    assert list((tmp_path / "parts").iterdir()) == []


def test_a_wrong_key_or_bucket_is_refused_and_said(server, tmp_path):
    store = Store(f"s3://{BUCKET}/x", tmp_path / "parts")
    wrong = store.run(server, "check", AWS_SECRET_ACCESS_KEY="wrong")
    assert wrong.returncode != 0 and b"SignatureDoesNotMatch" in wrong.stderr, wrong.stderr
    nowhere = Store("s3://nowhere-at-all/x", tmp_path / "parts").run(server, "check")
    assert nowhere.returncode != 0 and b"NoSuchBucket" in nowhere.stderr, nowhere.stderr
    with pytest.raises(ClientError):
        server.client().head_object(Bucket=BUCKET, Key="x/pictures")


def test_a_picture_waits_on_the_local_disk_while_the_server_is_away(server, tmp_path):
    store = Store(f"s3://{BUCKET}/x", tmp_path / "parts")
    file, content = picture(tmp_path, "a.jpg", 40_000)
    server.stop()
    failed = store.run(server, "put", file, TIMEOUT="2s")
    assert failed.returncode != 0 and b"Store" in failed.stderr, failed.stderr
    (part,) = (tmp_path / "parts").iterdir()
    assert part.read_bytes() == content
    # Another server, on another port: the upload goes on with not a single block to send.
    again = start()
    try:
        address = store.do(again, "put", file).decode().strip()
        assert store.do(again, "get", address, "0", "40000") == content
        assert list((tmp_path / "parts").iterdir()) == []
    finally:
        again.stop()


def test_a_server_that_hangs_holds_nobody_up_for_long(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # It takes connections and never answers.
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        hanging = Server(None, endpoint, "key", "secret")
        store = Store(f"s3://{BUCKET}/x", tmp_path / "parts")
        file, content = picture(tmp_path, "a.jpg", 5_000)
        began = time.monotonic()
        for verb in (["check"], ["put", file], ["get", f"pictures/ab/{'ab' * 32}", "0", "1"]):
            failed = store.run(hanging, *verb, TIMEOUT="1s")
            assert failed.returncode != 0, verb
        assert time.monotonic() - began < DEADLINE_S
    (part,) = (tmp_path / "parts").iterdir()
    assert part.read_bytes() == content
