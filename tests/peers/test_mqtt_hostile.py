"""Hostile MQTT peers against the real binary: broken packets in every state, wildcard bombs, half-open
peers, a storm of reconnects. Through all of it an established client is served."""

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
