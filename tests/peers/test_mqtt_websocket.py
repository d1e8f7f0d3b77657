"""MQTT over WebSocket: packets and frames do not know each other."""

import pytest
import websockets.exceptions
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect as dial

from mqtt_raw import CONNACK, DEADLINE_S, PINGREQ, PINGRESP, PUBLISH, V5, V311, Raw, connect, decoded, packet, text

BOTH = pytest.mark.parametrize("version", [V311, V5])


@pytest.fixture
def url(mqtt_hub):
    host, port = mqtt_hub.address("mqtt_websocket")
    return f"ws://{host}:{port}/mqtt"


def received(socket, version):
    """A packet that came in a frame of its own, or the first of several."""
    data = socket.recv(timeout=DEADLINE_S)
    assert isinstance(data, bytes)
    length = data[1]
    assert length < 128
    return decoded(data[0] >> 4, data[0] & 15, data[2 : 2 + length], version)


@BOTH
def test_mqtt_6_0_0_4_the_subprotocol_is_mqtt(url, version):
    with dial(url, subprotocols=["mqtt"]) as socket:
        assert socket.subprotocol == "mqtt"
        socket.send(connect("", version))
        assert received(socket, version).kind == CONNACK


@BOTH
def test_mqtt_6_0_0_2_packets_do_not_fit_frames(url, name, version):
    with dial(url, subprotocols=["mqtt"]) as socket:
        data = connect(name, version)
        for at in range(len(data)):
            socket.send(data[at : at + 1])
        assert received(socket, version).kind == CONNACK
        more = b"\0" if version == V5 else b""
        two = packet(PUBLISH, text(name) + more + b"x") + packet(PINGREQ, b"")
        socket.send(two[:5])
        # A frame in fragments.
        socket.send(iter([two[5:7], two[7:]]))
        assert received(socket, version).kind == PINGRESP
        socket.send(packet(PINGREQ, b"") * 3)
        pings = b""
        while len(pings) < 6:
            pings += socket.recv(timeout=DEADLINE_S)
        assert pings == bytes([PINGRESP << 4, 0]) * 3


def test_mqtt_6_0_0_1_a_text_frame_ends_the_connection(url, name):
    with dial(url, subprotocols=["mqtt"]) as socket:
        socket.send(connect(name, V5))
        assert received(socket, V5).kind == CONNACK
        socket.send("text")
        with pytest.raises(websockets.exceptions.ConnectionClosed):
            while True:
                socket.recv(timeout=DEADLINE_S)


def test_frames_without_packets_do_not_stop_a_connection(url, name):
    """A ping, an empty message, and a frame whose head comes alone."""
    with dial(url, subprotocols=["mqtt"], ping_interval=None) as socket:
        socket.send(connect(name, V5))
        assert received(socket, V5).kind == CONNACK
        assert socket.ping().wait(DEADLINE_S)
        socket.send(b"")
        assert socket.ping().wait(DEADLINE_S)
        frame = Frame(Opcode.BINARY, packet(PINGREQ, b"")).serialize(mask=True)
        for byte in frame:
            with socket.protocol_mutex:
                socket.socket.sendall(bytes([byte]))
        assert received(socket, V5).kind == PINGRESP


def test_a_client_that_is_cut_off_over_websocket_leaves_its_will(mqtt, url, name):
    with Raw.join(mqtt, f"w{name}") as witness:
        witness.subscribe(name)
        with dial(url, subprotocols=["mqtt"]) as socket:
            socket.send(connect(name, V5, will={"topic": name, "payload": "gone"}))
            assert received(socket, V5).kind == CONNACK
            socket.socket.shutdown(2)
            witness.message("gone")
