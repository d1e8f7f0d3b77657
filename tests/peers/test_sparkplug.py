"""Edge nodes of Sparkplug B, with paho and an encoder of their own, against the host application."""

import json
import queue
import struct

import pytest
from paho.mqtt import client as paho

from conftest import DEADLINE_S, MQTT, start, stop, wait_for

CONFIG = f'{MQTT}\n[sparkplug]\nhost = "scada"\nreorder_timeout = "50ms"\n'


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def number(field, value):
    return varint(field << 3) + varint(value)


def counted(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def metric(name=None, alias=None, double=None, long=None, time=None, historical=False, datatype=10):
    out = counted(1, name.encode()) if name is not None else b""
    for field, value in ((2, alias), (3, time), (4, datatype), (5, int(historical))):
        out += number(field, value) if value is not None else b""
    if double is not None:
        out += varint(13 << 3 | 1) + struct.pack("<d", double)
    return out + (number(11, long) if long is not None else b"")


def payload(*metrics, seq=None, time=1_700_000_000_000):
    out = number(1, time) + b"".join(counted(2, it) for it in metrics)
    return out + (number(3, seq) if seq is not None else b"")


def fields(data):
    """Numbers and bytes of a message, by field."""
    found, at = {}, 0

    def read():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = read()
        value = read()
        if key & 7 == 2:
            at, value = at + value, data[at : at + value]
        found.setdefault(key >> 3, []).append(value)
    return found


class Edge:
    """An edge node: its Will is its death."""

    def __init__(self, hub, name, session, will=True):
        self.name, self.session, self.commands, self.states = name, session, queue.Queue(), queue.Queue()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, f"edge-{name}")
        if will:
            death = payload(metric("bdSeq", long=session, datatype=8))
            self.client.will_set(f"spBv1.0/plant/NDEATH/{name}", death, qos=1)
        joined, subscribed = queue.Queue(), queue.Queue()
        self.client.on_connect = lambda *_: joined.put(True)
        self.client.on_subscribe = lambda *_: subscribed.put(True)
        self.client.on_message = self.message
        self.client.connect(*hub.address("mqtt"))
        self.client.loop_start()
        joined.get(timeout=DEADLINE_S)
        self.client.subscribe([(f"spBv1.0/plant/NCMD/{name}", 1), ("spBv1.0/STATE/scada", 1)])
        subscribed.get(timeout=DEADLINE_S)

    def message(self, _client, _data, message):
        if "/STATE/" in message.topic:
            self.states.put(json.loads(message.payload))
        else:
            self.commands.put((message.payload, message.retain))

    def say(self, kind, body, device=None):
        topic = f"spBv1.0/plant/{kind}/{self.name}" + (f"/{device}" if device else "")
        # As the specification wants it; the death alone is of QoS 1.
        self.client.publish(topic, body, qos=0).wait_for_publish(DEADLINE_S)

    def birth(self):
        session = metric("bdSeq", long=self.session, datatype=8)
        metrics = [metric("Motor/Speed", 1, 10.5), metric("Level+", 2, 1.0)]
        self.say("NBIRTH", payload(session, *metrics, seq=0))
        self.say("DBIRTH", payload(metric("t", 3, 20.0), seq=1), "pump")

    def data(self, seq, value, **more):
        self.say("NDATA", payload(metric(alias=1, double=value, **more), seq=seq))

    def rebirth_was_asked(self):
        body, retained = self.commands.get(timeout=DEADLINE_S)
        asked = fields(fields(body)[2][0])
        assert asked[1] == [b"Node Control/Rebirth"] and asked[14] == [1]
        assert not retained

    def vanish(self):
        """Its connection is cut, and it does not come back."""
        self.client.loop_stop()
        self.client.socket().close()

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()


def state(hub, path):
    response = hub.client.get(f"/v1/topics/root/sparkplug/plant/{path}")
    return response.json() if response.status_code == 200 else None


