"""PUBLISH both ways, acknowledgements, retained messages: the standard's statements by number."""

import time

import pytest

from mqtt_raw import (
    PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, V5, V311, Raw, packet, text,
)

BOTH = pytest.mark.parametrize("version", [V311, V5])
QOS = pytest.mark.parametrize("qos", [0, 1, 2])
# Subscription options beside the QoS.
NO_LOCAL, AS_PUBLISHED, RETAINED_IF_NEW, RETAINED_NEVER = 4, 8, 0x10, 0x20


def kept(version):
    return {"clean": False, **({"session_expiry": 600} if version == V5 else {})}


@BOTH
@pytest.mark.parametrize("granted", [0, 1, 2])
@QOS
def test_mqtt_3_8_4_8_delivery_has_the_lower_qos_of_both(mqtt, name, version, qos, granted):
    with Raw.join(mqtt, name, version) as client:
        assert client.subscribe((name, granted)).reasons == [granted]
        with Raw.join(mqtt, f"p{name}", version) as publisher:
            publisher.publish(name, "x", qos)
        it = client.message("x", topic=name, qos=min(qos, granted), dup=False, retain=False)
        assert it.properties == {}


@BOTH
def test_mqtt_3_3_4_1_each_qos_has_its_answer(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        client.start_publish(name, "0")
        client.ping()
        client.start_publish(name, "1", 1, id=17)
        client.expect(PUBACK, id=17)
        client.start_publish(name, "2", 2, id=18)
        client.expect(PUBREC, id=18)
        client.acknowledge(PUBREL, 18)
        client.expect(PUBCOMP, id=18)


@BOTH
def test_mqtt_2_2_1_3_a_packet_id_of_0(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        client.send(packet(PUBLISH, text(name) + b"\0\0" + client.properties({}), 2))
        said = client.closed()
        assert said in (0x81, 0x82) if version == V5 else said is None


@BOTH
@pytest.mark.parametrize("topic", [b"a/+", b"#", b"a/#/b", b"", b"a\x00b", b"\xc0\x80", b"\xed\xa0\x80"])
def test_mqtt_3_3_2_1_and_2_topics_that_are_none(mqtt, name, version, topic):
    with Raw.join(mqtt, name, version) as client:
        client.send(packet(PUBLISH, text(topic) + client.properties({})))
        said = client.closed()
        assert said in (0x81, 0x82, 0x90) if version == V5 else said is None


@BOTH
def test_mqtt_1_5_4_3_a_byte_order_mark_stays(mqtt, name, version):
    topic = f"{name}/\ufeffa\ufeff"
    with Raw.join(mqtt, name, version) as client:
        client.subscribe(topic)
        client.publish(topic, "bom")
        client.message("bom", topic=topic)


@BOTH
def test_mqtt_3_3_1_2_dup_with_qos_0(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        client.send(packet(PUBLISH, text(name) + client.properties({}), 8))
        assert client.closed() == (0x81 if version == V5 else None)


@BOTH
def test_mqtt_3_3_1_4_there_is_no_qos_3(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        client.send(packet(PUBLISH, text(name) + b"\0\1" + client.properties({}), 6))
        assert client.closed() == (0x81 if version == V5 else None)


@BOTH
def test_mqtt_3_3_1_3_dup_is_not_passed_on(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        client.subscribe(name)
        client.start_publish(name, "x", 1, dup=True, id=5)
        kinds = {}
        for _ in range(2):
            it = client.next()
            kinds[it.kind] = it
        assert not kinds[PUBLISH].dup and PUBACK in kinds


@BOTH
def test_mqtt_4_3_2_5_an_id_that_was_acknowledged_is_a_new_message(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client, Raw.join(mqtt, f"p{name}", version) as publisher:
        client.subscribe(name)
        for payload in ("1", "2"):
            publisher.start_publish(name, payload, 1, id=7, dup=payload == "2")
            publisher.expect(PUBACK, id=7)
        client.message("1")
        client.message("2")


@BOTH
def test_mqtt_4_3_3_10_a_repeated_qos_2_publish_is_delivered_once(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client, Raw.join(mqtt, f"p{name}", version) as publisher:
        client.subscribe(name)
        for dup in (False, True, True):
            publisher.start_publish(name, "once", 2, id=7, dup=dup)
            publisher.expect(PUBREC, id=7)
        publisher.acknowledge(PUBREL, 7)
        publisher.expect(PUBCOMP, id=7)
        # [MQTT-4.3.3-12]: after PUBCOMP the id is a new message's.
        publisher.publish(name, "next", 2, id=7)
        client.message("once")
        client.message("next")


@BOTH
def test_mqtt_4_3_3_10_also_on_a_new_connection(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        client.subscribe(name)
        with Raw.join(mqtt, f"p{name}", version, **kept(version)) as publisher:
            publisher.start_publish(name, "once", 2, id=7)
            publisher.expect(PUBREC, id=7)
        with Raw.join(mqtt, f"p{name}", version, **kept(version)) as publisher:
            assert publisher.connack.session_present
            publisher.start_publish(name, "once", 2, id=7, dup=True)
            publisher.expect(PUBREC, id=7)
            publisher.acknowledge(PUBREL, 7)
            publisher.expect(PUBCOMP, id=7)
            publisher.publish(name, "marker", 2)
        client.message("once")
        client.message("marker")


@BOTH
def test_mqtt_4_3_3_11_every_pubrel_is_answered(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        client.acknowledge(PUBREL, 99)
        # Nobody knows the id: not found, and done.
        assert client.expect(PUBCOMP, id=99).reason == (0x92 if version == V5 else 0)
        client.start_publish(name, "x", 2, id=1)
        client.expect(PUBREC)
        client.acknowledge(PUBREL, 1)
        assert client.expect(PUBCOMP).reason == 0
        client.acknowledge(PUBREL, 1)
        assert client.expect(PUBCOMP).reason == (0x92 if version == V5 else 0)


@BOTH
def test_mqtt_3_6_1_1_flags_of_pubrel(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        client.send(packet(PUBREL, b"\0\1", 0))
        assert client.closed() == (0x81 if version == V5 else None)


@BOTH
def test_mqtt_4_6_0_2_answers_come_in_order(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        for id in range(1, 301):
            client.start_publish(f"{name}/{id % 7}", str(id), 1 + id % 2, id=id)
        for id in range(1, 301):
            client.expect(PUBREC if id % 2 else PUBACK, id=id)


@BOTH
def test_mqtt_4_6_0_5_messages_of_one_client_keep_their_order(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client, Raw.join(mqtt, f"p{name}", version) as publisher:
        client.subscribe(f"{name}/#")
        for number in range(200):
            publisher.start_publish(f"{name}/t", str(number), 1)
        for _ in range(200):
            publisher.expect(PUBACK)
        for number in range(200):
            client.message(str(number))


@BOTH
def test_mqtt_4_3_3_4_to_6_qos_2_to_a_client(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        client.subscribe(name)
        with Raw.join(mqtt, f"p{name}", version) as publisher:
            publisher.publish(name, "x", 2)
        it = client.unanswered("x", qos=2, dup=False)
        client.acknowledge(PUBREC, it.id)
        client.expect(PUBREL, id=it.id)
        # Before PUBCOMP it may be said again, and is answered again.
        client.acknowledge(PUBREC, it.id)
        client.expect(PUBREL, id=it.id)
        client.acknowledge(PUBCOMP, it.id)
        client.acknowledge(PUBREC, it.id)
        assert client.expect(PUBREL, id=it.id).reason == (0x92 if version == V5 else 0)


@BOTH
def test_mqtt_4_4_0_1_what_is_not_acknowledged_is_sent_again(mqtt, name, version):
    with Raw.join(mqtt, f"p{name}", version) as publisher:
        with Raw.join(mqtt, name, version, **kept(version)) as client:
            client.subscribe(name)
            for number, qos in enumerate((1, 2, 2, 1)):
                publisher.publish(name, str(number), qos)
            # The order holds among those of one QoS.
            first = {int(it.payload): it for it in (client.unanswered(dup=False) for _ in range(4))}
            assert list(first).index(0) < list(first).index(3) and list(first).index(1) < list(first).index(2)
            assert len({it.id for it in first.values()}) == 4
            # The third is received, the first is done; what is left: 1, release of 2, 3.
            client.acknowledge(PUBREC, first[2].id)
            client.expect(PUBREL, id=first[2].id)
            client.acknowledge(PUBACK, first[0].id)
            client.ping()
        with Raw.join(mqtt, name, version, **kept(version)) as client:
            assert client.connack.session_present
            again = [client.next() for _ in range(3)]
            published = [it for it in again if it.kind == PUBLISH]
            released = [it for it in again if it.kind == PUBREL]
            assert sorted((it.payload, it.id, it.dup, it.qos) for it in published) == [
                (b"1", first[1].id, True, 2), (b"3", first[3].id, True, 1)]
            assert [it.id for it in released] == [first[2].id]
            client.acknowledge(PUBCOMP, first[2].id)
            client.acknowledge(PUBACK, first[3].id)
            client.acknowledge(PUBREC, first[1].id)
            client.expect(PUBREL, id=first[1].id)
            client.acknowledge(PUBCOMP, first[1].id)
            client.ping()
            client.disconnect()
        with Raw.join(mqtt, name, version, **kept(version)) as client:
            publisher.publish(name, "new", 1)
            client.message("new", dup=False)


def test_mqtt_4_4_0_2_a_refused_delivery_is_not_repeated(mqtt, name):
    with Raw.join(mqtt, f"p{name}") as publisher:
        with Raw.join(mqtt, name, **kept(V5)) as client:
            client.subscribe(name)
            for payload, qos in (("1", 1), ("2", 2)):
                publisher.publish(name, payload, qos)
                it = client.unanswered(payload)
                client.acknowledge(PUBACK if qos == 1 else PUBREC, it.id, 0x80, reason_text="no")
            client.ping()
        with Raw.join(mqtt, name, **kept(V5)) as client:
            publisher.publish(name, "3")
            client.message("3")


def test_mqtt_3_3_4_7_more_than_the_receive_maximum(mqtt, name):
    with Raw.join(mqtt, name) as client:
        most = client.connack.properties["receive_maximum"]
        for id in range(1, most + 1):
            client.start_publish(name, "x", 2, id=id)
        for id in range(1, most + 1):
            client.expect(PUBREC, id=id)
        client.start_publish(name, "x", 2, id=most + 1)
        assert client.closed() == 0x93


@pytest.mark.parametrize("qos", [1, 2])
def test_mqtt_3_3_4_9_no_more_than_the_client_s_receive_maximum(mqtt, name, qos):
    with Raw.join(mqtt, name, receive_maximum=3) as client, Raw.join(mqtt, f"p{name}") as publisher:
        client.subscribe(name)
        for number in range(6):
            publisher.publish(name, str(number), qos)
        first = [client.unanswered(str(number)) for number in range(3)]
        # [MQTT-3.3.4-10]: only PUBLISH waits.
        client.ping()
        client.subscribe(f"{name}/other")
        if qos == 2:
            client.acknowledge(PUBREC, first[0].id)
            client.expect(PUBREL)
            client.ping()
            client.acknowledge(PUBCOMP, first[0].id)
        else:
            client.acknowledge(PUBACK, first[0].id)
        client.unanswered("3")
        client.ping()


def test_mqtt_3_1_2_24_what_is_larger_than_the_client_takes_is_not_sent(mqtt, name):
    with Raw.join(mqtt, name, packet_maximum=200) as client, Raw.join(mqtt, f"p{name}") as publisher:
        client.subscribe(name[:20] + "/#")
        for qos in (0, 1, 2):
            publisher.publish(name[:20] + "/1", "x" * 300, qos)
        publisher.publish(name[:20] + "/2", "small")
        # [MQTT-3.1.2-25]: as if it had been delivered.
        client.message("small")


# -- Retained messages.


@BOTH
@QOS
def test_mqtt_3_3_1_5_a_retained_message_waits_for_subscribers(mqtt, name, version, qos):
    with Raw.join(mqtt, f"p{name}", version) as publisher:
        for payload in ("old", "new"):
            publisher.publish(name, payload, qos, retain=True)
        # What was published without an answer is there when somebody has heard it.
        if qos == 0:
            publisher.publish(f"{name}/marker", "m", 1)
        with Raw.join(mqtt, name, version) as client:
            client.subscribe(name)
            client.message("new", retain=True, qos=qos)
            client.ping()


@BOTH
def test_mqtt_3_3_1_6_and_7_an_empty_retained_message_removes(mqtt, name, version):
    with Raw.join(mqtt, name, version) as witness, Raw.join(mqtt, f"p{name}", version) as publisher:
        witness.subscribe(f"{name}/#")
        publisher.publish(f"{name}/1", "x", retain=True)
        publisher.publish(f"{name}/2", "y", retain=True)
        publisher.publish(f"{name}/1", "", retain=True)
        witness.message("x", retain=False)
        witness.message("y", retain=False)
        # It is a message like any other to who is there already.
        witness.message("", topic=f"{name}/1", retain=False)
        with Raw.join(mqtt, f"c{name}", version) as client:
            client.subscribe(f"{name}/#")
            client.message("y", retain=True)
            publisher.publish(f"{name}/1", "marker")
            client.message("marker", retain=False)


@BOTH
def test_mqtt_3_3_1_8_an_unretained_message_leaves_the_retained_one(mqtt, name, version):
    with Raw.join(mqtt, f"p{name}", version) as publisher:
        publisher.publish(name, "kept", retain=True)
        publisher.publish(name, "passing")
        publisher.publish(name, "")
        with Raw.join(mqtt, name, version) as client:
            client.subscribe(name)
            client.message("kept", retain=True)
            publisher.publish(name, "marker")
            client.message("marker", retain=False)


@BOTH
def test_mqtt_3_3_1_9_every_subscribe_gets_all_that_match(mqtt, name, version):
    with Raw.join(mqtt, f"p{name}", version) as publisher, Raw.join(mqtt, name, version) as client:
        topics = {f"{name}/{level}" for level in ("a", "b/c", "/", "$x")}
        for topic in topics | {name}:
            publisher.publish(topic, topic, retain=True)
        for _ in range(2):
            client.subscribe(f"{name}/#")
            got = [client.message(retain=True) for _ in range(5)]
            assert {it.topic for it in got} == topics | {name} == {it.payload.decode() for it in got}
        client.subscribe(f"{name}/+")
        assert {client.message(retain=True).topic for _ in range(2)} == {f"{name}/a", f"{name}/$x"}
        client.ping()


def test_mqtt_3_3_1_10_and_11_retain_handling(mqtt, name):
    with Raw.join(mqtt, f"p{name}") as publisher, Raw.join(mqtt, name) as client:
        publisher.publish(name, "kept", retain=True)
        client.subscribe((name, 2 | RETAINED_NEVER))
        client.subscribe((name, 2 | RETAINED_IF_NEW))
        publisher.publish(f"{name}", "live")
        client.message("live")
        client.unsubscribe(name)
        client.subscribe((name, 2 | RETAINED_IF_NEW))
        client.message("kept", retain=True)


def test_mqtt_3_3_1_12_and_13_retain_as_published(mqtt, name):
    with Raw.join(mqtt, f"p{name}") as publisher, Raw.join(mqtt, name) as client, Raw.join(mqtt, f"c{name}") as plain:
        client.subscribe((name, 2 | AS_PUBLISHED))
        plain.subscribe((name, 2))
        for qos in (0, 1, 2):
            for retain in (True, False):
                publisher.publish(name, f"{qos}{retain}", qos, retain=retain)
                client.message(f"{qos}{retain}", retain=retain)
                plain.message(f"{qos}{retain}", retain=False)


def test_retained_messages_come_after_suback(mqtt, name):
    with Raw.join(mqtt, f"p{name}") as publisher, Raw.join(mqtt, name) as client:
        publisher.publish(name, "kept", retain=True)
        # `subscribe` wants SUBACK first.
        client.subscribe(name)
        client.message("kept")


# -- Properties.


@QOS
def test_mqtt_3_3_2_15_to_20_properties_are_passed_on_unaltered(mqtt, name, qos):
    given = {
        "payload_format": 1, "content_type": "text/plain; charset=utf-8", "response_topic": "answers/here", "correlation": bytes(range(256)),
        "user": [("b", "1"), ("a", "2"), ("b", "1"), ("", "")],
    }
    with Raw.join(mqtt, f"p{name}") as publisher, Raw.join(mqtt, name) as client:
        client.subscribe(name)
        publisher.publish(name, "ä", qos, retain=True, **given)
        assert client.message("ä").properties == given
        publisher.publish(f"{name}/marker", "m", 1)
        client.subscribe(name)
        assert client.message("ä", retain=True).properties == given


def test_a_content_type_that_is_no_media_type_is_passed_on(mqtt, name):
    with Raw.join(mqtt, name) as client:
        client.subscribe((name, 0))
        client.publish(name, "x", 0, content_type="a name of ours")
        assert client.message("x").properties == {"content_type": "a name of ours"}


def test_mqtt_3_3_2_14_a_response_topic_has_no_wildcards(mqtt, name):
    with Raw.join(mqtt, name) as client:
        client.start_publish(name, "x", response_topic="a/#")
        assert client.closed() in (0x81, 0x82, 0x90)


def test_a_payload_that_is_not_the_text_it_says_it_is(mqtt, name):
    with Raw.join(mqtt, name) as client:
        assert client.publish(name, b"\xff", 1, payload_format=1).reason == 0x99
        assert client.publish(name, b"\xff", 2, payload_format=1).reason == 0x99


def test_mqtt_3_3_2_5_and_6_messages_expire(mqtt, name):
    with Raw.join(mqtt, name, **kept(V5)) as client:
        client.subscribe(name)
        client.disconnect()
    with Raw.join(mqtt, f"p{name}") as publisher:
        publisher.publish(name, "short", expiry=1)
        publisher.publish(name, "long", expiry=1000)
        began = time.monotonic()
        # Until it has expired for certain: a retained one, seen by new subscribers until it is gone.
        publisher.publish(f"{name}/r", "retained", retain=True, expiry=1)
        while gets_retained(mqtt, f"{name}/r"):
            assert time.monotonic() - began < 20
        assert time.monotonic() - began >= 0.9
    with Raw.join(mqtt, name, **kept(V5)) as client:
        it = client.message("long")
        assert 900 < it.properties["expiry"] < 1000
        client.ping()


def gets_retained(address, topic):
    with Raw.join(address) as client:
        client.subscribe(topic)
        client.publish(topic, "marker")
        # What is retained comes before what is published after the subscription.
        return client.message().retain


def test_mqtt_3_3_4_6_a_subscription_identifier_of_a_client(mqtt, name):
    with Raw.join(mqtt, name) as client:
        client.start_publish(name, "x", subscription_id=1)
        assert client.closed() == 0x82


# -- Topic aliases.


def test_mqtt_3_3_2_12_all_aliases_up_to_the_maximum(mqtt, name):
    with Raw.join(mqtt, name) as client, Raw.join(mqtt, f"s{name}") as subscriber:
        subscriber.subscribe(f"{name}/#")
        most = client.connack.properties["alias_maximum"]
        for alias in range(1, most + 1):
            client.publish(f"{name}/{alias}", "named", alias=alias)
        for alias in range(1, most + 1):
            client.publish("", "by alias", alias=alias)
        # An alias can be given to another topic.
        client.publish(f"{name}/other", "named", alias=1)
        client.publish("", "by alias", 2, alias=1)
        for payload in ("named", "by alias"):
            for alias in range(1, most + 1):
                subscriber.message(payload, topic=f"{name}/{alias}")
        subscriber.message("named", topic=f"{name}/other")
        subscriber.message("by alias", topic=f"{name}/other")


def test_mqtt_3_3_2_7_aliases_end_with_the_connection(mqtt, name):
    with Raw.join(mqtt, name, **kept(V5)) as client:
        client.publish(name, "x", alias=1)
    with Raw.join(mqtt, name, **kept(V5)) as client:
        client.start_publish("", "x", alias=1)
        assert client.closed() == 0x82


def test_mqtt_3_3_2_8_and_9_aliases_that_are_not_allowed(mqtt, name):
    with Raw.join(mqtt, name) as client:
        most = client.connack.properties["alias_maximum"]
    for alias in (0, most + 1, 65_535):
        with Raw.join(mqtt, name) as client:
            client.start_publish(name, "x", alias=alias)
            assert client.closed() == 0x94
    with Raw.join(mqtt, name) as client:
        client.start_publish("", "x", alias=1)
        assert client.closed() == 0x82


@pytest.mark.parametrize("most", [0, 2])
def test_mqtt_3_3_2_11_the_server_uses_no_more_aliases_than_allowed(mqtt, name, most):
    with Raw.join(mqtt, name, **({"alias_maximum": most} if most else {})) as client, Raw.join(mqtt, f"p{name}") as publisher:
        client.subscribe(f"{name}/#")
        topics = [f"{name}/{number // 5}" for number in range(20)]
        for topic in topics:
            publisher.publish(topic, topic)
        known, used = {}, 0
        for topic in topics:
            it = client.message()
            if alias := it.properties.get("alias"):
                assert 1 <= alias <= most
                used += not it.topic
                known[alias] = it.topic or known[alias]
                it.topic = known[alias]
            assert it.topic == topic == it.payload.decode()
        assert (used > 0) is (most > 0)


# -- What nobody may write.


@pytest.mark.parametrize("topic", ["$SYS/x", "$spica/x", "audit/x", "system/x", "mqtt/sessions/x/session", "devices/x"])
def test_topics_of_the_node_are_not_written(mqtt, name, topic):
    with Raw.join(mqtt, name) as client:
        assert client.publish(topic, "x", 1).reason == 0x87
        assert client.publish(topic, "x", 2).reason == 0x87
        client.ping()


def test_version_3_ends_with_a_publish_that_it_cannot_refuse(mqtt, name):
    """[MQTT-3.3.5-2] of 3.1.1: an acknowledgement, or an end. It gets none for what is not kept."""
    with Raw.join(mqtt, name, V311) as client, Raw.join(mqtt, f"w{name}") as witness:
        witness.subscribe("$SYS/nobody/#", "$spica/mqtt/nobody/#", name)
        client.start_publish("$SYS/nobody/x", "x", 1)
        assert client.closed() is None
        witness.publish(name, "marker", 1)
        witness.message("marker")


def test_mqtt_4_3_3_7_what_was_sent_does_not_expire(mqtt, name):
    with Raw.join(mqtt, f"p{name}") as publisher:
        with Raw.join(mqtt, name, **kept(V5)) as client:
            client.subscribe(name)
            publisher.publish(name, "x", 2, expiry=1)
            sent = client.unanswered("x")
            publisher.publish(f"{name}/r", "retained", retain=True, expiry=1)
            end = time.monotonic() + 20
            while gets_retained(mqtt, f"{name}/r"):
                assert time.monotonic() < end
        with Raw.join(mqtt, name, **kept(V5)) as client:
            it = client.unanswered("x", dup=True)
            assert it.id == sent.id
            client.acknowledge(PUBREC, it.id)
            client.expect(PUBREL, id=it.id)


def test_mqtt_3_1_2_29_no_reason_texts_if_they_are_not_wanted(mqtt, name):
    for wanted in (True, False):
        with Raw.join(mqtt, name, problem_information=int(wanted)) as client:
            for qos in (1, 2):
                refused = client.publish("$SYS/x", "x", qos)
                assert refused.reason == 0x87
                if not wanted:
                    assert refused.properties == {}


def test_a_live_message_wakes_the_router(mqtt, name):
    """The router's thread naps for a quarter of a second when there is nothing to do: no message may
    wait for its end."""
    with Raw.join(mqtt, name) as client, Raw.join(mqtt, f"p{name}") as publisher:
        client.subscribe((name, 1))
        began = time.monotonic()
        for number in range(40):
            publisher.publish(name, str(number))
            client.message(str(number))
        assert time.monotonic() - began < 40 * 0.2
