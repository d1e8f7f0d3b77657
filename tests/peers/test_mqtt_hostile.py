"""Hostile MQTT peers against the real binary: broken packets in every state, texts that are none,
thousands of subscriptions, wildcard bombs, abused aliases, half-open peers, a storm of reconnects.
Through all of it an established client is served."""

import os
import random
import selectors
import socket
import struct
import time

import pytest

from mqtt_raw import CONNACK, DEADLINE_S, PUBACK, PUBLISH, PUBREC, PUBREL, SUBSCRIBE, UNSUBSCRIBE, V5, V311, Closed, Raw, connect, packet, properties, text

ROUNDS = int(os.environ.get("SPICA_FUZZ", "300"))
STORM = int(os.environ.get("SPICA_STORM", "1000"))


@pytest.fixture
def established(mqtt, name):
    """A client whose service is checked before and after, on the same connection."""
    with Raw.join(mqtt, f"est{name}") as client:
        client.subscribe(f"{name}/own")

        def served(payload):
            client.publish(f"{name}/own", payload)
            client.message(payload)

        served("before")
        yield served
        served("after")


def seeds(version, topic):
    """Sound packets, to be broken."""
    more = properties() if version == V5 else b""
    given = properties(user=("a", "b"), alias=1, expiry=1) if version == V5 else b""
    return [
        connect("fuzz", version, will={"topic": topic, "payload": "w", "qos": 1}, user="u", password="p"),
        packet(PUBLISH, text(topic) + more + b"x"),
        packet(PUBLISH, text(topic) + b"\0\1" + given + b"x", 2),
        packet(PUBLISH, text(topic) + b"\0\2" + more + b"x", 4),
        packet(PUBREL, b"\0\2", 2),
        packet(PUBACK, b"\0\1"),
        packet(PUBREC, b"\0\1"),
        packet(7, b"\0\1"),
        packet(SUBSCRIBE, b"\0\3" + more + text(topic + "/#") + b"\1", 2),
        packet(UNSUBSCRIBE, b"\0\4" + more + text(topic + "/#"), 2),
        packet(12, b""),
        packet(14, b"\0" if version == V5 else b""),
        packet(15, b"\x18" + properties(auth_method="X", auth_data="y") if version == V5 else b""),
    ]


def broken(rng, data):
    """One of the ways to break bytes."""
    data = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data))
        match rng.randrange(5):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
            case 2:
                del data[at + 1 :]
            case 3:
                data[at:at] = rng.randbytes(rng.randrange(1, 5))
            case 4:
                data[at:at] = data[rng.randrange(len(data)) :]
    return bytes(data)


@pytest.mark.parametrize("version", [V311, V5])
def test_broken_packets_in_every_state(mqtt, name, established, version):
    rng = random.Random(f"{version}")
    sound = seeds(version, f"{name}/fuzz")
    for round in range(ROUNDS):
        with Raw(mqtt, version) as client:
            state = rng.randrange(4)
            if state > 0:
                client.connect(f"fuzz{round % 7}", clean=state != 3, **({"session_expiry": 5} if version == V5 and state == 3 else {}))
            if state > 1:
                client.start_subscribe((f"{name}/#", 2))
                client.start_publish(f"{name}/fuzz", "x", 2, id=9)
            sent = b"".join(broken(rng, rng.choice(sound)) for _ in range(rng.randrange(1, 6)))
            try:
                client.send(sent)
                client.socket.shutdown(socket.SHUT_WR)
                # To its end: whatever the server says on the way is well-formed (the client checks).
                while True:
                    client.next()
            except (Closed, OSError):
                pass
        if round % 100 == 0:
            established(f"{version} {round}")


