"""Devices over MQTT with paho: check-ins, commands from their queue to their answer, and the case of a
device that is not heard of."""

import itertools
import json
import queue
import signal
import time

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from conftest import DEADLINE_S, MQTT, start, stop, wait_for

SILENT = "SILENT"
_serials = itertools.count(1)


class World:
    """A node that may be killed."""

    def __init__(self, directory):
        self.directory = directory
        self.hub = start(directory, MQTT)
        self.tokens = {}

    def kill(self):
        self.hub.client.close()
        self.hub.process.send_signal(signal.SIGKILL)
        self.hub.process.wait(DEADLINE_S)
        (self.directory / "data" / "run.json").unlink(missing_ok=True)
        self.hub = start(self.directory, MQTT)

    def post(self, path, body):
        response = self.hub.client.post(path, json=body)
        response.raise_for_status()
        return response.json()

    def register(self, serial, **registration):
        self.hub.register(serial, **registration)
        body = {"name": f"device {serial}", "role": "device", "serial": serial}
        self.tokens[serial] = self.post("/v1/tokens", body)["token"]

    def device(self, serial):
        response = self.hub.client.get(f"/v1/devices/{serial}")
        response.raise_for_status()
        return response.json()

    def queue(self, serial, expires_in="1h"):
        body = {"name": "show-text", "arguments": {"text": '{"to":5}'}, "expires_in": expires_in}
        return self.post(f"/v1/devices/{serial}/commands", body)["id"]

    def command(self, serial, number):
        commands = self.hub.client.get(f"/v1/devices/{serial}/commands").json()["commands"]
        return next(command for command in commands if command["id"] == number)

    def becomes(self, serial, number, state):
        def found():
            command = self.command(serial, number)
            return command["state"] == state and command

        return wait_for(found, f"{state} command {number} of {serial}")

    def metric(self, line):
        text = self.hub.client.get("/metrics").text
        values = [entry.rsplit(" ", 1)[1] for entry in text.splitlines() if entry.startswith(line)]
        return float(values[0]) if values else 0.0


class Device:
    """A device that speaks MQTT, and answers commands as it is told to."""

    def __init__(self, world, serial, version=paho.MQTTv5, answer=None, expiry=3600):
        self.serial, self.answer = serial, answer
        self.version = version
        self.commands, self.ready = queue.Queue(), queue.Queue()
        old = {} if version == paho.MQTTv5 else {"clean_session": False}
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, f"d-{serial}", protocol=version, **old)
        self.client.username_pw_set(serial, world.tokens[serial])
        self.client.on_connect = lambda *_: self.client.subscribe(f"devices/{serial}/commands/#", 1)
        self.client.on_subscribe = lambda *_: self.ready.put(True)
        self.client.on_message = lambda _c, _u, message: self.on_command(message)
        options = {}
        if version == paho.MQTTv5:
            asked = Properties(PacketTypes.CONNECT)
            asked.SessionExpiryInterval = expiry
            asked.UserProperty = ("software-version", "2.1")
            options = {"clean_start": False, "properties": asked}
        self.client.connect(*world.hub.address("mqtt"), keepalive=30, **options)
        self.client.loop_start()
        self.ready.get(timeout=DEADLINE_S)

    def on_command(self, message):
        self.commands.put(message)
        if self.answer is None:
            return
        topic, properties = f"{message.topic}/response", None
        if self.version == paho.MQTTv5:
            # As MQTT 5 has it: where the command says, with what it says.
            topic = message.properties.ResponseTopic
            properties = Properties(PacketTypes.PUBLISH)
            properties.CorrelationData = message.properties.CorrelationData
        self.client.publish(topic, self.answer, 1, properties=properties)

    def command(self):
        message = self.commands.get(timeout=DEADLINE_S)
        return json.loads(message.payload) | {"topic": message.topic, "message": message}

    def publish(self, topic, payload):
        self.client.publish(f"devices/{self.serial}/{topic}", payload, 1).wait_for_publish(DEADLINE_S)

    def hang_up(self):
        self.client.disconnect()
        self.client.loop_stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hang_up()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("mqtt-devices"))
    # The last test sees what comes of it that this one is not heard of again.
    world.register(SILENT, check_in_minutes=1, grace_minutes=0)
    with Device(world, SILENT):
        pass
    yield world
    stop(world.hub)


