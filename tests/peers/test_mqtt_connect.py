"""CONNECT, CONNACK, keep-alive, DISCONNECT: the standard's statements by number, over raw packets."""

import time

import pytest

from mqtt_raw import (
    AUTH, CONNACK, CONNECT, DISCONNECT, PINGREQ, PINGRESP, PUBLISH, SUBSCRIBE, V5, V31, V311,
    Closed, Raw, connect, packet, properties, text,
)

VERSIONS = pytest.mark.parametrize("version", [V31, V311, V5])
BOTH = pytest.mark.parametrize("version", [V311, V5])


def refused(address, data, version=V5):
    """The reason of the CONNACK that refuses, or none if the connection just ends."""
    with Raw(address, version) as client:
        client.send(data)
        try:
            answer = client.next()
        except Closed:
            return None
        assert answer.kind == CONNACK and answer.reason != 0, answer
        assert not answer.session_present
        assert client.closed() is None
        return answer.reason


@VERSIONS
def test_mqtt_3_1_4_5_a_client_is_accepted(mqtt, name, version):
    with Raw.join(mqtt, name[-20:], version) as client:
        assert not client.connack.session_present
        client.ping()
        client.disconnect()


@BOTH
def test_mqtt_3_1_0_1_the_first_packet_is_connect(mqtt, version):
    for first in (packet(PINGREQ, b""), packet(PUBLISH, text("a") + (b"\0" if version == V5 else b"")), packet(DISCONNECT, b""), packet(SUBSCRIBE, b"\0\1", 2)):
        with Raw(mqtt, version) as client:
            client.send(first)
            with pytest.raises(Closed):
                client.next()


