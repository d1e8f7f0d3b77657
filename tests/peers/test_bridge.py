"""Bridges in the real binary: to and from mosquitto, which is killed and comes back, as the node is;
and two nodes with a bridge each to the other."""

import shutil
import signal
import subprocess

import paho.mqtt.client as paho
import pytest

from conftest import MQTT, start, stop, wait_for
from test_mqtt_clients import Paho
from test_pair import free_ports

# Not on the path of people who are not root.
MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
QOS = pytest.mark.parametrize("qos", ["at-least-once", "exactly-once"])
VERSIONS = pytest.mark.parametrize("version", ["5", "3.1.1"])


class Mosquitto:
    """A broker on a port of its own, which keeps its sessions over a restart."""

    def __init__(self, directory, more="allow_anonymous true"):
        (self.port,) = free_ports(1)
        self.file, self.log = directory / "mosquitto.conf", directory / "mosquitto.log"
        # As root it would become another user, who may not write here.
        self.file.write_text(
            f"listener {self.port} 127.0.0.1\npersistence true\npersistence_location {directory}/\n"
            f"autosave_interval 1\nautosave_on_changes true\nmax_queued_messages 0\nmax_inflight_messages 0\nuser root\n{more}\n"
        )
        self.process = None
        self.begin()

    def begin(self):
        self.process = subprocess.Popen([MOSQUITTO, "-c", self.file], stderr=self.log.open("ab"), stdout=subprocess.DEVNULL)

        def up():
            assert self.process.poll() is None, self.log.read_text()
            try:
                Paho(("127.0.0.1", self.port), "probe").__exit__()
                return True
            except OSError:
                return False

        # With passwords nobody is let in without one.
        if "password_file" not in self.file.read_text():
            wait_for(up, "mosquitto")

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait()

    def client(self, name, **more):
        return Paho(("127.0.0.1", self.port), name, **more)


def config(port, version="5", qos="at-least-once", more=""):
    return f"""{MQTT}
[[bridge]]
name = "m"
servers = ["127.0.0.1:{port}"]
version = "{version}"
{more}
[[bridge.out]]
topics = ["plant/#"]
strip = "plant"
add = "site1"
qos = "{qos}"
[[bridge.in]]
topics = ["cmd/#"]
strip = "cmd"
add = "remote"
qos = "{qos}"
"""


class Node:
    def __init__(self, directory, text):
        directory.mkdir(exist_ok=True)
        self.directory, self.text = directory, text
        self.begin()

    def begin(self):
        (self.directory / "data" / "run.json").unlink(missing_ok=True)
        self.hub = start(self.directory, self.text)

    def kill(self):
        self.hub.process.send_signal(signal.SIGKILL)
        self.hub.process.wait()
        self.hub.client.close()

    def client(self, name):
        return Paho(self.hub.address("mqtt"), name)

    def said(self, topic):
        return [it["value"] for it in self.hub.history(topic=f"root/{topic}")]

    def connected(self, link):
        line = f'bridge_connected{{bridge="m",link="{link}"}} 1'
        return line in self.hub.client.get("/metrics").text


def distinct(values):
    return list(dict.fromkeys(values))


def collect(client, count):
    """The numbers of messages, until so many different ones have come."""
    numbers = []

    def more():
        while not client.messages.empty():
            numbers.append(int(client.messages.get().payload))
        return len(set(numbers)) >= count

    try:
        wait_for(more, f"{count} messages")
    except AssertionError as late:
        missing = sorted(set(range(count)) - set(numbers))
        raise AssertionError(f"{len(numbers)} came; missing: {missing}") from late
    return numbers


@VERSIONS
@QOS
def test_mosquitto_is_killed_and_comes_back_and_nothing_is_lost_or_out_of_order(tmp_path, version, qos):
    broker = Mosquitto(tmp_path)
    node = Node(tmp_path / "node", config(broker.port, version, qos))
    wait_for(lambda: node.connected("out-normal") and node.connected("in-normal"), "connections")
    with broker.client("reader", clean=False, expiry=1000) as reader:
        reader.subscribe("site1/#", 1)
    with node.client("writer") as writer:
        for number in range(50):
            writer.publish("plant/x", str(number))
        broker.end()
        wait_for(lambda: not node.connected("out-normal"), "end of the connection")
        for number in range(50, 400):
            writer.publish("plant/x", str(number))
        broker.begin()
    with broker.client("reader", clean=False, expiry=1000) as reader:
        numbers = collect(reader, 400)
    assert distinct(numbers) == list(range(400))
    wait_for(lambda: node.connected("in-normal"), "connection")
    with broker.client("commander") as commander:
        for number in range(100):
            commander.publish("cmd/x", str(number))
    wait_for(lambda: len(set(node.said("remote/x"))) == 100, "commands")
    assert node.said("remote/x") == list(range(100))
    stop(node.hub)
    broker.end()