@pytest.fixture
def serial(world):
    serial = f"MQ{next(_serials):04}"
    world.register(serial)
    return serial


VERSIONS = pytest.mark.parametrize("version", [paho.MQTTv311, paho.MQTTv5])


@VERSIONS
def test_a_connection_is_a_check_in(world, serial, version):
    assert world.device(serial)["last_check_in"] is None
    with Device(world, serial, version):
        seen = wait_for(lambda: (it := world.device(serial))["last_check_in"] and it, "check-in")
        assert seen["software_version"] == ("2.1" if version == paho.MQTTv5 else None)
        first = seen["last_check_in"]
    with Device(world, serial, version):
        wait_for(lambda: world.device(serial)["last_check_in"] > first, "check-in of the second connection")


def test_many_messages_are_few_records(world, serial):
    with Device(world, serial) as device:
        for number in range(200):
            device.publish("data/level", str(number))
    records = world.hub.history(topic=f"root/devices/{serial}/check-in")
    # Of the connection, of what was put off until its end; more only if this took half a minute.
    assert 1 <= len(records) <= 4, records


@VERSIONS
def test_a_command_waits_for_its_device_and_is_confirmed(world, serial, version):
    number = world.queue(serial)
    assert world.command(serial, number)["state"] == "queued"
    with Device(world, serial, version, answer='{"status":"confirmed"}') as device:
        command = device.command()
        assert (command["id"], command["code"], command["parameters"]) == (number, 3, {"to": 5})
        assert command["topic"] == f"devices/{serial}/commands/{number}"
        assert command["message"].qos == 1 and not command["message"].retain
        confirmed = world.becomes(serial, number, "confirmed")
        assert (confirmed["attempts"], confirmed["result"]) == (1, 0)
        # Another one while it is there.
        number = world.queue(serial)
        assert device.command()["id"] == number
        world.becomes(serial, number, "confirmed")
        assert device.commands.empty()


def test_a_device_may_refuse(world, serial):
    with Device(world, serial, answer="refused") as device:
        number = world.queue(serial)
        device.command()
        assert world.becomes(serial, number, "refused")["result"] == 1
        device.answer = '{"status":"refused","reason":7}'
        number = world.queue(serial)
        device.command()
        assert world.becomes(serial, number, "refused")["result"] == 7


def test_what_has_expired_is_not_handed_over(world, serial):
    number = world.queue(serial, "1s")
    world.becomes(serial, number, "expired")
    next_one = world.queue(serial)
    with Device(world, serial) as device:
        assert device.command()["id"] == next_one
        assert device.commands.empty()


def test_a_command_outlives_kill_9_between_sent_and_confirmed(world, serial):
    with Device(world, serial) as device:
        number = world.queue(serial)
        assert device.command()["attempt"] == 1
        world.becomes(serial, number, "sent")
        device.client.loop_stop()
    world.kill()
    assert world.command(serial, number)["state"] == "sent"
    with Device(world, serial, answer="confirmed") as device:
        again = device.command()
        assert (again["id"], again["attempt"]) == (number, 2)
        assert world.becomes(serial, number, "confirmed")["attempts"] == 2
        assert device.commands.empty()


def test_answers_that_fit_nothing_are_counted(world, serial):
    def counted(outcome):
        return world.metric(f'spica_mqtt_command_answers_total{{reason="{outcome}"}}')

    before = {outcome: counted(outcome) for outcome in ("unknown", "unreadable")}
    with Device(world, serial) as device:
        device.publish("commands/999/response", "confirmed")
        device.publish("commands/999/response", "perhaps")
        for outcome, count in before.items():
            wait_for(lambda: counted(outcome) == count + 1, f"{outcome} answer")


def test_a_device_that_is_not_heard_of_is_missed_and_found(world):
    source = f"devices/{SILENT}"

    def case(condition=lambda case: True):
        cases = world.hub.client.get("/v1/cases", params={"state": "all", "limit": 100}).json()["cases"]
        fits = [it for it in cases if (it["condition"], it["source"]) == ("missed-check-in", source)]
        return next((it for it in fits if condition(it)), None)

    # A minute after it was heard, since that is the shortest interval there is.
    end = time.monotonic() + 90
    while not case() and time.monotonic() < end:
        time.sleep(0.1)
    assert case()["severity"] == "high"
    with Device(world, SILENT):
        wait_for(lambda: case(lambda it: it["cleared_at"]), "cleared case")
