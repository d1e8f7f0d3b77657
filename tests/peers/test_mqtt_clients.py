"""The MQTT station against clients that others wrote: paho-mqtt, gmqtt, aiomqtt, mosquitto_pub and
mosquitto_sub."""

import asyncio
import contextlib
import queue
import subprocess
import threading

import aiomqtt
import gmqtt
import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from mqtt_raw import DEADLINE_S

VERSIONS = pytest.mark.parametrize("version", [paho.MQTTv31, paho.MQTTv311, paho.MQTTv5])


class Paho:
    """paho's client, with what happens to it as queues."""

    def __init__(self, address, client_id, version=paho.MQTTv5, transport="tcp", clean=True, expiry=0, **more):
        old = {} if version == paho.MQTTv5 else {"clean_session": clean}
        self.version = version
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id, protocol=version, transport=transport, **old)
        self.messages, self.events = queue.Queue(), queue.Queue()
        self.client.on_message = lambda _c, _u, message: self.messages.put(message)
        self.client.on_connect = lambda _c, _u, flags, reason, _p: self.events.put(("connect", flags.session_present, reason.value))
        self.client.on_disconnect = lambda _c, _u, _f, reason, _p: self.events.put(("disconnect", reason.value))
        self.client.on_subscribe = lambda _c, _u, _m, reasons, _p: self.events.put(("subscribe", [it.value for it in reasons]))
        self.client.on_unsubscribe = lambda *_: self.events.put(("unsubscribe",))
        if more.get("will"):
            self.client.will_set(*more["will"])
        options = {}
        if version == paho.MQTTv5:
            asked = Properties(PacketTypes.CONNECT)
            asked.SessionExpiryInterval = expiry
            options = {"clean_start": clean, "properties": asked}
        self.client.connect(*address, keepalive=30, **options)
        self.client.loop_start()
        self.present = self.event("connect")[1]

    def event(self, name):
        event = self.events.get(timeout=DEADLINE_S)
        assert event[0] == name, event
        return event

    def subscribe(self, filter, qos=2, **options):
        if options:
            self.client.subscribe(filter, options=SubscribeOptions(qos=qos, **options))
        else:
            self.client.subscribe(filter, qos)
        return self.event("subscribe")[1]

    def publish(self, topic, payload, qos=1, retain=False, properties=None):
        self.client.publish(topic, payload, qos, retain, properties).wait_for_publish(DEADLINE_S)

    def message(self, payload, **values):
        message = self.messages.get(timeout=DEADLINE_S)
        assert message.payload == payload.encode(), message.payload
        for name, value in values.items():
            assert getattr(message, name) == value, name
        return message

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()


@VERSIONS
def test_paho_publishes_and_subscribes(mqtt, name, version):
    with Paho(mqtt, name[-20:], version) as client:
        assert client.subscribe(f"{name}/#") == [2]
        for qos in (0, 1, 2):
            client.publish(f"{name}/{qos}", f"at {qos}", qos)
            client.message(f"at {qos}", qos=qos, topic=f"{name}/{qos}", retain=False)
        client.publish(f"{name}/r", "kept", retain=True)
        client.message("kept", retain=False)
        client.client.unsubscribe(f"{name}/#")
        client.event("unsubscribe")
        client.subscribe(f"{name}/r", 1)
        client.message("kept", retain=True, qos=1)
        client.publish(f"{name}/r", "", retain=True)
        client.message("")


@VERSIONS
def test_paho_keeps_its_session(mqtt, name, version):
    kept = {"clean": False, "expiry": 100}
    client_id = name[-20:]
    with Paho(mqtt, client_id, version, **kept) as client:
        assert not client.present
        client.subscribe(name)
    with Paho(mqtt, "p" + client_id[-19:], version) as publisher:
        for number in range(30):
            publisher.publish(name, str(number), 1 + number % 2)
    with Paho(mqtt, client_id, version, **kept) as client:
        # 3.1 has no word for it.
        assert client.present is (version != paho.MQTTv31)
        got = [client.messages.get(timeout=DEADLINE_S) for _ in range(30)]
        for qos in (1, 2):
            assert [int(it.payload) for it in got if it.qos == qos] == list(range(qos - 1, 30, 2))


@VERSIONS
def test_paho_leaves_its_will(mqtt, name, version):
    with Paho(mqtt, "w" + name[-19:], version) as witness:
        witness.subscribe(f"{name}/will")
        client = Paho(mqtt, name[-20:], version, will=(f"{name}/will", "gone", 1, False))
        client.client.loop_stop()
        client.client._sock_close()
        witness.message("gone", qos=1)


def test_paho_is_taken_over(mqtt, name):
    with Paho(mqtt, name) as first, Paho(mqtt, name):
        assert first.event("disconnect")[1] == 0x8E
        # It would come back by itself, and so on.
        first.client.loop_stop()