@BOTH
def test_mqtt_3_1_0_2_a_second_connect_ends_the_connection(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        client.send(connect(name, version))
        assert client.closed() == (0x82 if version == V5 else None)


def test_mqtt_3_1_2_1_another_protocol_name_is_not_served(mqtt):
    assert refused(mqtt, connect("x", V5, name="MQTx")) in (None, 0x84)
    assert refused(mqtt, connect("x", V311, name="mqtt"), V311) in (None, 1)


def test_mqtt_3_1_2_2_another_version_is_refused(mqtt):
    body = text("MQTT") + bytes([6, 2, 0, 0, 0]) + text("x")
    assert refused(mqtt, packet(CONNECT, body)) == 0x84
    body = text("MQTT") + bytes([2, 2, 0, 0]) + text("x")
    assert refused(mqtt, packet(CONNECT, body), V311) in (None, 1)


@BOTH
def test_mqtt_3_1_2_3_the_reserved_flag_must_be_0(mqtt, version):
    assert refused(mqtt, connect("x", version, flags=3), version) == (0x81 if version == V5 else None)


@BOTH
def test_mqtt_3_1_2_12_there_is_no_will_of_qos_3(mqtt, version):
    will = {"topic": "w", "qos": 3}
    assert refused(mqtt, connect("x", version, will=will), version) == (0x81 if version == V5 else None)


@BOTH
def test_mqtt_3_1_2_11_without_a_will_its_qos_and_retain_are_0(mqtt, version):
    for flags in (2 | 1 << 3, 2 | 1 << 5):
        assert refused(mqtt, connect("x", version, flags=flags), version) == (0x81 if version == V5 else None)


def test_mqtt311_3_1_2_22_without_a_user_name_there_is_no_password(mqtt):
    assert refused(mqtt, connect("x", V311, password="p"), V311) is None


@BOTH
def test_mqtt_3_1_3_4_a_client_id_is_utf8(mqtt, version):
    for id in (b"\xff", b"a\x00b", b"\xed\xa0\x80"):
        assert refused(mqtt, connect(id, version), version) in ((0x81, 0x85) if version == V5 else (None, 2))


@VERSIONS
def test_mqtt_3_1_3_5_client_ids_of_23_letters_and_digits(mqtt, version):
    for id in ("0123456789abcdefghijklm", "nopqrstuvwxyzABCDEFGHIJ", "KLMNOPQRSTUVWXYZ", "a"):
        Raw.join(mqtt, id, version).disconnect()


def test_mqtt_3_1_3_6_an_empty_client_id_is_assigned_a_new_one(mqtt):
    with Raw.join(mqtt) as one, Raw.join(mqtt) as other:
        ids = {client.connack.properties["assigned_id"] for client in (one, other)}
        assert len(ids) == 2 and all(ids)
    with Raw.join(mqtt, version=V311) as old:
        old.ping()


def test_mqtt_3_1_3_7_an_assigned_client_id_can_be_used_again(mqtt):
    with Raw.join(mqtt, session_expiry=100) as first:
        id = first.connack.properties["assigned_id"]
        first.disconnect()
    with Raw.join(mqtt, id, clean=False) as again:
        assert again.connack.session_present and "assigned_id" not in again.connack.properties


def test_mqtt311_3_1_3_8_an_empty_client_id_with_a_session_is_refused(mqtt):
    assert refused(mqtt, connect("", V311, clean=False), V311) == 2
    assert refused(mqtt, connect("", V31), V31) == 2


@BOTH
def test_mqtt_3_1_4_1_a_connect_that_breaks_rules_ends_the_connection(mqtt, version):
    whole = connect("some-client", version)
    longer = packet(CONNECT, whole[2:] + b"more")
    assert refused(mqtt, longer, version) == (0x81 if version == V5 else None)
    shorter = packet(CONNECT, whole[2:-3])
    assert refused(mqtt, shorter, version) == (0x81 if version == V5 else None)


def test_a_property_that_may_come_once_comes_once(mqtt):
    twice = connect("x", V5, receive_maximum=[3, 4])
    assert refused(mqtt, twice) == 0x82
    for wrong in ({"receive_maximum": 0}, {"packet_maximum": 0}, {"problem_information": 2}, {"response_information": 2}):
        assert refused(mqtt, connect("x", V5, **wrong)) == 0x82, wrong
    for misplaced in ({"alias": 1}, {"subscription_id": 1}, {"server_keep_alive": 1}):
        assert refused(mqtt, connect("x", V5, **misplaced)) in (0x81, 0x82), misplaced
    # Data for a method that is not named.
    assert refused(mqtt, connect("x", V5, auth_data=b"d")) == 0x82


def test_mqtt_4_12_0_1_an_unknown_authentication_method_is_refused(mqtt):
    assert refused(mqtt, connect("x", V5, auth_method="NOBODY-KNOWS")) == 0x8C


@BOTH
def test_mqtt_3_1_4_3_a_second_connection_takes_over(mqtt, name, version):
    with Raw.join(mqtt, name, version) as first:
        first.ping()
        with Raw.join(mqtt, name, version) as second:
            assert first.closed() == (0x8E if version == V5 else None)
            second.ping()


@BOTH
def test_mqtt_3_1_4_3_a_take_over_keeps_the_session(mqtt, name, version):
    kept = {"session_expiry": 100} if version == V5 else {}
    with Raw.join(mqtt, name, version, clean=False, **kept) as first, Raw.join(mqtt, f"p{name}") as publisher:
        first.subscribe(name)
        with Raw.join(mqtt, name, version, clean=False, **kept) as second:
            assert second.connack.session_present
            assert first.closed() == (0x8E if version == V5 else None)
            publisher.publish(name, "after")
            second.message("after")


def test_mqtt_3_1_4_4_clean_start_ends_the_session(mqtt, name):
    with Raw.join(mqtt, name, session_expiry=100) as client:
        client.subscribe(name)
        client.disconnect()
    with Raw.join(mqtt, name, session_expiry=100) as client, Raw.join(mqtt) as publisher:
        assert not client.connack.session_present
        publisher.publish(name, "unwanted")
        client.subscribe(f"{name}/2")
        publisher.publish(f"{name}/2", "marker")
        client.message("marker")


def test_mqtt_3_1_4_6_what_follows_a_refused_connect_is_not_processed(mqtt, name):
    with Raw.join(mqtt) as witness:
        witness.subscribe(f"{name}/#")
        late = packet(PUBLISH, text(f"{name}/late") + b"\0no")
        # It breaks a rule itself: nothing but AUTH may follow such a CONNECT [MQTT-3.1.2-30].
        assert refused(mqtt, connect("x", V5, auth_method="NOBODY-KNOWS") + late) in (0x82, 0x8C)
        witness.publish(f"{name}/marker", "m", qos=0)
        witness.message("m")


@BOTH
def test_packets_may_follow_connect_at_once(mqtt, name, version):
    """A client need not wait for CONNACK; it is the first answer nevertheless [MQTT-3.2.0-1]."""
    with Raw(mqtt, version) as client:
        more = b"\0" if version == V5 else b""
        subscribe = packet(SUBSCRIBE, b"\0\1" + more + text(name) + b"\1", 2)
        publish = packet(PUBLISH, text(name) + b"\0\2" + more + b"x", 2)
        client.send(connect(name, version) + subscribe + publish + packet(PINGREQ, b""))
        assert client.expect(CONNACK).reason == 0
        kinds = set()
        # SUBACK, PUBACK, PINGRESP, in some order. A message that was published before SUBACK may come.
        while not {4, 9, 13} <= kinds:
            it = client.next()
            assert it.kind in (3, 4, 9, 13) and it.kind not in kinds, it
            kinds.add(it.kind)


def test_mqtt_3_2_0_2_there_is_one_connack(mqtt, name):
    with Raw.join(mqtt, name) as client:
        client.ping()
        client.publish(name, "x", qos=2)
        client.ping()


def test_mqtt_3_2_2_2_and_3_session_present_tells_the_truth(mqtt, name):
    steps = [
        # clean start, expiry, session present
        (False, 100, False), (False, 100, True), (True, 100, False), (False, 0, True), (False, 100, False), (False, 0, True), (True, 0, False), (False, 0, False),
    ]
    for clean, expiry, present in steps:
        with Raw.join(mqtt, name, clean=clean, session_expiry=expiry) as client:
            assert client.connack.session_present is present, (clean, expiry)
            client.disconnect()


@pytest.mark.parametrize("version", [V31, V311])
def test_mqtt311_3_2_2_1_to_3_session_present_of_version_3(mqtt, name, version):
    name = name[-20:]
    for clean, present in [(False, False), (False, True), (True, False), (False, False), (False, True)]:
        with Raw.join(mqtt, name, version, clean=clean) as client:
            assert client.connack.session_present is (present and version != V31)
            client.disconnect()


def test_mqtt_3_2_2_17_what_the_server_allows_is_told(mqtt):
    with Raw.join(mqtt, keep_alive=10) as client:
        told = client.connack.properties
        assert told["receive_maximum"] >= 1 and told["packet_maximum"] >= 1 << 16 and told["alias_maximum"] >= 1
        # Everything is supported, and that is what silence means.
        for name in ("maximum_qos", "retain_available", "wildcards", "subscription_ids", "shared"):
            assert told.get(name, 1) in (1, 2), name
        assert "server_keep_alive" not in told and "session_expiry" not in told


def test_mqtt_3_2_2_21_no_keep_alive_is_answered_with_the_server_s(mqtt):
    with Raw.join(mqtt, keep_alive=0) as client:
        assert client.connack.properties["server_keep_alive"] > 0


def test_a_longer_session_expiry_is_cut(mqtt, name):
    with Raw.join(mqtt, name, session_expiry=0xFFFF_FFFF) as client:
        assert 0 < client.connack.properties["session_expiry"] < 0xFFFF_FFFF
        client.disconnect(session_expiry=0)


@BOTH
def test_mqtt_3_1_2_22_a_silent_client_is_gone_after_one_and_a_half_intervals(mqtt, name, version):
    began = time.monotonic()
    with Raw.join(mqtt, name, version, keep_alive=1) as client:
        assert client.closed() == (0x8D if version == V5 else None)
        assert time.monotonic() - began >= 1.4


def test_mqtt_3_1_2_22_pings_keep_a_client(mqtt, name):
    with Raw.join(mqtt, name, keep_alive=1) as client:
        end = time.monotonic() + 2.5
        # The interval itself is the subject: nothing but its end is awaited.
        while (left := end - time.monotonic()) > 0:
            client.ping()
            with pytest.raises(AssertionError, match="nothing within"):
                client.next(within=min(left, 0.5))
        client.ping()


@BOTH
def test_mqtt_3_12_4_1_ping_is_answered(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        client.send(packet(PINGREQ, b"") * 3)
        for _ in range(3):
            client.expect(PINGRESP)


@BOTH
def test_mqtt_3_14_1_1_reserved_flags_of_disconnect(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        client.send(packet(DISCONNECT, b"", 1))
        assert client.closed() == (0x81 if version == V5 else None)


def test_mqtt_3_14_2_1_disconnect_with_a_reason_of_another_packet(mqtt, name):
    with Raw.join(mqtt, name) as client:
        client.send(packet(DISCONNECT, b"\x03"))
        assert client.closed() in (0x81, 0x82)


def test_mqtt_3_14_4_2_after_disconnect_the_server_closes(mqtt, name):
    for reason in (0x00, 0x04, 0x80, 0x8B):
        with Raw.join(mqtt, name) as client:
            client.disconnect(reason)


def test_a_session_that_ends_with_its_connection_cannot_be_prolonged(mqtt, name):
    """[3.14.2.2.2]: an expiry other than 0 after one of 0 is a protocol error."""
    with Raw.join(mqtt, name) as client:
        client.send(packet(DISCONNECT, b"\0" + properties(session_expiry=10)))
        assert client.closed() == 0x82


def test_disconnect_changes_the_session_expiry(mqtt, name):
    with Raw.join(mqtt, name, session_expiry=100) as client:
        client.disconnect(session_expiry=0)
    with Raw.join(mqtt, name, clean=False, session_expiry=1) as client:
        assert not client.connack.session_present
        client.disconnect(session_expiry=100)
    with Raw.join(mqtt, name, clean=False) as client:
        assert client.connack.session_present


def test_mqtt_3_15_1_1_an_auth_that_nobody_asked_for(mqtt, name):
    with Raw.join(mqtt, name) as client:
        client.send(packet(AUTH, b"\x19" + properties(auth_method="X")))
        assert client.closed() == 0x82
    with Raw.join(mqtt, name) as client:
        client.send(packet(AUTH, b"", 1))
        assert client.closed() == 0x81


def test_an_auth_of_version_3_is_malformed(mqtt, name):
    with Raw.join(mqtt, name, V311) as client:
        client.send(packet(AUTH, b""))
        assert client.closed() is None


@BOTH
@pytest.mark.parametrize("kind", [0, 2, 9, 11, 13])
def test_mqtt_4_13_1_1_packets_that_a_client_does_not_send(mqtt, name, version, kind):
    with Raw.join(mqtt, name, version) as client:
        client.send(packet(kind, b"\0\1\0"))
        said = client.closed()
        assert said in (0x81, 0x82) if version == V5 else said is None


@BOTH
def test_mqtt_1_5_5_1_a_length_of_five_bytes(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        client.send(b"\x30\xff\xff\xff\xff\x01")
        assert client.closed() == (0x81 if version == V5 else None)


def test_mqtt_3_2_2_15_a_packet_beyond_the_maximum_ends_the_connection_early(mqtt, name):
    with Raw.join(mqtt, name) as client:
        # Only its head: the server need not wait for what it will not take.
        client.send(b"\x30" + b"\xff\xff\xff\x7f")
        assert client.closed() == 0x95


def test_mqtt_4_2_0_1_a_packet_in_single_bytes(mqtt, name):
    with Raw(mqtt) as client:
        for byte in connect(name):
            client.send(bytes([byte]))
        assert client.expect(CONNACK).reason == 0
        client.subscribe(name)
        whole = packet(PUBLISH, text(name) + b"\0\x09" + b"\0" + b"slow", 2)
        for byte in whole:
            client.send(bytes([byte]))
        kinds = {client.next().kind, client.next().kind}
        assert kinds == {3, 4}