# Alone, cut short, overlong, a surrogate, beyond Unicode, U+0000.
NO_TEXTS = [b"\xff", b"a\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"a\0b"]


def with_text(version, bad):
    """Packets with a text that is none, wherever one may be; the first are CONNECTs."""
    more = properties() if version == V5 else b""
    connects = [connect(bad, version), connect("c", version, will={"topic": bad, "payload": "w"}), connect("c", version, user=bad, password="p")]
    others = [
        packet(PUBLISH, text(bad) + b"\0\1" + more + b"x", 2),
        packet(SUBSCRIBE, b"\0\1" + more + text(bad) + b"\1", 2),
        packet(UNSUBSCRIBE, b"\0\1" + more + text(bad), 2),
    ]
    if version == V5:
        connects.append(connect("c", version, user=None, auth_method=bad))
        for given in ({"user": (bad, "v")}, {"user": ("n", bad)}, {"content_type": bad}, {"response_topic": bad}):
            others.append(packet(PUBLISH, text("t") + b"\0\1" + properties(**given) + b"x", 2))
        others.append(packet(PUBACK, b"\0\1\x80" + properties(reason_text=bad)))
    return connects, others


@pytest.mark.parametrize("version", [V311, V5])
def test_texts_that_are_none(mqtt, name, established, version):
    for bad in NO_TEXTS:
        connects, others = with_text(version, bad)
        for sent in connects:
            with Raw(mqtt, version) as client:
                client.send(sent)
                with pytest.raises(Closed):
                    # A refusal may come before the end.
                    assert client.next().reason >= (0x80 if version == V5 else 1)
                    client.next()
        for sent in others:
            with Raw.join(mqtt, name[-20:], version) as client:
                client.send(sent)
                assert client.closed() in ({0x81, 0x82, 0x90, 0x8F} if version == V5 else {None}), sent
    established("meanwhile")


def test_ten_thousand_subscriptions(mqtt, name, established):
    """One client asks for as many as it can: what goes beyond the bound is refused filter by filter, and
    what is granted is served."""
    with Raw.join(mqtt, name) as client:
        granted, refused = [], set()
        for first in range(0, 10_000, 100):
            filters = [f"{name}/{number}/+" for number in range(first, first + 100)]
            reasons = client.subscribe(*[(filter, 1) for filter in filters]).reasons
            granted += [filter for filter, reason in zip(filters, reasons) if reason == 1]
            refused |= {reason for reason in reasons if reason != 1}
        assert granted and refused <= {0x97}, refused
        established("meanwhile")
        for filter in (granted[0], granted[-1]):
            topic = filter.replace("+", "x")
            client.start_publish(topic, "one", 1)
            early = [client.next(), client.next()]
            assert sorted(it.kind for it in early) == [PUBLISH, PUBACK]
            [message] = [it for it in early if it.kind == PUBLISH]
            assert message.topic == topic
            client.acknowledge(PUBACK, message.id)
        assert set(client.unsubscribe(*granted[:100]).reasons) == {0}


def test_abused_aliases(mqtt, name, established):
    """Aliases that are set anew with every message, used before they are set, and beyond the bound."""
    with Raw.join(mqtt, f"s{name}") as subscriber, Raw.join(mqtt, f"p{name}") as client:
        most = client.connack.properties["alias_maximum"]
        subscriber.subscribe((f"{name}/#", 1))
        for number in range(500):
            client.start_publish(f"{name}/{number}", str(number), 1, alias=number % most + 1)
            client.start_publish("", str(number), 1, alias=number % most + 1)
            for _ in range(2):
                client.expect(PUBACK)
                subscriber.message(str(number), topic=f"{name}/{number}")
    established("meanwhile")
    for alias in (1, most, most + 1, 0, 65_535):
        with Raw.join(mqtt, name) as client:
            # One that stood for something on the connection before stands for nothing here.
            client.start_publish("", "x", 1, alias=alias)
            assert client.closed() == (0x82 if 0 < alias <= most else 0x94)


def test_wildcard_bombs(mqtt, name, established):
    """Deep topics against many filters of wildcards; what is too deep or too long is refused."""
    with Raw.join(mqtt, name) as client:
        deep = "/".join("x" * 60)
        client.start_subscribe(*[(f"{name}/" + "/".join(rng_levels(seed)), 0) for seed in range(500)])
        assert set(client.expect(9).reasons) <= {0, 0x8F, 0x97}
        for _ in range(50):
            client.start_publish(f"{name}/{deep}", "boom", 0)
        established("meanwhile")
    for topic in ("/".join("x" * 30_000), "x" * 65_535):
        with Raw.join(mqtt, name) as client:
            client.start_publish(topic, "x", 1)
            assert client.closed() == 0x90


def rng_levels(seed):
    rng = random.Random(seed)
    return [rng.choice("x+") for _ in range(rng.randrange(1, 58))] + ["#"]


def test_half_open_peers(mqtt, name, established):
    """Connections that never say a whole CONNECT are ended, and cost nobody anything meanwhile."""
    peers = [socket.create_connection(mqtt, timeout=DEADLINE_S) for _ in range(200)]
    for number, peer in enumerate(peers):
        peer.sendall(connect("half-open", V5)[: number % 14])
    established("meanwhile")
    for peer in peers:
        assert peer.recv(1) == b""
        peer.close()


def test_a_subscriber_that_does_not_read_stalls_nobody(mqtt, name, established):
    with Raw.join(mqtt, f"s{name}") as slow, Raw.join(mqtt, f"p{name}") as publisher, Raw.join(mqtt, f"f{name}") as fast:
        slow.subscribe((name, 1))
        fast.subscribe((name, 1))
        # More than the sockets between them hold.
        payload = "x" * 100_000
        for number in range(60):
            publisher.publish(name, payload + str(number))
            fast.message(payload + str(number))
        established("meanwhile")
        # It lost nothing by that.
        for number in range(60):
            slow.message(payload + str(number))


def test_a_storm_of_reconnects(mqtt, name, established):
    """All come at once with sessions that are kept, subscribe, are cut off, and come again."""
    selector = selectors.DefaultSelector()
    for _ in range(2):
        began, waiting = time.monotonic(), set()
        for number in range(STORM):
            peer = socket.socket()
            peer.setblocking(False)
            peer.connect_ex(mqtt)
            selector.register(peer, selectors.EVENT_WRITE, number)
            waiting.add(peer)
            if number == STORM // 2:
                established("meanwhile")
        while waiting:
            assert time.monotonic() - began < 60, f"{len(waiting)} are still out"
            for key, event in selector.select(timeout=1):
                peer = key.fileobj
                if event & selectors.EVENT_WRITE:
                    peer.send(connect(f"storm{key.data}{name}", V5, clean=False, session_expiry=30))
                    selector.modify(peer, selectors.EVENT_READ, key.data)
                else:
                    answer = peer.recv(100)
                    assert answer[0] >> 4 == CONNACK and answer[3] == 0, answer
                    waiting.discard(peer)
                    selector.unregister(peer)
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    peer.close()
