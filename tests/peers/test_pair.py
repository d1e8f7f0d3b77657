"""A real pair behind the real HAProxy: a fleet that knows one address survives the death of the
active and a planned switch-over."""

import json
import os
import signal
import socket
import subprocess

import httpx
import pytest

from conftest import BINARY, DEADLINE_S, wait_for

SIDES = ("primary", "backup")


def free_ports(count):
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Node:
    def __init__(self, directory, side, ports, partner):
        self.directory, self.side, self.process = directory, side, None
        self.http, self.station, self.link = ports
        self.url = f"http://127.0.0.1:{self.http}"
        (directory / f"{side}.toml").write_text(f"""
[node]
data_dir = "{directory}/{side}"
[http]
listen = "127.0.0.1:{self.http}"
[identicom]
listen = "127.0.0.1:{self.station}"
# HAProxy; its devices have addresses of their own.
proxy_protocol_from = ["127.0.0.1/32"]
[identicom.admission]
trusted = ["127.0.0.0/8"]
[pair]
side = "{side}"
listen = "127.0.0.1:{self.link}"
partner = "127.0.0.1:{partner}"
http = "{self.url}"
solo = "accept"
tls.directory = "{directory}/tls-{side}"
""")

    def start(self):
        command = [BINARY, "serve", "--config", self.directory / f"{self.side}.toml"]
        token = ["--admin-token-file", self.directory / f"token-{self.side}"]
        self.process = subprocess.Popen(
            [*command, *token], stderr=(self.directory / f"{self.side}.log").open("ab"), env={**os.environ, "RUST_BACKTRACE": "0"}
        )

    def end(self, how):
        self.process.send_signal(how)
        return self.process.wait(DEADLINE_S)

    def is_active(self):
        try:
            return httpx.get(f"{self.url}/health/active", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


class Pair:
    def __init__(self, directory):
        ports = free_ports(6)
        for command in (["init"], *(["issue", "--node", "root", "--side", side, "--out", directory / f"tls-{side}"] for side in SIDES)):
            subprocess.run([BINARY, "ca", command[0], "--dir", directory / "ca", *command[1:]], check=True, capture_output=True)
        self.directory = directory
        self.nodes = [Node(directory, "primary", ports[:3], ports[5]), Node(directory, "backup", ports[3:], ports[2])]
        for node in self.nodes:
            node.start()

    def active(self):
        return wait_for(lambda: next((node for node in self.nodes if node.is_active()), None), "active node")

    def token(self):
        files = [self.directory / f"token-{side}" for side in SIDES]
        return wait_for(lambda: next((f.read_text().strip() for f in files if f.exists() and f.read_text().endswith("\n")), None), "token")

    def spica(self, *args):
        servers = ",".join(node.url for node in self.nodes)
        environment = {**os.environ, "SPICA_SERVER": servers, "SPICA_TOKEN": self.token()}
        return subprocess.run([BINARY, *args], env=environment, capture_output=True, text=True)

    def both(self):
        """Waits until both nodes have everything."""

        def look():
            seen = self.spica("pair", "status", "--json")
            nodes = json.loads(seen.stdout) if seen.returncode == 0 else []
            return nodes and all(node["pair"]["sync"] == "complete" for node in nodes)

        wait_for(look, "complete pair")


@pytest.fixture
def pair(tmp_path):
    pair = Pair(tmp_path)
    yield pair
    for node in pair.nodes:
        if node.process.poll() is None:
            node.end(signal.SIGTERM)


@pytest.fixture
def balancer(pair):
    """HAProxy in front of the pair; where devices dial in."""
    http, identicom = free_ports(2)
    nodes = [f"--node={node.side}=127.0.0.1:{node.http},{node.station}" for node in pair.nodes]
    binds = [f"--bind-http=127.0.0.1:{http}", f"--bind-identicom=127.0.0.1:{identicom}", "--connections=2000"]
    config = pair.directory / "haproxy.cfg"
    config.write_bytes(subprocess.run([BINARY, "topology", "haproxy", *nodes, *binds], capture_output=True, check=True).stdout)
    process = subprocess.Popen(["haproxy", "-db", "-f", config], stderr=(pair.directory / "haproxy.log").open("wb"))
    yield f"127.0.0.1:{identicom}", f"http://127.0.0.1:{http}"
    process.terminate()
    process.wait(DEADLINE_S)


def test_a_fleet_behind_haproxy_survives_death_and_switch_over(pair, balancer):
    station, http = balancer
    pair.active()
    pair.both()
    fleet = ["simulate", "--server", http, "--station", station, "--token", pair.token(), "--json"]
    load = ["--devices=40", "--interval=500ms", "--for=12s", "--pictures=0.2"]
    running = subprocess.Popen([BINARY, *fleet, *load], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    client = {"headers": {"authorization": f"Bearer {pair.token()}"}, "timeout": 5}
    # The fleet is at work.
    wait_for(lambda: len(httpx.get(f"{http}/v1/devices", **client).json().get("devices", [])) == 40, "fleet")

    first = pair.active()
    first.end(signal.SIGKILL)
    second = pair.active()
    assert second is not first
    first.start()
    pair.both()
    # Nothing moves back by itself.
    assert pair.active() is second

    switched = pair.spica("pair", "switch-over")
    assert switched.returncode == 0, switched.stderr
    wait_for(first.is_active, "switch-over")

    out, error = running.communicate(timeout=120)
    assert running.returncode == 0, out + error
    report = json.loads(out)
    assert report["passed"] and report["events"]["told"] == report["events"]["produced"] > 300, out
    pair.both()
