"""kill -9 of a node, and take-overs of a pair, while MQTT clients publish and subscribe with QoS 1 and
2 and come back: nothing that was acknowledged is lost, nothing of QoS 2 comes twice, and *session
present* tells the truth. `SPICA_KILLS` and `SPICA_ROUNDS` ask for more rounds (with `--timeout 0`)."""

import os
import random
import signal
import socket
import threading

import pytest

from conftest import DEADLINE_S, MQTT, start, stop, wait_for
from mqtt_raw import CONNACK, DISCONNECT, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, SUBACK, Closed, Raw
from test_pair import Node, Pair, free_ports

KILLS = int(os.environ.get("SPICA_KILLS", "10"))
ROUNDS = int(os.environ.get("SPICA_ROUNDS", "10"))
WINDOW = 20
AHEAD = 200
KEPT = {"clean": False, "session_expiry": 3600}


class Lost(Exception):
    """The connection, not a message."""


class Client:
    """Dials in until it is told to stop; what it has of its session outlives its connections, and it
    knows whether the server must have a session."""

    def __init__(self, addresses, client_id):
        self.addresses, self.client_id = addresses, client_id
        self.has_session = False
        self.connection, self.failure = None, None
        self.redirects = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while not self.stopping.is_set():
                try:
                    self.dial()
                    self.serve()
                except (Closed, Lost, OSError):
                    self.hang_up()
                    self.stopping.wait(0.02)
        except BaseException as failure:  # noqa: BLE001 - handed to the test
            self.failure = failure
        finally:
            self.hang_up()

    def hang_up(self):
        if self.connection:
            self.connection.cut()
            self.connection = None

    def dial(self):
        addresses = self.addresses()
        random.shuffle(addresses)
        reference = None
        for _ in range(4):
            address = reference or (addresses.pop() if addresses else None)
            if address is None:
                break
            reference = None
            try:
                it = Raw(address)
            except OSError:
                continue
            self.connection = it
            answer = it.connect(self.client_id, receive_maximum=WINDOW, **KEPT)
            if answer.kind == CONNACK and answer.reason == 0x9C:
                self.redirects += 1
                if other := answer.properties.get("server_reference"):
                    host, port = other.rsplit(":", 1)
                    reference = (host, int(port))
                self.hang_up()
                continue
            if answer.kind != CONNACK or answer.reason != 0:
                raise Lost
            assert answer.session_present or not self.has_session, f"{self.client_id}: the session is gone"
            if not answer.session_present:
                self.began()
            self.has_session = True
            return
        raise Lost

    def end(self):
        self.stopping.set()
        if self.connection:
            # Ends a wait for packets.
            try:
                self.connection.socket.shutdown(socket.SHUT_RDWR)
            except (OSError, AttributeError):
                pass
        self.thread.join(DEADLINE_S)
        assert not self.thread.is_alive()
        if self.failure:
            raise self.failure


