"""Sessions and wills: kept, taken over, expired, restored; the standard's statements by number."""

import signal
import time

import pytest

from conftest import MQTT, start, stop
from mqtt_raw import PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, V5, V311, Closed, Raw

BOTH = pytest.mark.parametrize("version", [V311, V5])


def kept(version=V5, expiry=600):
    return {"clean": False, **({"session_expiry": expiry} if version == V5 else {})}


@BOTH
def test_mqtt_4_5_0_1_what_was_published_meanwhile_is_delivered_in_order(mqtt, name, version):
    with Raw.join(mqtt, name, version, **kept(version)) as client:
        client.subscribe((f"{name}/#", 2))
        client.disconnect()
    with Raw.join(mqtt, f"p{name}") as publisher:
        for number in range(60):
            publisher.publish(f"{name}/{number % 3}", str(number), 1 + number % 2)
        with Raw.join(mqtt, name, version, **kept(version)) as client:
            assert client.connack.session_present
            got = [client.message(dup=False) for _ in range(60)]
            for qos in (1, 2):
                assert [int(it.payload) for it in got if it.qos == qos] == list(range(qos - 1, 60, 2))
            publisher.publish(f"{name}/0", "live")
            client.message("live")


@BOTH
def test_mqtt_3_1_2_6_a_clean_session_is_not_kept(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        client.subscribe(name)
        client.disconnect()
    with Raw.join(mqtt, name, version, clean=False) as client:
        assert not client.connack.session_present


def test_mqtt_3_1_2_23_a_session_ends_when_its_expiry_has_passed(mqtt, name):
    with Raw.join(mqtt, name, **kept(expiry=1)) as client:
        client.subscribe(name)
        client.disconnect()
        left = time.monotonic()
    present = True
    while present:
        # It may only be asked once: who comes, prolongs it. So: first wait for what is the subject.
        while time.monotonic() - left < 1.2:
            time.sleep(0.05)
        with Raw.join(mqtt, name, clean=False) as client:
            present = client.connack.session_present
            client.disconnect()
        assert time.monotonic() - left < 15


def test_mqtt_3_1_2_23_an_expiry_of_0_ends_it_with_the_connection(mqtt, name):
    with Raw.join(mqtt, name, **kept(expiry=0)) as client:
        client.subscribe(name)
    with Raw.join(mqtt, name, clean=False) as client:
        assert not client.connack.session_present


def test_subscriptions_without_a_session_get_nothing_later(mqtt, name):
    with Raw.join(mqtt, name, **kept()) as client:
        client.subscribe(name)
        client.unsubscribe(name)
        client.disconnect()
    with Raw.join(mqtt, f"p{name}") as publisher:
        publisher.publish(name, "unwanted")
    with Raw.join(mqtt, name, **kept()) as client, Raw.join(mqtt, f"p{name}") as publisher:
        assert client.connack.session_present
        client.subscribe(f"{name}/2")
        publisher.publish(f"{name}/2", "marker")
        client.message("marker")


# -- Wills.


def will(name, payload="gone", **more):
    return {"topic": f"{name}/will", "payload": payload, **more}


@BOTH
@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("retain", [False, True])
def test_mqtt_3_1_2_8_a_client_that_is_cut_off_leaves_its_will(mqtt, name, version, qos, retain):
    with Raw.join(mqtt, f"w{name}", version) as witness:
        witness.subscribe(f"{name}/will")
        with Raw.join(mqtt, name, version, will=will(name, qos=qos, retain=retain)) as client:
            client.ping()
        witness.message("gone", qos=qos, retain=False)
        with Raw.join(mqtt, f"l{name}", version) as late:
            late.publish(f"{name}/will", "marker", 1)
            late.subscribe(f"{name}/will")
            # [MQTT-3.1.2-14] and [MQTT-3.1.2-15].
            if retain:
                late.message("gone", retain=True)
            late.publish(f"{name}/will", "marker", 1)
            witness.message("marker")
            witness.message("marker")


@BOTH
def test_mqtt_3_14_4_3_a_normal_goodbye_leaves_no_will(mqtt, name, version):
    with Raw.join(mqtt, f"w{name}", version) as witness:
        witness.subscribe(f"{name}/#")
        with Raw.join(mqtt, name, version, will=will(name, qos=1)) as client:
            client.disconnect()
        # The next will is one that is meant.
        with Raw.join(mqtt, name, version, will=will(name, "second")):
            pass
        witness.message("second")


def test_a_goodbye_with_will(mqtt, name):
    with Raw.join(mqtt, f"w{name}") as witness:
        witness.subscribe(f"{name}/#")
        with Raw.join(mqtt, name, will=will(name)) as client:
            client.disconnect(0x04)
        witness.message("gone")


@BOTH
def test_a_client_that_breaks_rules_leaves_its_will(mqtt, name, version):
    with Raw.join(mqtt, f"w{name}", version) as witness:
        witness.subscribe(f"{name}/#")
        with Raw.join(mqtt, name, version, will=will(name)) as client:
            client.send(b"\x00\x00")
            client.closed()
        witness.message("gone")


@BOTH
def test_a_client_that_is_silent_leaves_its_will(mqtt, name, version):
    with Raw.join(mqtt, f"w{name}", version) as witness:
        witness.subscribe(f"{name}/#")
        with Raw.join(mqtt, name, version, will=will(name), keep_alive=1) as client:
            witness.message("gone")
            client.closed()


@BOTH
def test_a_client_that_is_taken_over_leaves_its_will(mqtt, name, version):
    with Raw.join(mqtt, f"w{name}", version) as witness:
        witness.subscribe(f"{name}/#")
        with Raw.join(mqtt, name, version, will=will(name)), Raw.join(mqtt, name, version):
            witness.message("gone")


def test_mqtt_3_1_3_9_a_delayed_will_is_not_published_if_the_client_is_back(mqtt, name):
    with Raw.join(mqtt, f"w{name}") as witness:
        witness.subscribe(f"{name}/#")
        with Raw.join(mqtt, name, **kept(), will=will(name, "unwanted", will_delay=3)):
            pass
        with Raw.join(mqtt, name, **kept(), will=will(name, "second")):
            pass
        witness.message("second")


def test_a_will_is_delayed(mqtt, name):
    with Raw.join(mqtt, f"w{name}") as witness:
        witness.subscribe(f"{name}/#")
        began = time.monotonic()
        with Raw.join(mqtt, name, **kept(), will=will(name, will_delay=1)):
            pass
        witness.message("gone")
        assert time.monotonic() - began >= 0.9


def test_a_delayed_will_is_published_when_the_session_ends(mqtt, name):
    """With its expiry, or with a clean start: whatever comes first."""
    with Raw.join(mqtt, f"w{name}") as witness:
        witness.subscribe(f"{name}/#")
        with Raw.join(mqtt, name, **kept(expiry=1), will=will(name, "expired", will_delay=500)):
            pass
        witness.message("expired")
        with Raw.join(mqtt, name, **kept(), will=will(name, "cleaned", will_delay=500)):
            pass
        with Raw.join(mqtt, name):
            witness.message("cleaned")


def test_a_will_has_properties(mqtt, name):
    given = {"content_type": "text/plain", "response_topic": "r", "correlation": b"\0\1", "user": [("a", "1"), ("a", "2")], "payload_format": 1}
    with Raw.join(mqtt, f"w{name}") as witness:
        witness.subscribe(f"{name}/#")
        with Raw.join(mqtt, name, will=will(name, **given)):
            pass
        assert witness.message("gone").properties == given


@BOTH
@pytest.mark.parametrize("topic", ["a/#", "", "$SYS/x", "system/x"])
def test_wills_that_may_not_be(mqtt, name, version, topic):
    with Raw(mqtt, version) as client:
        try:
            assert client.connect(name, will={"topic": topic, "payload": "x"}).reason != 0
        except Closed:
            assert version == V311


# -- Restarts of the node.


@pytest.fixture
def own(tmp_path):
    """A node that a test may end: `own.restart(how)`."""
    node = Own(tmp_path)
    yield node
    if node.hub.process.poll() is None:
        stop(node.hub)


class Own:
    def __init__(self, directory):
        self.directory = directory
        self.hub = start(directory, MQTT)

    @property
    def address(self):
        return self.hub.address("mqtt")

    def end(self, how):
        self.hub.client.close()
        self.hub.process.send_signal(how)
        self.hub.process.wait(30)
        (self.directory / "data" / "run.json").unlink(missing_ok=True)

    def begin(self):
        self.hub = start(self.directory, MQTT)

    def restart(self, how):
        self.end(how)
        self.begin()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_keeps_what_was_promised(own, how):
    """Retained messages, sessions, subscriptions with options, messages that wait, messages in flight
    with their ids, open ids, delayed wills."""
    with Raw.join(own.address, "sub", **kept()) as client, Raw.join(own.address, "pub", **kept()) as publisher:
        client.subscribe(("t/#", 2), subscription_id=9)
        client.subscribe(("local", 2 | 4))
        publisher.publish("r/1", "kept", 2, retain=True, user=[("a", "b")])
        publisher.publish("t/1", "first", 1)
        publisher.publish("t/2", "second", 2)
        got = {it.payload: it for it in (client.unanswered(), client.unanswered())}
        client.acknowledge(PUBREC, got[b"second"].id)
        client.expect(PUBREL, id=got[b"second"].id)
        publisher.start_publish("t/3", "open", 2, id=77)
        publisher.expect(PUBREC, id=77)
        client.unanswered("open")
        with Raw.join(own.address, "mourner", **kept(), will={"topic": "t/will", "payload": "gone", "will_delay": 1, "qos": 1}):
            pass
        publisher.ping()
        own.end(how)
        said = (client.closed(), publisher.closed())
        assert said == ((0x8B, 0x8B) if how == signal.SIGTERM else (None, None))
    own.begin()
    with Raw.join(own.address, "pub", **kept()) as publisher, Raw.join(own.address, "late") as late:
        assert publisher.connack.session_present
        publisher.start_publish("t/3", "open", 2, id=77, dup=True)
        publisher.expect(PUBREC, id=77)
        publisher.acknowledge(PUBREL, 77)
        publisher.expect(PUBCOMP, id=77)
        publisher.publish("t/4", "end", 1)
        late.subscribe("r/#")
        assert late.message("kept", retain=True, qos=2).properties == {"user": [("a", "b")]}
        with Raw.join(own.address, "sub", **kept()) as client:
            assert client.connack.session_present
            heard = {}
            while not {b"first", b"open", b"end", b"gone", got[b"second"].id} <= set(heard):
                try:
                    it = client.next()
                except AssertionError as error:
                    raise AssertionError(f"only {list(heard)} came") from error
                key = it.payload if it.kind == PUBLISH else it.id
                assert key not in heard or (it.kind == PUBLISH and it.qos == 1), f"{it} twice"
                heard[key] = it
                if it.kind == PUBREL:
                    client.acknowledge(PUBCOMP, it.id)
                else:
                    client.acknowledge(PUBACK if it.qos == 1 else PUBREC, it.id)
            assert heard[b"open"].dup and heard[b"open"].properties["subscription_id"] == [9]
            client.publish("local", "own", 1)
            publisher.publish("local", "other", 1)
            while (it := client.next()).payload != b"other":
                assert it.payload != b"own"


def test_what_is_gone_stays_gone_after_a_restart(own):
    with Raw.join(own.address, "pub") as publisher:
        publisher.publish("r/1", "x", 1, retain=True)
        publisher.publish("r/1", "", 1, retain=True)
    with Raw.join(own.address, "was-kept", **kept()) as client:
        client.subscribe("t")
        client.disconnect(session_expiry=0)
    with Raw.join(own.address, "was-cleaned", **kept()) as client:
        client.disconnect()
    with Raw.join(own.address, "was-cleaned") as client:
        client.disconnect()
    with Raw.join(own.address, "unsubscribed", **kept()) as client:
        client.subscribe("t", "u")
        client.unsubscribe("t")
        client.disconnect()
    own.restart(signal.SIGKILL)
    for name in ("was-kept", "was-cleaned"):
        with Raw.join(own.address, name, clean=False) as client:
            assert not client.connack.session_present, name
    with Raw.join(own.address, "unsubscribed", **kept()) as client, Raw.join(own.address, "pub") as publisher:
        assert client.connack.session_present
        publisher.publish("t", "unwanted")
        publisher.publish("u", "wanted")
        client.message("wanted")
        client.subscribe("r/#")
        publisher.publish("r/2", "marker")
        client.message("marker")
