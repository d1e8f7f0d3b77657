"""The client against the real server: SPICA_BIN names the binary; without it these are left out."""

import asyncio
import json
import os
import signal
import socket
import subprocess

import pytest

from spica_live import Client, Ended, Gap, Ready, Refused, Reset, Unauthorized, Value

BINARY = os.environ.get("SPICA_BIN")
DEADLINE_S = 20
RUNS = {
    "ws+json": {"ways": ("ws",)},
    "ws+cbor": {"ways": ("ws",), "binary": True},
    "sse": {"ways": ("sse",)},
    "poll": {"ways": ("poll",)},
}

pytestmark = pytest.mark.skipif(BINARY is None, reason="SPICA_BIN is not set")


class Node:
    """A node that can be killed and started again at the same address."""

    def __init__(self, directory):
        self.directory = directory
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.url = f"http://{self.address}"
        (directory / "spica.toml").write_text(
            f'[node]\ndata_dir = "{directory / "data"}"\n'
            f'[http]\nlisten = "{self.address}"\n[identicom]\nlisten = "127.0.0.1:0"\n'
        )
        self.token = None
        self.process = None

    async def start(self):
        run = self.directory / "data" / "run.json"
        run.unlink(missing_ok=True)
        secret = self.directory / "token"
        command = [BINARY, "serve", "--config", self.directory / "spica.toml"]
        log = (self.directory / "log").open("ab")
        self.process = subprocess.Popen([*command, "--admin-token-file", secret], stderr=log)

        def ready():
            assert self.process.poll() is None, (self.directory / "log").read_text()
            return run.exists() and run.read_text() and json.loads(run.read_text())

        await until(ready)
        self.token = self.token or secret.read_text().strip()

    def kill(self):
        self.process.kill()
        self.process.wait(DEADLINE_S)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(DEADLINE_S) == 0


async def until(condition):
    end = asyncio.get_running_loop().time() + DEADLINE_S
    while not (found := condition()):
        assert asyncio.get_running_loop().time() < end, "it does not come"
        await asyncio.sleep(0.01)
    return found


async def take(subscription, wanted):
    """Items up to the first that is wanted."""
    items = []
    while not items or not wanted(items[-1]):
        items.append(await asyncio.wait_for(subscription.__anext__(), DEADLINE_S))
    return items


def is_value(value):
    return lambda item: isinstance(item, Value) and item.value == value


def with_node(work):
    """A test with a node that runs and is stopped at its end."""

    def test(tmp_path, run):
        async def inner():
            node = Node(tmp_path)
            await node.start()
            try:
                options = {"max_pause_s": 0.1, **RUNS[run]}
                async with Client(node.url, node.token, **options) as client:
                    await work(node, client)
            finally:
                node.stop()

        asyncio.run(asyncio.wait_for(inner(), 3 * DEADLINE_S))

    test.__name__, test.__doc__ = work.__name__, work.__doc__
    return pytest.mark.parametrize("run", list(RUNS))(test)


@with_node
async def test_a_snapshot_then_changes_with_deltas(_node, client):
    document = {"n": 0, "long": "x" * 2000}
    await client.publish("root/doc", document)
    await client.publish("root/raw", b"\x00\xff" * 500)
    subscription = client.subscribe("root/+")
    items = await take(subscription, lambda item: isinstance(item, Ready))
    assert {item.topic for item in items[:-1]} == {"root/doc", "root/raw"}
    for n in range(1, 21):
        await client.publish("root/doc", {**document, "n": n})
    await client.publish("root/raw", b"\x00\xff" * 500 + b"\x01", quality="uncertain")
    await take(subscription, is_value({**document, "n": 20}))
    await until(lambda: len(subscription.values["root/raw"].value) == 1001)
    raw = subscription.values["root/raw"]
    assert (raw.quality, raw.content_type) == ("uncertain", "application/octet-stream")
    assert not subscription.stale
    stats = await client.stats()
    assert stats["bytes_sent"] * 2 < stats["bytes_full"], "most of it came as deltas"


@with_node
async def test_events_come_once_each_over_a_kill_and_a_restart(node, client):
    got = []
    subscription = client.subscribe("root/e/#", got.append, deliver="each", recovery="precise")
    await until(lambda: any(isinstance(item, Ready) for item in got))
    for n in range(20):
        await client.publish("root/e/x", n, kind="event")
    await until(lambda: sum(isinstance(item, Value) for item in got) >= 10)
    node.kill()
    await until(lambda: client.state == "lost" and subscription.stale)
    # Said while nobody is there: it goes out when the node is back.
    late = asyncio.create_task(client.publish("root/e/x", 20, kind="event"))
    await node.start()
    assert (await late).status in (200, 201)
    for n in range(21, 30):
        await client.publish("root/e/x", n, kind="event")
    await until(lambda: got and is_value(29)(got[-1]))
    assert [item.value for item in got if isinstance(item, Value)] == list(range(30))
    assert not any(isinstance(item, (Gap, Reset, Ended)) for item in got), got


@with_node
async def test_states_converge_over_a_kill_and_a_restart(node, client):
    subscription = client.subscribe("root/s/#", lambda _: None, kinds="state")
    for n in range(10):
        await client.publish(f"root/s/{n}", n)
    await until(lambda: len(subscription.values) == 10)
    node.kill()
    await until(lambda: subscription.stale)
    assert len(subscription.values) == 10, "what was held stays, and is said to be stale"
    await node.start()
    answer = await client.call("DELETE", "/v1/topics/root/s/0")
    assert answer.status < 300
    await client.publish("root/s/1", "new")
    await until(lambda: not subscription.stale and len(subscription.values) == 9)
    await until(lambda: subscription.values["root/s/1"].value == "new")


@with_node
async def test_windows_calls_and_refusals(_node, client):
    window = {"kind": "tumbling", "size": 4, "ops": ["mean", "max"], "field": "/v"}
    means = client.subscribe("root/m", window=window, snapshot=False)
    await take(means, lambda item: isinstance(item, Ready))
    for n in range(4):
        await client.publish("root/m", {"v": n})
    last = (await take(means, lambda item: isinstance(item, Value)))[-1]
    assert last.value == {"mean": 1.5, "max": 3} and last.window is not None
    means.change(min_interval_ms=10)
    refused = client.subscribe("root/#", deliver="latest", recovery="precise")
    end = (await take(refused, lambda item: isinstance(item, Ended)))[-1]
    assert end.refused and end.code == "cannot_promise"
    with pytest.raises(Refused) as error:
        await client.acknowledge("1-1")
    assert error.value.status == 404
    assert await client.ping() > 1_600_000_000_000_000
    tree = await client.call("GET", "/v1/tree?limit=1")
    assert tree.status == 200 and tree.body["records"]


@with_node
async def test_a_token_that_is_not_valid_ends_the_client(node, client):
    states = []
    on_state = lambda state, why: states.append((state, why))  # noqa: E731
    ways = client._connection._settings.ways
    async with Client(node.url, "spica_wrong", ways=ways, on_state=on_state) as other:
        subscription = other.subscribe("#")
        with pytest.raises(Unauthorized):
            await asyncio.wait_for(subscription.__anext__(), DEADLINE_S)
    assert [state for state, _ in states] == ["connecting", "closed"]