class Publisher(Client):
    """Publishes numbers, always in order, with up to `WINDOW` open at once; its book says which are
    acknowledged."""

    def __init__(self, addresses, client_id, topic, qos, is_ahead):
        self.topic, self.qos, self.is_ahead = topic, qos, is_ahead
        self.next_number = 0
        # Packet id to number, in order of sending; what is released (QoS 2).
        self.open, self.released = {}, {}
        self.acknowledged = set()
        self.paused = threading.Event()
        super().__init__(addresses, client_id)

    def began(self):
        # There was none before: nothing may have been promised.
        assert not self.acknowledged

    def serve(self):
        it = self.connection
        for id in self.released:
            it.acknowledge(PUBREL, id)
        for id, number in self.open.items():
            it.start_publish(self.topic, str(number), self.qos, id=id, dup=True)
        while True:
            # Python reads slower than it writes: without this the books are never even.
            while self.is_ahead() and not self.stopping.wait(0.01):
                pass
            while len(self.open) + len(self.released) < WINDOW and not self.paused.is_set():
                id = next(id for id in self.ids() if id not in self.open and id not in self.released)
                self.open[id] = self.next_number
                self.next_number += 1
                it.start_publish(self.topic, str(self.open[id]), self.qos, id=id)
            if self.paused.is_set() and not self.open and not self.released:
                self.stopping.wait(0.05)
                if self.stopping.is_set():
                    return
                continue
            packet = it.next()
            if packet.kind == DISCONNECT:
                raise Lost
            assert packet.reason < 0x80 or (packet.kind == PUBCOMP and packet.reason == 0x92), packet
            if packet.kind == PUBACK:
                self.acknowledged.add(self.open.pop(packet.id))
            elif packet.kind == PUBREC:
                if packet.id in self.open:
                    number = self.open.pop(packet.id)
                    self.acknowledged.add(number)
                    self.released[packet.id] = number
                it.acknowledge(PUBREL, packet.id)
            else:
                assert packet.kind == PUBCOMP, packet
                self.released.pop(packet.id)

    def ids(self):
        first = self.next_number % 60_000 + 1
        return (1 + (first + step) % 65_000 for step in range(65_000))


class Subscriber(Client):
    """Keeps a book of what was delivered: by QoS 2 once."""

    def __init__(self, addresses, client_id, filter):
        self.filter = filter
        self.is_subscribed = threading.Event()
        # Topic to the numbers in the order of their coming.
        self.got = {}
        # QoS 2: ids that were received and not released yet.
        self.received = set()
        super().__init__(addresses, client_id)

    def began(self):
        assert not self.is_subscribed.is_set()
        self.received.clear()

    def serve(self):
        it = self.connection
        if not self.is_subscribed.is_set():
            it.start_subscribe((self.filter, 2))
        while True:
            packet = it.next(within=3600)
            if packet.kind == SUBACK:
                assert packet.reasons == [2]
                self.is_subscribed.set()
            elif packet.kind == PUBLISH:
                if packet.qos == 1:
                    self.note(packet)
                    it.acknowledge(PUBACK, packet.id)
                else:
                    # One that was received is known by its id alone: that is what QoS 2 means.
                    if packet.id not in self.received:
                        self.received.add(packet.id)
                        self.note(packet)
                    else:
                        assert packet.dup, packet
                    it.acknowledge(PUBREC, packet.id)
            elif packet.kind == PUBREL:
                self.received.discard(packet.id)
                it.acknowledge(PUBCOMP, packet.id)
            else:
                assert packet.kind == DISCONNECT, packet
                raise Lost

    def note(self, packet):
        self.got.setdefault(packet.topic, []).append(int(packet.payload))


class Load:
    """A publisher of each QoS and a subscriber of all."""

    def __init__(self, addresses):
        self.subscriber = Subscriber(addresses, "subscriber", "load/#")
        assert self.subscriber.is_subscribed.wait(DEADLINE_S)
        self.publishers = []
        for qos in (1, 2):
            topic = f"load/{qos}"
            self.publishers.append(Publisher(addresses, f"publisher-{qos}", topic, qos, lambda qos=qos: self.ahead(qos) > AHEAD))

    def progress(self, more):
        """Waits until so many more publishes of each are acknowledged, and delivered."""
        goals = {it: len(it.acknowledged) + more for it in self.publishers}

        def there():
            self.look()
            return all(len(it.acknowledged) >= goal and len(self.subscriber.got.get(it.topic, [])) >= 1 for it, goal in goals.items())

        wait_for(there, "progress")

    def ahead(self, qos):
        """How many messages are acknowledged and not delivered yet."""
        if len(self.publishers) < qos:
            return 0
        it = self.publishers[qos - 1]
        return len(it.acknowledged) - len(self.subscriber.got.get(it.topic, []))

    def look(self):
        for it in (self.subscriber, *self.publishers):
            if it.failure:
                raise it.failure

    def settle(self):
        """Everything comes to its end; then the books are compared."""
        for it in self.publishers:
            it.paused.set()

        def settled():
            self.look()
            idle = all(not it.open and not it.released for it in self.publishers)
            return idle and all(it.acknowledged <= set(self.subscriber.got.get(it.topic, [])) for it in self.publishers)

        try:
            wait_for(settled, "settled books")
        except AssertionError:
            missing = {it.topic: sorted(it.acknowledged - set(self.subscriber.got.get(it.topic, [])))[:20] for it in self.publishers}
            raise AssertionError(f"acknowledged and not delivered: {missing}; open: {[(it.open, it.released) for it in self.publishers]}") from None
        for it in self.publishers:
            assert it.acknowledged == set(range(it.next_number))
            firsts = list(dict.fromkeys(self.subscriber.got[it.topic]))
            assert firsts == sorted(firsts), "out of order"
        twice = self.subscriber.got["load/2"]
        assert len(twice) == len(set(twice)), "QoS 2 came twice"

    def end(self):
        for it in (*self.publishers, self.subscriber):
            it.end()


