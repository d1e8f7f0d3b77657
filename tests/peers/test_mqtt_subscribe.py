"""SUBSCRIBE, UNSUBSCRIBE, filters, shared subscriptions: the standard's statements by number."""

import pytest

from mqtt_raw import (
    PINGREQ, PINGRESP, PUBACK, PUBLISH, PUBREC, SUBACK, SUBSCRIBE, UNSUBSCRIBE, V5, V311, Raw, packet, properties, text,
)

BOTH = pytest.mark.parametrize("version", [V311, V5])
NO_LOCAL, RETAINED_NEVER = 4, 0x20
KEPT = {"clean": False, "session_expiry": 600}


def said(version, *codes):
    """What the end is expected to say."""
    return codes if version == V5 else (None,)


@BOTH
def test_mqtt_3_8_4_1_to_7_suback_answers_each_filter(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        id = client.start_subscribe((f"{name}/a", 2), (f"{name}/b", 0), (f"{name}/#", 1), (f"{name}/a", 0), id=513)
        answer = client.expect(SUBACK, id=id)
        assert answer.reasons == [2, 0, 1, 0]
        # The last of two equal filters counts [MQTT-3.8.4-5].
        client.publish(f"{name}/b", "x", 2)
        client.message("x", qos=1)


@BOTH
def test_mqtt_3_8_1_1_flags_of_subscribe(mqtt, name, version):
    for flags in (0, 3):
        with Raw.join(mqtt, name, version) as client:
            client.send(packet(SUBSCRIBE, b"\0\1" + client.properties({}) + text("a") + b"\0", flags))
            assert client.closed() in said(version, 0x81)


@BOTH
def test_mqtt_3_10_1_1_flags_of_unsubscribe(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        client.send(packet(UNSUBSCRIBE, b"\0\1" + client.properties({}) + text("a"), 0))
        assert client.closed() in said(version, 0x81)


@BOTH
@pytest.mark.parametrize("kind", [SUBSCRIBE, UNSUBSCRIBE])
def test_mqtt_3_8_3_2_and_3_10_3_2_a_request_without_filters(mqtt, name, version, kind):
    with Raw.join(mqtt, name, version) as client:
        client.send(packet(kind, b"\0\1" + client.properties({}), 2))
        assert client.closed() in said(version, 0x81, 0x82)


@BOTH
def test_mqtt_3_8_3_1_and_3_10_3_1_filters_are_utf8(mqtt, name, version):
    for kind, end in ((SUBSCRIBE, b"\0"), (UNSUBSCRIBE, b"")):
        with Raw.join(mqtt, name, version) as client:
            client.send(packet(kind, b"\0\1" + client.properties({}) + text(b"a\xff") + end, 2))
            assert client.closed() in said(version, 0x81)


@BOTH
def test_mqtt_3_8_3_5_reserved_bits_of_the_options(mqtt, name, version):
    for bits in (3, 0x40, 0x80, 0x30) if version == V5 else (3, 4, 0x10, 0x80):
        with Raw.join(mqtt, name, version) as client:
            client.send(packet(SUBSCRIBE, b"\0\1" + client.properties({}) + text("a") + bytes([bits]), 2))
            assert client.closed() in said(version, 0x81, 0x82), bits


@BOTH
def test_mqtt_2_2_1_3_a_request_with_the_packet_id_0(mqtt, name, version):
    for kind, end in ((SUBSCRIBE, b"\0"), (UNSUBSCRIBE, b"")):
        with Raw.join(mqtt, name, version) as client:
            client.send(packet(kind, b"\0\0" + client.properties({}) + text("a") + end, 2))
            assert client.closed() in said(version, 0x81, 0x82)


@BOTH
@pytest.mark.parametrize("filter", ["a#", "a/#/b", "#/", "a+", "+a/b", "a/b+", "", "a\0", "##", "++"])
def test_mqtt_4_7_1_1_and_2_filters_that_are_none(mqtt, name, version, filter):
    with Raw.join(mqtt, name, version) as client:
        client.start_subscribe((filter, 0))
        try:
            it = client.next()
        except Exception as closed:  # noqa: BLE001 - version 3 just ends
            assert version == V311, closed
            return
        if it.kind == SUBACK:
            assert it.reasons == [0x8F if version == V5 else 0x80]
            client.ping()
        else:
            assert it.reason in (0x81, 0x82, 0x8F)


@BOTH
def test_mqtt_4_7_1_1_and_2_wildcards_match_whole_levels(mqtt, name, version):
    cases = {
        "a/b": (["a/b", "a/+", "+/b", "a/#", "#", "+/+", "a/b/#", "+/#"], ["a", "a/b/+", "a/b/c", "+", "/a/b", "A/b", "a/b/"]),
        "a": (["a", "+", "#", "a/#", "+/#"], ["a/+", "/+", "/a"]),
        "/a": (["/a", "/+", "+/a", "+/+", "/#", "#"], ["a", "+"]),
        "a//b": (["a//b", "a/+/b", "a/+/+", "+/+/+"], ["a/b", "a/+"]),
        "a/": (["a/", "a/+", "a/#", "a//#"], ["a"]),
    }
    with Raw.join(mqtt, name, version) as client, Raw.join(mqtt, f"p{name}") as publisher:
        for topic, (matching, others) in cases.items():
            for filter in matching + others:
                client.subscribe((f"{name}/{filter}", 1))
                publisher.publish(f"{name}/{topic}", filter)
                if filter in matching:
                    client.message(filter, topic=f"{name}/{topic}")
                client.unsubscribe(f"{name}/{filter}")


@BOTH
def test_mqtt_4_7_2_1_wildcards_do_not_match_the_node_s_own_topics(mqtt, mqtt_hub, name, version):
    with Raw.join(mqtt, name, version) as client:
        client.subscribe(("#", 1 if version == V311 else 1 | RETAINED_NEVER), ("+/mqtt/#", 1))
        # What a kept session writes below `$spica/mqtt`.
        with Raw.join(mqtt, f"k{name}", **KEPT) as other:
            other.subscribe(name)
            other.publish(f"{name}/marker", "here it is", 0)
        while (it := client.message()).payload != b"here it is":
            assert not it.topic.startswith("$"), it


@BOTH
def test_mqtt_4_7_3_4_topics_are_compared_as_bytes(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client:
        # One letter in two forms, in two cases, with and without blanks.
        for topic in ("\u00c5", "A\u030a", "\u00e5", "a", "A", " a", "a "):
            client.subscribe((f"{name}/{topic}", 0))
            for other in ("\u00c5", "A\u030a", "\u00e5", "a", "A", " a", "a "):
                client.publish(f"{name}/{other}", topic, 0)
            client.message(topic, topic=f"{name}/{topic}")
            client.ping()
            client.unsubscribe(f"{name}/{topic}")


@BOTH
def test_mqtt_3_3_4_2_overlapping_subscriptions_respect_the_highest_qos(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client, Raw.join(mqtt, f"p{name}") as publisher:
        client.subscribe((f"{name}/#", 0), (f"{name}/+", 2), (f"{name}/a", 1))
        publisher.publish(f"{name}/a", "x", 2)
        client.message("x", qos=2)
        publisher.publish(f"{name}/a", "marker", 0)
        # One copy of each.
        client.message("marker", qos=0)


def test_mqtt_3_3_4_3_to_5_subscription_identifiers(mqtt, name):
    with Raw.join(mqtt, name) as client, Raw.join(mqtt, f"p{name}") as publisher:
        client.subscribe((f"{name}/#", 2), subscription_id=1)
        client.subscribe((f"{name}/+", 2), subscription_id=268_435_455)
        client.subscribe((f"{name}/a", 2))
        for qos in (0, 1, 2):
            publisher.publish(f"{name}/a", "x", qos, retain=True)
            it = client.message("x")
            assert sorted(it.properties["subscription_id"]) == [1, 268_435_455]
        publisher.publish(f"{name}/a/b", "y", 1)
        assert client.message("y").properties["subscription_id"] == [1]
        # Another identifier replaces it [MQTT-3.8.4-3]; retained ones bear it too.
        client.subscribe((f"{name}/+", 2), subscription_id=7)
        assert client.message("x", retain=True).properties["subscription_id"] == [7]
        publisher.publish(f"{name}/c", "z", 1)
        assert sorted(client.message("z").properties["subscription_id"]) == [1, 7]
        client.subscribe((f"{name}/#", 2 | RETAINED_NEVER))
        publisher.publish(f"{name}/c", "z", 1)
        assert client.message("z").properties["subscription_id"] == [7]


def test_subscription_identifiers_that_are_none(mqtt, name):
    for ids in (0, [1, 2]):
        with Raw.join(mqtt, name) as client:
            client.start_subscribe(("a", 0), subscription_id=ids)
            assert client.closed() == 0x82


def test_mqtt_3_8_3_3_no_local(mqtt, name):
    with Raw.join(mqtt, name) as client, Raw.join(mqtt, f"p{name}") as other:
        client.subscribe((name, 2 | NO_LOCAL))
        for qos in (0, 1, 2):
            client.publish(name, "own", qos)
            other.publish(name, "other", qos)
            client.message("other", qos=qos)
        # A second subscription without the option brings them.
        client.subscribe((f"{name}/#", 2))
        client.publish(name, "own", 0)
        client.message("own")


def test_mqtt_3_8_3_3_no_local_holds_for_what_is_fetched_later(mqtt, name):
    with Raw.join(mqtt, name, **KEPT) as client, Raw.join(mqtt, f"p{name}") as other:
        client.subscribe((name, 2 | NO_LOCAL))
        client.publish(name, "own")
        client.disconnect()
        other.publish(name, "other")
        with Raw.join(mqtt, name, **KEPT) as again:
            again.message("other")
            again.ping()


def test_mqtt_3_8_3_4_no_local_on_a_shared_subscription(mqtt, name):
    with Raw.join(mqtt, name) as client:
        client.start_subscribe((f"$share/g/{name}", NO_LOCAL))
        assert client.closed() == 0x82


@BOTH
def test_mqtt_3_8_4_3_and_4_a_subscription_is_replaced(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client, Raw.join(mqtt, f"p{name}") as publisher:
        publisher.publish(name, "kept", 2, retain=True)
        for granted in (2, 0, 1):
            assert client.subscribe((name, granted)).reasons == [granted]
            client.message("kept", qos=granted, retain=True)
            publisher.publish(name, "live", 2)
            client.message("live", qos=granted)


def test_mqtt_3_8_4_4_nothing_is_lost_while_a_subscription_is_replaced(mqtt, name):
    with Raw.join(mqtt, name) as client, Raw.join(mqtt, f"p{name}") as publisher:
        client.subscribe((name, 1))
        for number in range(100):
            publisher.start_publish(name, str(number), 1)
        for _ in range(20):
            client.start_subscribe((name, 1 | RETAINED_NEVER))
        for _ in range(100):
            publisher.expect(PUBACK)
        got, answers = [], 0
        while len(got) < 100 or answers < 20:
            it = client.next()
            if it.kind == SUBACK:
                answers += 1
            else:
                got.append(int(it.payload))
                client.acknowledge(PUBACK, it.id)
        assert got == list(range(100))


@BOTH
def test_mqtt_3_10_4_1_to_6_unsubscribe(mqtt, name, version):
    with Raw.join(mqtt, name, version) as client, Raw.join(mqtt, f"p{name}") as publisher:
        client.subscribe(f"{name}/a", f"{name}/+", f"{name}/b/#")
        answer = client.unsubscribe(f"{name}/A", f"{name}/a", f"{name}/+", f"{name}/#")
        assert answer.reasons == ([0x11, 0, 0, 0x11] if version == V5 else [])
        for topic in ("a", "c", "b"):
            publisher.publish(f"{name}/{topic}", topic)
        # `b/#` also matches `b`.
        client.message("b")


@BOTH
def test_mqtt_3_10_4_3_what_was_begun_is_completed(mqtt, name, version):
    kept = KEPT if version == V5 else {"clean": False}
    with Raw.join(mqtt, name, version, **kept) as client, Raw.join(mqtt, f"p{name}") as publisher:
        client.subscribe(name)
        publisher.publish(name, "1", 1)
        publisher.publish(name, "2", 2)
        ids = {it.payload: it.id for it in (client.unanswered(), client.unanswered())}
        client.unsubscribe(name)
    with Raw.join(mqtt, name, version, **kept) as client:
        again = {it.payload: it for it in (client.unanswered(dup=True), client.unanswered(dup=True))}
        assert {payload: it.id for payload, it in again.items()} == ids
        client.acknowledge(PUBACK, ids[b"1"])
        client.acknowledge(PUBREC, ids[b"2"])
        assert client.next().id == ids[b"2"]


def test_what_was_acknowledged_before_a_subscription_is_not_delivered_by_it(mqtt, name):
    with Raw.join(mqtt, f"p{name}") as publisher:
        for number in range(50):
            topic = f"{name}/{number}"
            publisher.publish(topic, "before")
            with Raw.join(mqtt, f"c{name}") as client:
                client.subscribe(topic)
                publisher.publish(topic, "after")
                client.message("after")


# -- Shared subscriptions.


@pytest.mark.parametrize("filter", ["$share/", "$share/g", "$share/g/", "$share//a", "$share/g+/a", "$share/#/a", "$share/+/a"])
def test_mqtt_4_8_2_1_and_2_shared_subscriptions_that_are_none(mqtt, name, filter):
    with Raw.join(mqtt, name) as client:
        client.start_subscribe((filter, 0))
        it = client.next()
        assert (it.kind == SUBACK and it.reasons == [0x8F]) or it.reason in (0x81, 0x82, 0x8F)


@BOTH
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_mqtt_4_8_2_3_each_message_goes_to_one_of_the_group(mqtt, name, version, qos):
    with Raw.join(mqtt, f"1{name}", version) as one, Raw.join(mqtt, f"2{name}", version) as two, Raw.join(mqtt, f"3{name}") as alone:
        one.subscribe((f"$share/g/{name}/#", 2))
        two.subscribe((f"$share/g/{name}/#", 1))
        alone.subscribe((f"$share/other/{name}/#", 2))
        with Raw.join(mqtt, f"p{name}") as publisher:
            for number in range(20):
                publisher.publish(f"{name}/x", str(number), qos)
            for member in (one, two, alone):
                publisher.publish(f"{name}/end", "end", qos)
        got = []
        for number in range(20):
            alone.message(str(number), qos=qos)
        # As many ends as messages go on: read both until all 22 are there.
        for client, most in ((one, 2), (two, 1)):
            client.send(packet(PINGREQ, b""))
        total = gather([one, two], 22 + 1)
        for client, it in total:
            assert it.qos == min(qos, 2 if client is one else 1)
            got.append(it.payload)
        assert sorted(got) == sorted([str(number).encode() for number in range(20)] + [b"end"] * 3)
        assert all(any(client is member for client, _ in total) for member in (one, two))


def gather(clients, count):
    """Messages of several clients, whoever gets them."""
    import selectors

    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
    got = []
    while len(got) < count:
        ready = [key.data for key, _ in selector.select(timeout=20)]
        assert ready, f"only {len(got)} messages of {count}"
        for client in ready:
            it = client.next()
            while it is not None:
                if it.kind == PUBLISH:
                    got.append((client, it))
                    if it.qos == 1:
                        client.acknowledge(PUBACK, it.id)
                    elif it.qos == 2:
                        client.acknowledge(PUBREC, it.id)
                elif it.kind == 6:
                    client.acknowledge(7, it.id)
                else:
                    assert it.kind == PINGRESP
                it = client.parse()
    return got


def test_a_shared_subscription_gets_no_retained_messages(mqtt, name):
    with Raw.join(mqtt, f"p{name}") as publisher, Raw.join(mqtt, name) as client:
        publisher.publish(name, "kept", retain=True)
        client.subscribe((f"$share/g/{name}", 2))
        publisher.publish(name, "live")
        client.message("live")


def test_mqtt_4_8_2_4_a_member_that_is_back_gets_the_rest(mqtt, name):
    with Raw.join(mqtt, f"p{name}") as publisher:
        with Raw.join(mqtt, name, **KEPT) as client:
            client.subscribe((f"$share/g/{name}", 2))
            publisher.publish(name, "x", 2)
            first = client.unanswered("x", qos=2)
            client.acknowledge(PUBREC, first.id)
            client.next()
        with Raw.join(mqtt, name, **KEPT) as client:
            it = client.next()
            assert (it.kind, it.id) == (6, first.id)


def test_mqtt_4_8_2_6_a_refused_message_goes_to_nobody_else(mqtt, name):
    with Raw.join(mqtt, f"p{name}") as publisher, Raw.join(mqtt, f"1{name}") as one:
        one.subscribe((f"$share/g/{name}", 1))
        publisher.publish(name, "refused")
        it = one.unanswered("refused")
        with Raw.join(mqtt, f"2{name}") as two:
            two.subscribe((f"$share/g/{name}", 1))
            one.acknowledge(PUBACK, it.id, 0x83)
            one.unsubscribe(f"$share/g/{name}")
            publisher.publish(name, "next")
            two.message("next")


def test_a_message_in_flight_to_a_member_that_leaves_for_good_goes_to_another(mqtt, name):
    """Of QoS 1: the standard lets the server, and nothing acknowledged is lost."""
    with Raw.join(mqtt, f"p{name}") as publisher, Raw.join(mqtt, f"2{name}") as two:
        two.subscribe((f"$share/g/{name}", 1))
        with Raw.join(mqtt, f"1{name}") as one:
            one.subscribe((f"$share/g/{name}", 1))
            for payload in ("a", "b"):
                publisher.publish(name, payload)
            lost = one.unanswered()
            assert two.message().payload != lost.payload
        two.message(lost.payload)


def test_a_message_in_flight_goes_to_a_member_that_came_after_it(mqtt, name):
    """It is the group's, whoever was in it at the time."""
    with Raw.join(mqtt, f"p{name}") as publisher, Raw.join(mqtt, f"2{name}") as two:
        with Raw.join(mqtt, f"1{name}") as one:
            one.subscribe((f"$share/g/{name}", 1))
            publisher.publish(name, "early")
            one.unanswered("early")
            two.subscribe((f"$share/g/{name}", 1))
        two.message("early")


def test_ten_thousand_subscriptions_of_one_client(mqtt, name):
    """As many as the node allows, the rest is refused; what was granted works."""
    with Raw.join(mqtt, name) as client:
        granted = []
        for start in range(0, 10_000, 1000):
            filters = [(f"{name}/{number}", 0) for number in range(start, start + 1000)]
            client.start_subscribe(*filters)
            answer = client.expect(SUBACK)
            assert set(answer.reasons) <= {0, 0x97}
            granted += [filter for (filter, _), reason in zip(filters, answer.reasons) if reason == 0]
        assert len(granted) >= 100
        for topic in (granted[0], granted[-1]):
            client.publish(topic, "x", 0)
            client.message("x", topic=topic)
