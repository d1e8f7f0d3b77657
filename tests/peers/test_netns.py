"""A pair whose nodes stand in network namespaces, with real links between them and to their clients:
links are cut and healed, nodes are paused. Needs root and `ip netns`."""

import json
import os
import signal
import subprocess
import sys
import uuid

import pytest

from conftest import BINARY, DEADLINE_S, wait_for

SIDES = ("primary", "backup")
# Node to clients; node to node.
OUTSIDE = {"primary": "10.77.1", "backup": "10.77.2"}
INSIDE = {"primary": "10.77.3.1", "backup": "10.77.3.2"}

# A Lazy Pirate in the clients' namespace: one record after the other, each with its own key, to
# whichever node takes it. Says every key that was acknowledged.
PIRATE = """
import http.client, sys, time
token, nodes = sys.argv[1], sys.argv[2:]
number = at = 0
while True:
    number += 1
    while True:
        try:
            node = http.client.HTTPConnection(nodes[at], 8080, timeout=1)
            node.request("POST", "/v1/topics/root/netns?kind=event", str(number), {
                "authorization": "Bearer " + token, "idempotency-key": "n%d" % number, "content-type": "text/plain"})
            status = node.getresponse().status
            node.close()
            if status in (200, 201):
                print(number, flush=True)
                break
        except OSError:
            pass
        at = 1 - at
        time.sleep(0.01)
"""

ASK = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[2], headers={"authorization": "Bearer " + sys.argv[1]})
print(urllib.request.urlopen(request, timeout=2).read().decode())
"""


def ip(*args):
    subprocess.run(["ip", *args], check=True, capture_output=True)


class World:
    def __init__(self, directory):
        self.directory, tag = directory, uuid.uuid4().hex[:5]
        self.spaces = {name: f"spica-{tag}-{name}" for name in (*SIDES, "clients")}
        self.processes, self.pirate, self.acked = {}, None, []
        for space in self.spaces.values():
            ip("netns", "add", space)
            ip("-n", space, "link", "set", "lo", "up")
        for side in SIDES:
            self.wire(f"o{tag}{side[0]}", (side, f"{OUTSIDE[side]}.1"), ("clients", f"{OUTSIDE[side]}.2"))
        self.wire(f"i{tag}", ("primary", INSIDE["primary"]), ("backup", INSIDE["backup"]))
        self.links = {**{side: f"o{tag}{side[0]}0" for side in SIDES}, "pair": f"i{tag}0"}
        self.settle()

    def wire(self, name, *ends):
        ip("link", "add", f"{name}0", "type", "veth", "peer", "name", f"{name}1")
        for index, (space, address) in enumerate(ends):
            ip("link", "set", f"{name}{index}", "netns", self.spaces[space])
            ip("-n", self.spaces[space], "addr", "add", f"{address}/24", "dev", f"{name}{index}")
            ip("-n", self.spaces[space], "link", "set", f"{name}{index}", "up")

    def settle(self):
        spica = lambda *args: subprocess.run([BINARY, *args], check=True, capture_output=True)
        spica("ca", "init", "--dir", self.directory / "ca")
        (self.directory / "witness").mkdir()
        for side, other in zip(SIDES, reversed(SIDES)):
            spica("ca", "issue", "--dir", self.directory / "ca", "--node", "root", "--side", side, "--out", self.directory / f"tls-{side}")
            (self.directory / f"{side}.toml").write_text(f"""