def test_kill_9_of_the_node_loses_nothing_in_either_direction(tmp_path):
    broker = Mosquitto(tmp_path)
    node = Node(tmp_path / "node", config(broker.port))
    wait_for(lambda: node.connected("in-normal"), "connection")
    with broker.client("reader") as reader, broker.client("commander") as commander:
        reader.subscribe("site1/#", 1)
        for turn in range(3):
            with node.client("writer") as writer:
                for number in range(100 * turn, 100 * turn + 100):
                    writer.publish("plant/x", str(number))
                    commander.publish("cmd/x", str(number))
            node.kill()
            commander.publish("cmd/while-away", str(turn))
            node.begin()
        numbers = collect(reader, 300)
        # What was not acknowledged when the node died comes again, and in order.
        assert distinct(numbers) == list(range(300))
        wait_for(lambda: len(set(node.said("remote/x"))) == 300, "commands")
        assert distinct(node.said("remote/x")) == list(range(300))
        wait_for(lambda: distinct(node.said("remote/while-away")) == [0, 1, 2], "commands while away")
    stop(node.hub)
    broker.end()


@VERSIONS
def test_exactly_once_is_once_in_both_directions(tmp_path, version):
    broker = Mosquitto(tmp_path)
    node = Node(tmp_path / "node", config(broker.port, version, "exactly-once"))
    wait_for(lambda: node.connected("out-normal") and node.connected("in-normal"), "connections")
    with broker.client("reader") as reader, node.client("writer") as writer:
        reader.subscribe("site1/#", 2)
        for number in range(100):
            writer.publish("plant/x", str(number), 2)
            reader.publish("cmd/x", str(number), 2)
        assert collect(reader, 100) == list(range(100))
    wait_for(lambda: len(set(node.said("remote/x"))) == 100, "commands")
    assert node.said("remote/x") == list(range(100))
    stop(node.hub)
    broker.end()


def test_a_wrong_password_is_said_and_the_right_one_is_let_in(tmp_path):
    passwords, secret = tmp_path / "passwords", tmp_path / "secret"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "site1", "right"], check=True)
    secret.write_text("wrong\n")
    broker = Mosquitto(tmp_path, f"allow_anonymous false\npassword_file {passwords}")
    login = f'user = "site1"\npassword_file = "{secret}"'
    node = Node(tmp_path / "node", config(broker.port, more=login))
    log = tmp_path / "node" / "log"
    wait_for(lambda: "refuses the connection" in log.read_text(), "reason in the log")
    assert not node.connected("out-normal")
    stop(node.hub)
    secret.write_text("right\n")
    node.begin()
    wait_for(lambda: node.connected("out-normal") and node.connected("in-normal"), "connections")
    stop(node.hub)
    broker.end()


def test_two_nodes_with_a_bridge_to_each_other_get_everything_once(tmp_path):
    ports = free_ports(2)
    nodes = []
    for name, own, other in [("a", *ports), ("b", *reversed(ports))]:
        mqtt = MQTT.replace('[mqtt]\nlisten = "127.0.0.1:0"', f'[mqtt]\nlisten = "127.0.0.1:{own}"')
        text = f"""path = "root/{name}"
{mqtt}
[[bridge]]
name = "m"
servers = ["127.0.0.1:{other}"]
[[bridge.out]]
topics = ["shared/#"]
"""
        nodes.append(Node(tmp_path / name, text))
    a, b = nodes
    said = lambda node, name: [it["value"] for it in node.hub.history(topic=f"root/{name}/shared/x")]
    for node in nodes:
        wait_for(lambda: node.connected("out-normal"), "connection")
    for number in range(20):
        for node, value in [(a, number), (b, 100 + number)]:
            with node.client("writer") as writer:
                writer.publish("shared/x", str(value))
    expected = sorted([*range(20), *range(100, 120)])
    for node, name in [(a, "a"), (b, "b")]:
        wait_for(lambda: len(said(node, name)) >= 40, "all messages")
    # The last one has gone to and fro when another has come behind it.
    for node, other, value in [(a, b, 1000), (b, a, 1001)]:
        with node.client("writer") as writer:
            writer.publish("shared/end", str(value))
    for node, name in [(a, "a"), (b, "b")]:
        ends = lambda: [it["value"] for it in node.hub.history(topic=f"root/{name}/shared/end")]
        wait_for(lambda: sorted(ends()) == [1000, 1001], "the end")
        assert sorted(said(node, name)) == expected
    for node in nodes:
        stop(node.hub)
