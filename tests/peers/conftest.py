"""Starts the real binary for tests, and stops it by its pid."""

import itertools
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

BINARY = os.environ["SPICA_BIN"]
DEADLINE_S = 30


def wait_for(condition, what):
    """Polls until the condition gives something true."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"no {what} within {DEADLINE_S} s")


@dataclass
class Hub:
    """A running node."""

    process: subprocess.Popen
    addresses: dict
    token: str
    client: httpx.Client = field(repr=False)

    def address(self, name):
        host, port = self.addresses[name].rsplit(":", 1)
        return host, int(port)

    def register(self, serial, **registration):
        self.client.put(f"/v1/devices/{serial}", json=registration).raise_for_status()

    def history(self, **query):
        response = self.client.get("/v1/history", params={"format": "ndjson", **query})
        response.raise_for_status()
        lines = [json.loads(line) for line in response.text.splitlines()]
        # The last line says that the export is whole.
        assert "end" in lines[-1], lines[-1]
        return [line for line in lines if "topic" in line]


def start(directory: Path, config: str) -> Hub:
    data = directory / "data"
    file = directory / "spica.toml"
    secret = directory / "token"
    file.write_text(f'[node]\ndata_dir = "{data}"\n{config}')
    process = subprocess.Popen(
        [BINARY, "serve", "--config", file, "--admin-token-file", secret],
        stderr=(directory / "log").open("wb"),
    )

    def ready():
        assert process.poll() is None, (directory / "log").read_text()
        run = data / "run.json"
        return run.exists() and json.loads(run.read_text())

    addresses = wait_for(ready, "run.json")
    token = secret.read_text().strip()
    client = httpx.Client(
        base_url=f"http://{addresses['http']}",
        headers={"authorization": f"Bearer {token}"},
        timeout=10,
    )
    return Hub(process, addresses, token, client)


def stop(hub: Hub):
    hub.client.close()
    hub.process.send_signal(signal.SIGTERM)
    assert hub.process.wait(DEADLINE_S) == 0


DEFAULTS = """
[http]
listen = "127.0.0.1:0"
[identicom]
listen = "127.0.0.1:0"
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    running = start(tmp_path_factory.mktemp("hub"), DEFAULTS)
    yield running
    stop(running)


MQTT = """
[http]
listen = "127.0.0.1:0"
[identicom]
listen = "127.0.0.1:0"
[mqtt]
listen = "127.0.0.1:0"
websocket = "127.0.0.1:0"
# Tests break rules all the time, and are not to be banned for it.
[mqtt.admission]
trusted = ["127.0.0.0/8"]
[mqtt.access]
anonymous = "admin"
# Tests come and go with one client id as often as they like.
[mqtt.access.flapping.client]
connects = 1000000
"""


@pytest.fixture(scope="session")
def mqtt_hub(tmp_path_factory):
    """One node for all tests of the MQTT station that leave it as it is."""
    running = start(tmp_path_factory.mktemp("mqtt"), MQTT)
    yield running
    stop(running)


@pytest.fixture
def mqtt(mqtt_hub):
    """Where clients dial in."""
    return mqtt_hub.address("mqtt")


@pytest.fixture
def name(request):
    """A level of topics, and client ids, that no other test uses."""
    return "".join(c if c.isalnum() else "-" for c in request.node.name)[-80:] + f"-{next(_names)}"


_names = itertools.count()