def test_kill_9_under_load_of_qos_1_and_2(tmp_path):
    ports = free_ports(1)
    config = MQTT.replace('listen = "127.0.0.1:0"\nwebsocket = "127.0.0.1:0"', f'listen = "127.0.0.1:{ports[0]}"')
    assert str(ports[0]) in config
    rng = random.Random(6)
    hub = start(tmp_path, config)
    load = Load(lambda: [("127.0.0.1", ports[0])])
    try:
        for _ in range(KILLS):
            load.progress(rng.randrange(1, 150))
            hub.client.close()
            hub.process.kill()
            hub.process.wait(DEADLINE_S)
            (tmp_path / "data" / "run.json").unlink()
            hub = start(tmp_path, config)
        load.settle()
    finally:
        load.end()
        stop(hub)


@pytest.fixture
def mqtt_pair(tmp_path, monkeypatch):
    """Both nodes with an MQTT station. They are set up alike, as the server reference expects: one
    port, and a host of its own for each."""
    port = free_ports(1)[0]
    hosts = {"primary": "127.0.0.1", "backup": "127.0.0.2"}
    plain = Node.__init__

    def with_mqtt(self, directory, side, ports, partner):
        plain(self, directory, side, ports, partner)
        file = directory / f"{side}.toml"
        host = hosts[side]
        text = file.read_text().replace(f'listen = "127.0.0.1:{self.http}"', f'listen = "{host}:{self.http}"')
        text = text.replace(f'http = "{self.url}"', f'http = "http://{host}:{self.http}"')
        self.url = f"http://{host}:{self.http}"
        file.write_text(text + f"""
[mqtt]
listen = "{host}:{port}"
[mqtt.access]
anonymous = "admin"
[mqtt.access.flapping.client]
connects = 1000000
""")

    monkeypatch.setattr(Node, "__init__", with_mqtt)
    pair = Pair(tmp_path)
    pair.mqtt = lambda: [(host, port) for host in hosts.values()]
    yield pair
    for node in pair.nodes:
        if node.process.poll() is None:
            node.end(signal.SIGTERM)


def test_take_overs_of_a_pair_under_load_of_qos_1_and_2(mqtt_pair):
    pair = mqtt_pair
    active = pair.active()
    pair.both()
    load = Load(pair.mqtt)
    rng = random.Random(7)
    try:
        for round in range(ROUNDS):
            load.progress(rng.randrange(1, 100))
            if round % 3 == 2:
                switched = pair.spica("pair", "switch-over")
                assert switched.returncode == 0, switched.stderr
                other = next(node for node in pair.nodes if node is not active)
                wait_for(other.is_active, "switch-over")
            else:
                active.end(signal.SIGKILL)
                other = pair.active()
                assert other is not active
                active.start()
            active = other
            pair.both()
        load.settle()
    finally:
        load.end()
    clients = (load.subscriber, *load.publishers)
    # They tried both addresses, so some met the passive node, and went where it sent them.
    assert sum(it.redirects for it in clients) > 0