def shows(hub, path, value, quality="good"):
    def so():
        found = state(hub, path)
        return found and found["value"] == value and found["quality"] == quality and found

    return wait_for(so, f"{path} = {value} ({quality})")


@pytest.fixture
def sparkplug(tmp_path):
    running = start(tmp_path, CONFIG)
    yield running
    stop(running)


def test_births_values_deaths_and_values_of_the_past(sparkplug):
    edge = Edge(sparkplug, "e1", 4)
    assert edge.states.get(timeout=DEADLINE_S)["online"] is True
    edge.birth()
    edge.data(2, 11.25, time=1_700_000_001_000)
    found = shows(sparkplug, "e1/metrics/Motor/Speed", 11.25)
    assert found["source_time"].startswith("2023-11-14T22:13:21")
    shows(sparkplug, "e1/metrics/Level%252B", 1.0)
    edge.data(3, 5.0, historical=True, time=1_600_000_000_000)
    edge.say("DDATA", payload(metric(alias=3, double=21.0), seq=4), "pump")
    shows(sparkplug, "e1/devices/pump/metrics/t", 21.0)
    shows(sparkplug, "e1/metrics/Motor/Speed", 11.25)
    (past,) = sparkplug.history(topic="root/sparkplug/plant/e1/history/Motor/Speed")
    assert (past["value"], past["kind"]) == (5.0, "event")
    edge.vanish()
    shows(sparkplug, "e1/metrics/Motor/Speed", 11.25, "bad")
    shows(sparkplug, "e1/devices/pump/metrics/t", 21.0, "bad")
    assert state(sparkplug, "e1/status")["value"]["online"] is False
    again = Edge(sparkplug, "e1", 5)
    again.birth()
    shows(sparkplug, "e1/metrics/Motor/Speed", 10.5)
    again.leave()


def test_a_gap_leads_to_a_rebirth(sparkplug):
    edge = Edge(sparkplug, "e2", 0)
    edge.birth()
    edge.data(4, 12.0)
    edge.rebirth_was_asked()
    shows(sparkplug, "e2/metrics/Motor/Speed", 12.0)
    edge.birth()
    shows(sparkplug, "e2/metrics/Motor/Speed", 10.5)
    status = state(sparkplug, "e2/status")["value"]
    assert (status["gaps"], status["rebirths"], status["births"]) == (1, 1, 2)
    stranger = Edge(sparkplug, "e3", 0)
    stranger.data(7, 1.0)
    stranger.rebirth_was_asked()
    edge.leave()
    stranger.leave()


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_restart_keeps_aliases(tmp_path, how):
    hub = start(tmp_path, CONFIG)
    # Nothing says that it has died: the host is to go on with it as it was.
    edge = Edge(hub, "e4", 0, will=False)
    before = edge.states.get(timeout=DEADLINE_S)
    edge.birth()
    shows(hub, "e4/devices/pump/metrics/t", 20.0)
    edge.vanish()
    if how == "stopped":
        stop(hub)
    else:
        hub.client.close()
        hub.process.kill()
        hub.process.wait(DEADLINE_S)
        (tmp_path / "data" / "run.json").unlink()
    hub = start(tmp_path, CONFIG)
    edge = Edge(hub, "e4", 0, will=False)
    now = edge.states.get(timeout=DEADLINE_S)
    while not (now["online"] and now["timestamp"] > before["timestamp"]):
        now = edge.states.get(timeout=DEADLINE_S)
    shows(hub, "e4/metrics/Motor/Speed", 10.5)
    edge.data(2, 13.5)
    shows(hub, "e4/metrics/Motor/Speed", 13.5)
    edge.say("DDATA", payload(metric(alias=3, double=21.0), seq=3), "pump")
    shows(hub, "e4/devices/pump/metrics/t", 21.0)
    assert edge.commands.empty()
    edge.leave()
    stop(hub)