def test_paho_sees_all_properties(mqtt, name):
    given = Properties(PacketTypes.PUBLISH)
    given.UserProperty = [("one", "1"), ("two", "2"), ("one", "3")]
    given.ContentType = "application/json"
    given.ResponseTopic = "answers"
    given.CorrelationData = b"\0\1\2"
    given.PayloadFormatIndicator = 1
    given.MessageExpiryInterval = 100
    with Paho(mqtt, name) as client:
        client.subscribe(name, noLocal=False, retainAsPublished=True)
        client.publish(name, "{}", 2, True, given)
        got = client.message("{}", retain=True).properties
        assert got.UserProperty == given.UserProperty and got.CorrelationData == b"\0\1\2"
        assert (got.ContentType, got.ResponseTopic, got.PayloadFormatIndicator) == ("application/json", "answers", 1)
        assert 90 <= got.MessageExpiryInterval <= 100


@VERSIONS
def test_paho_over_websocket(mqtt_hub, name, version):
    with Paho(mqtt_hub.address("mqtt_websocket"), name[-20:], version, transport="websockets") as client:
        client.client.ws_set_options("/mqtt")
        client.subscribe(name)
        for size in (0, 1, 126, 70_000):
            client.publish(name, "x" * size, 2)
            client.message("x" * size)