[node]
data_dir = "{self.directory}/{side}"
[http]
listen = "0.0.0.0:8080"
[pair]
side = "{side}"
listen = "{INSIDE[side]}:5003"
partner = "{INSIDE[other]}:5003"
http = "http://{OUTSIDE[side]}.1:8080"
# On a machine that is busy with other tests.
heartbeat = "200ms"
dead_after = "1s"
witness.url = "file://{self.directory}/witness"
witness.timeout = "5s"
tls.directory = "{self.directory}/tls-{side}"
""")
            self.start(side)

    def run(self, space, *command, **more):
        return subprocess.Popen(["ip", "netns", "exec", self.spaces[space], *map(str, command)], **more)

    def start(self, side):
        token = ["--admin-token-file", self.directory / f"token-{side}"]
        log = (self.directory / f"{side}.log").open("ab")
        self.processes[side] = self.run(side, BINARY, "serve", "--config", self.directory / f"{side}.toml", *token, stderr=log)

    def cut(self, link, heal=False):
        space = link if link in SIDES else "primary"
        ip("-n", self.spaces[space], "link", "set", self.links[link], "up" if heal else "down")

    def token(self):
        files = [self.directory / f"token-{side}" for side in SIDES]
        return wait_for(lambda: next((f.read_text().strip() for f in files if f.exists() and f.read_text().endswith("\n")), None), "token")

    def ask(self, side, path):
        """Asks a node from the clients' namespace; nothing if it does not answer."""
        question = [sys.executable, "-c", ASK, self.token(), f"http://{OUTSIDE[side]}.1:8080{path}"]
        asked = self.run("clients", *question, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return asked.communicate(timeout=DEADLINE_S)[0].decode()

    def standing(self, side):
        try:
            return json.loads(self.ask(side, "/v1/pair"))
        except ValueError:
            return {}

    def active(self):
        return [side for side in SIDES if self.standing(side).get("serves")]

    def complete(self):
        stand = [self.standing(side) for side in SIDES]
        return all(s.get("sync") == "complete" for s in stand) and sorted(s.get("state") for s in stand) == ["active", "passive"]

    def begin_traffic(self):
        nodes = [f"{OUTSIDE[side]}.1" for side in SIDES]
        self.pirate = self.run("clients", sys.executable, "-c", PIRATE, self.token(), *nodes, stdout=subprocess.PIPE)

    def traffic(self, more):
        """Waits for so many more acknowledged records."""
        for _ in range(more):
            line = self.pirate.stdout.readline()
            assert line, "the client has ended"
            self.acked.append(int(line))

    def end_traffic(self):
        self.pirate.kill()
        rest, _ = self.pirate.communicate()
        self.acked += [int(line) for line in rest.split()]

    def held(self, side):
        """What a node has of the client's records, how often: read from its journal when it is down."""
        process = self.processes[side]
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE_S)
        dump = [BINARY, "journal", "dump", "--config", self.directory / f"{side}.toml", "--lane", "normal"]
        lines = subprocess.run(dump, check=True, capture_output=True, text=True).stdout.splitlines()
        return [int(record["text"]) for record in map(json.loads, lines) if record.get("topic") == "root/netns"]

    def close(self):
        for process in (*self.processes.values(), *filter(None, [self.pirate])):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait(DEADLINE_S)
        for space in self.spaces.values():
            subprocess.run(["ip", "netns", "del", space], capture_output=True)


@pytest.fixture
def world(tmp_path):
    try:
        ip("netns", "add", "spica-probe")
        ip("netns", "del", "spica-probe")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("network namespaces need root and iproute2: the cuts are tested on loopback only")
    world = World(tmp_path)
    yield world
    world.close()


def cut_link(world):
    world.cut("pair")
    world.traffic(60)
    world.cut("pair", heal=True)


def cut_link_and_clients_of_the_active(world):
    [active] = world.active()
    world.cut("pair")
    world.cut(active)
    # Whoever asks the witness first goes on; if that is the one without clients, nobody is served,
    # and nothing is lost by it.
    wait_for(lambda: not world.standing("backup").get("partner", {}).get("alive", True), "loss of the partner")
    world.cut(active, heal=True)
    world.cut("pair", heal=True)


def pause_the_active(world):
    [active] = world.active()
    world.processes[active].send_signal(signal.SIGSTOP)
    world.traffic(60)
    world.processes[active].send_signal(signal.SIGCONT)


def kill_the_active(world):
    [active] = world.active()
    os.kill(world.processes[active].pid, signal.SIGKILL)
    world.processes[active].wait(DEADLINE_S)
    world.traffic(60)
    world.start(active)


@pytest.mark.parametrize("trouble", [cut_link, cut_link_and_clients_of_the_active, pause_the_active, kill_the_active])
def test_nothing_acknowledged_is_lost_or_doubled(world, trouble):
    wait_for(world.complete, "complete pair")
    world.begin_traffic()
    world.traffic(60)
    trouble(world)
    world.traffic(60)
    wait_for(world.complete, "complete pair again")
    world.traffic(20)
    world.end_traffic()
    assert len(world.active()) == 1
    first, second = sorted(SIDES, key=lambda side: side in world.active())
    # The passive first: what the active acknowledged alone after that is not its business.
    for side in (first, second):
        held = world.held(side)
        assert len(held) == len(set(held)), f"{side} has records twice"
        assert not set(world.acked) - set(held), f"{side} lacks acknowledged records"