def test_paho_s_no_local_and_retain_handling(mqtt, name):
    with Paho(mqtt, name) as client, Paho(mqtt, f"o{name}") as other:
        other.publish(name, "kept", retain=True)
        client.subscribe(name, noLocal=True, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        client.publish(name, "own")
        other.publish(name, "other")
        client.message("other")


# -- gmqtt.


class Gmqtt:
    def __init__(self, client_id, **options):
        self.client = gmqtt.Client(client_id, **options)
        self.client.set_config({"reconnect_retries": 0})
        self.messages, self.subscribed = asyncio.Queue(), asyncio.Queue()
        self.client.on_message = self.on_message
        self.client.on_subscribe = lambda _c, _m, _q, _p: self.subscribed.put_nowait(True)

    async def on_message(self, _client, topic, payload, qos, properties):
        await self.messages.put((topic, payload.decode(), qos, properties))
        return 0


@pytest.mark.parametrize("version", [4, 5])
def test_gmqtt_publishes_and_subscribes(mqtt, name, version):
    async def run():
        it = Gmqtt(name)
        await it.client.connect(*mqtt, version=version)
        it.client.subscribe(f"{name}/#", qos=2)
        await asyncio.wait_for(it.subscribed.get(), DEADLINE_S)
        more = {"user_property": ("a", "1"), "content_type": "text/plain"} if version == 5 else {}
        for qos in (0, 1, 2):
            it.client.publish(f"{name}/{qos}", f"at {qos}", qos=qos, **more)
            topic, payload, got, properties = await asyncio.wait_for(it.messages.get(), DEADLINE_S)
            assert (topic, payload, got) == (f"{name}/{qos}", f"at {qos}", qos)
            if version == 5:
                assert properties["user_property"] == [("a", "1")] and properties["content_type"] == ["text/plain"]
        await it.client.disconnect()

    asyncio.run(run())


def test_gmqtt_keeps_its_session(mqtt, name):
    async def run():
        it = Gmqtt(name, clean_session=False, session_expiry_interval=100)
        await it.client.connect(*mqtt)
        it.client.subscribe(name, qos=1)
        await asyncio.wait_for(it.subscribed.get(), DEADLINE_S)
        await it.client.disconnect()
        async with aiomqtt.Client(*mqtt, identifier=f"p{name}") as publisher:
            for number in range(10):
                await publisher.publish(name, str(number), qos=1)
        again = Gmqtt(name, clean_session=False, session_expiry_interval=100)
        await again.client.connect(*mqtt)
        for number in range(10):
            assert (await asyncio.wait_for(again.messages.get(), DEADLINE_S))[1] == str(number)
        await again.client.disconnect()

    asyncio.run(run())


# -- aiomqtt.


@pytest.mark.parametrize("version", [aiomqtt.ProtocolVersion.V311, aiomqtt.ProtocolVersion.V5])
def test_aiomqtt_publishes_and_subscribes(mqtt, name, version):
    async def run():
        will = aiomqtt.Will(f"{name}/will", "gone", 1)
        async with aiomqtt.Client(*mqtt, identifier=name, protocol=version, will=will) as client:
            await client.subscribe(f"{name}/#", qos=2)
            for qos in (0, 1, 2):
                await client.publish(f"{name}/{qos}", f"at {qos}", qos=qos)
            got = set()
            async with asyncio.timeout(DEADLINE_S):
                async for message in client.messages:
                    got.add((str(message.topic), message.payload, message.qos))
                    if len(got) == 3:
                        break
            assert got == {(f"{name}/{qos}", f"at {qos}".encode(), qos) for qos in (0, 1, 2)}

    asyncio.run(run())


# -- mosquitto_pub and mosquitto_sub.

MOSQUITTO = pytest.mark.parametrize("version", ["31", "311", "5"])


def command(tool, address, *arguments):
    return [tool, "-h", address[0], "-p", str(address[1]), *arguments]


def publish(address, *arguments):
    subprocess.run(command("mosquitto_pub", address, *arguments), check=True, timeout=DEADLINE_S)


@contextlib.contextmanager
def subscriber(address, *arguments):
    """mosquitto_sub when it is subscribed; its lines as they come."""
    process = subprocess.Popen(["stdbuf", "-oL", *command("mosquitto_sub", address, "-d", *arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = queue.Queue()
    threading.Thread(target=lambda: [lines.put(line.rstrip("\n")) for line in process.stdout], daemon=True).start()
    try:
        while "received SUBACK" not in lines.get(timeout=DEADLINE_S):
            pass
        yield lines
    finally:
        process.terminate()
        process.wait(DEADLINE_S)


def line(lines):
    """The next line that is no trace."""
    while True:
        found = lines.get(timeout=DEADLINE_S)
        if not found.startswith(("Client ", "Subscribed ")):
            return found


@MOSQUITTO
def test_mosquitto_publishes_and_subscribes(mqtt, name, version):
    with subscriber(mqtt, "-V", version, "-t", f"{name}/#", "-q", "2", "-F", "%t %q %r %p") as lines:
        for qos in "012":
            publish(mqtt, "-V", version, "-t", f"{name}/{qos}", "-q", qos, "-m", "hello")
            assert line(lines) == f"{name}/{qos} {qos} 0 hello"


@MOSQUITTO
def test_mosquitto_gets_retained_messages(mqtt, name, version):
    for number in range(3):
        publish(mqtt, "-V", version, "-t", f"{name}/{number}", "-q", "1", "-m", "kept", "-r")
    publish(mqtt, "-V", version, "-t", f"{name}/1", "-q", "1", "-n", "-r")
    arguments = ["-V", version, "-t", f"{name}/#", "-C", "2", "-W", str(DEADLINE_S), "-F", "%t %r %p"]
    got = subprocess.run(command("mosquitto_sub", mqtt, *arguments), capture_output=True, text=True, check=True)
    assert sorted(got.stdout.splitlines()) == [f"{name}/0 1 kept", f"{name}/2 1 kept"]


def test_mosquitto_keeps_its_session(mqtt, name):
    kept = ["-V", "5", "-i", name, "-c", "-x", "100", "-q", "1", "-t", name]
    with subscriber(mqtt, *kept):
        pass
    for number in range(5):
        publish(mqtt, "-t", name, "-q", "1", "-m", str(number))
    got = subprocess.run(command("mosquitto_sub", mqtt, *kept, "-C", "5", "-W", str(DEADLINE_S)), capture_output=True, text=True, check=True)
    assert got.stdout.split() == list("01234")


def test_mosquitto_shares_and_names(mqtt, name):
    properties = ["-D", "publish", "user-property", "a", "b", "-D", "publish", "content-type", "text/x"]
    arguments = ["-V", "5", "-t", f"$share/group/{name}", "-q", "1", "-F", "%p %C %P"]
    with subscriber(mqtt, *arguments) as one, subscriber(mqtt, *arguments) as two:
        for number in range(6):
            publish(mqtt, "-V", "5", "-t", name, "-q", "1", "-m", str(number), *properties)
        # Both have a share, by turns.
        got = sorted([line(one) for _ in range(3)] + [line(two) for _ in range(3)])
        assert got == [f"{number} text/x a:b" for number in range(6)]


def test_mosquitto_leaves_its_will(mqtt, name):
    with Paho(mqtt, f"w{name}") as witness:
        witness.subscribe(f"{name}/will")
        arguments = ["-i", name, "-t", name, "--will-topic", f"{name}/will", "--will-payload", "gone", "--will-qos", "1"]
        process = subprocess.Popen(["stdbuf", "-oL", *command("mosquitto_sub", mqtt, "-d", *arguments)], stdout=subprocess.PIPE, text=True)
        while "received SUBACK" not in process.stdout.readline():
            assert process.poll() is None
        process.kill()
        process.wait(DEADLINE_S)
        witness.message("gone", qos=1)


def test_mosquitto_publishes_a_large_message(mqtt, name):
    with subscriber(mqtt, "-t", name, "-q", "1", "-F", "%l") as lines:
        payload = "x" * 200_000
        process = subprocess.run(command("mosquitto_pub", mqtt, "-t", name, "-q", "1", "-s"), input=payload, text=True, timeout=DEADLINE_S)
        assert process.returncode == 0
        assert line(lines) == "200000"
