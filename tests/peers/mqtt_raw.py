"""A small MQTT client that says exactly what a test wants it to say, right or wrong, and that
acknowledges nothing by itself. Versions 3.1, 3.1.1 and 5 over TCP; every wait has a deadline."""

import socket
import struct
import time
from dataclasses import dataclass, field

DEADLINE_S = 20
V31, V311, V5 = 3, 4, 5

(CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK,
 UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH) = range(1, 16)

# Properties: identifier, how the value is written.
PROPERTIES = {
    "payload_format": (0x01, "B"), "expiry": (0x02, "I"), "content_type": (0x03, "s"), "response_topic": (0x08, "s"),
    "correlation": (0x09, "s"), "subscription_id": (0x0B, "v"), "session_expiry": (0x11, "I"), "assigned_id": (0x12, "s"),
    "server_keep_alive": (0x13, "H"), "auth_method": (0x15, "s"), "auth_data": (0x16, "s"), "problem_information": (0x17, "B"),
    "will_delay": (0x18, "I"), "response_information": (0x19, "B"), "server_reference": (0x1C, "s"), "reason_text": (0x1F, "s"),
    "receive_maximum": (0x21, "H"), "alias_maximum": (0x22, "H"), "alias": (0x23, "H"), "maximum_qos": (0x24, "B"),
    "retain_available": (0x25, "B"), "user": (0x26, "p"), "packet_maximum": (0x27, "I"), "wildcards": (0x28, "B"),
    "subscription_ids": (0x29, "B"), "shared": (0x2A, "B"),
}
NAMES = {number: (name, shape) for name, (number, shape) in PROPERTIES.items()}


class Closed(Exception):
    """The server has closed the connection; with what it said last, if it did."""

    def __init__(self, said=None):
        super().__init__(f"closed, last word: {said}")
        self.said = said


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(data)) + data


def varint(value):
    out = bytearray()
    while True:
        value, low = divmod(value, 128)
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def properties(**given):
    """Encoded with their length; a list of values repeats the property."""
    body = b""
    for name, values in given.items():
        number, shape = PROPERTIES[name]
        for value in values if isinstance(values, list) else [values]:
            body += bytes([number])
            if shape == "s":
                body += text(value)
            elif shape == "v":
                body += varint(value)
            elif shape == "p":
                body += text(value[0]) + text(value[1])
            else:
                body += struct.pack(">" + shape, value)
    return varint(len(body)) + body


def packet(kind, body, flags=0):
    return bytes([kind << 4 | flags]) + varint(len(body)) + body


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        assert self.at <= len(self.data), f"a packet that is too short: {self.data!r}"
        return self.data[self.at - count : self.at]

    def number(self, shape):
        return struct.unpack(">" + shape, self.take(struct.calcsize(">" + shape)))[0]

    def text(self):
        return self.take(self.number("H"))

    def varint(self):
        value = shift = 0
        while True:
            byte = self.number("B")
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def left(self):
        return len(self.data) - self.at

    def properties(self):
        end = self.varint() + self.at
        found = {}
        while self.at < end:
            name, shape = NAMES[self.number("B")]
            if shape == "s":
                value = self.text()
                value = value if name in ("correlation", "auth_data") else value.decode()
            elif shape == "v":
                value = self.varint()
            elif shape == "p":
                value = (self.text().decode(), self.text().decode())
            else:
                value = self.number(shape)
            if name in ("user", "subscription_id"):
                found.setdefault(name, []).append(value)
            else:
                assert name not in found, f"{name} twice"
                found[name] = value
        assert self.at == end
        return found


@dataclass
class Packet:
    kind: int
    flags: int
    id: int | None = None
    topic: str | None = None
    payload: bytes = b""
    reasons: list = field(default_factory=list)
    properties: dict = field(default_factory=dict)
    session_present: bool = False

    @property
    def reason(self):
        return self.reasons[0]

    @property
    def dup(self):
        return bool(self.flags & 8)

    @property
    def qos(self):
        return self.flags >> 1 & 3

    @property
    def retain(self):
        return bool(self.flags & 1)


def decoded(kind, flags, data, version):
    """Also checks what the standard demands of every packet of a server."""
    read, five = Reader(data), version == V5
    it = Packet(kind, flags)
    assert flags == (2 if kind == PUBREL else 0) or kind == PUBLISH, f"flags {flags} of packet {kind}"
    if kind == CONNACK:
        acknowledge, code = read.number("B"), read.number("B")
        assert acknowledge < 2
        it.session_present, it.reasons = bool(acknowledge), [code]
        it.properties = read.properties() if five and read.left() else {}
    elif kind == PUBLISH:
        it.topic = read.text().decode()
        it.id = read.number("H") if it.qos else None
        it.properties = read.properties() if five else {}
        it.payload = read.take(read.left())
        assert it.qos < 3 and it.id != 0 and not (it.dup and not it.qos)
    elif kind in (PUBACK, PUBREC, PUBREL, PUBCOMP):
        it.id = read.number("H")
        it.reasons = [read.number("B") if five and read.left() else 0]
        it.properties = read.properties() if five and read.left() else {}
    elif kind in (SUBACK, UNSUBACK):
        it.id = read.number("H")
        it.properties = read.properties() if five else {}
        it.reasons = list(read.take(read.left()))
    elif kind in (DISCONNECT, AUTH):
        assert five, "a server of MQTT 3 says no goodbye"
        it.reasons = [read.number("B") if read.left() else 0]
        it.properties = read.properties() if read.left() else {}
    else:
        assert kind == PINGRESP, f"packet {kind} is none that a server sends"
    assert read.left() == 0
    return it


class Raw:
    """A connection. `Raw(address)` only dials; `Raw.join(...)` also says CONNECT."""

    def __init__(self, address, version=V5):
        self.version = version
        self.buffer = b""
        # Messages that came while something else was awaited.
        self.inbox = []
        self.connack = None
        self.last_id = 0
        self.socket = socket.create_connection(address, timeout=DEADLINE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut()

    @classmethod
    def join(cls, address, client_id="", version=V5, **options):
        """Connects, and wants to be accepted."""
        client = cls(address, version)
        client.connack = client.connect(client_id, **options)
        assert client.connack.kind == CONNACK and client.connack.reason == 0, client.connack
        return client

    # -- What is said.

    def send(self, data):
        self.socket.sendall(data)

    def connect(self, client_id="", **options):
        self.send(connect(client_id, self.version, **options))
        return self.next()

    def properties(self, given):
        assert self.version == V5 or not given
        return properties(**given) if self.version == V5 else b""

    def new_id(self):
        self.last_id = self.last_id % 65_535 + 1
        return self.last_id

    def start_publish(self, topic, payload=b"", qos=0, retain=False, dup=False, id=None, **given):
        """Says PUBLISH; the packet id, if it has one."""
        id = (id or self.new_id()) if qos else None
        body = text(topic) + (struct.pack(">H", id) if qos else b"") + self.properties(given)
        payload = payload if isinstance(payload, bytes) else payload.encode()
        self.send(packet(PUBLISH, body + payload, dup << 3 | qos << 1 | retain))
        return id

    def publish(self, topic, payload=b"", qos=1, **options):
        """Publishes, and takes part in what follows to its end."""
        id = self.start_publish(topic, payload, qos, **options)
        if qos == 1:
            return self.answer(PUBACK, id)
        if qos == 2:
            answer = self.answer(PUBREC, id)
            if answer.reason < 0x80:
                self.acknowledge(PUBREL, id)
                self.answer(PUBCOMP, id)
            return answer

    def answer(self, kind, id):
        """Awaits an answer; messages that come before it are kept for later."""
        early = []
        while (it := self.next()).kind == PUBLISH:
            early.append(it)
        self.inbox = early + self.inbox
        assert (it.kind, it.id) == (kind, id), f"{it} instead of packet {kind} for {id}"
        return it

    def acknowledge(self, kind, id, reason=0, **given):
        body = struct.pack(">H", id)
        if reason or given:
            body += bytes([reason]) + (self.properties(given) if given else b"")
        self.send(packet(kind, body, 2 if kind == PUBREL else 0))

    def start_subscribe(self, *filters, id=None, **given):
        id = id or self.new_id()
        body = struct.pack(">H", id) + self.properties(given)
        for filter, options in filters:
            body += text(filter) + bytes([options])
        self.send(packet(SUBSCRIBE, body, 2))
        return id

    def subscribe(self, *filters, **given):
        """`filters` are texts (QoS 2) or pairs of text and options byte. SUBACK; what else comes before
        it is an error."""
        pairs = [(it, 2) if isinstance(it, str) else it for it in filters]
        id = self.start_subscribe(*pairs, **given)
        answer = self.expect(SUBACK, id=id)
        assert len(answer.reasons) == len(filters)
        return answer

    def unsubscribe(self, *filters):
        id = self.new_id()
        body = struct.pack(">H", id) + self.properties({}) + b"".join(text(it) for it in filters)
        self.send(packet(UNSUBSCRIBE, body, 2))
        return self.expect(UNSUBACK, id=id)

    def ping(self):
        self.send(packet(PINGREQ, b""))
        self.expect(PINGRESP)

    def disconnect(self, reason=0, **given):
        """Says goodbye, and waits until the server has closed."""
        body = bytes([reason]) + self.properties(given) if reason or given else b""
        self.send(packet(DISCONNECT, body))
        assert self.closed() is None
        self.cut()

    def cut(self):
        """Ends without a word."""
        self.socket.close()

    # -- What is heard.

    def next(self, within=DEADLINE_S):
        """The next packet, whatever it is."""
        if self.inbox:
            return self.inbox.pop(0)
        end = time.monotonic() + within
        while (found := self.parse()) is None:
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError(f"nothing within {within} s; a part: {self.buffer!r}")
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(1 << 16)
            except TimeoutError:
                continue
            except ConnectionError:
                data = b""
            if not data:
                raise Closed
            self.buffer += data
        return found

    def parse(self):
        if len(self.buffer) < 2:
            return None
        length = shift = 0
        for at in range(1, min(5, len(self.buffer))):
            length |= (self.buffer[at] & 0x7F) << shift
            shift += 7
            if self.buffer[at] < 0x80:
                break
        else:
            assert len(self.buffer) < 5, "a length of five bytes"
            return None
        start = at + 1
        if len(self.buffer) < start + length:
            return None
        head, body = self.buffer[0], self.buffer[start : start + length]
        self.buffer = self.buffer[start + length :]
        return decoded(head >> 4, head & 15, body, self.version)

    def expect(self, kind, **values):
        it = self.next()
        assert it.kind == kind, f"packet {it} instead of {kind}"
        for name, value in values.items():
            assert getattr(it, name) == value, f"{name} of {it} is not {value}"
        return it

    def message(self, payload=None, **values):
        """The next message; it is answered to the end."""
        it = self.unanswered(payload, **values)
        if it.qos == 1:
            self.acknowledge(PUBACK, it.id)
        elif it.qos == 2:
            self.acknowledge(PUBREC, it.id)
            assert self.answer(PUBREL, it.id).reason == 0
            self.acknowledge(PUBCOMP, it.id)
        return it

    def unanswered(self, payload=None, **values):
        if payload is not None:
            values["payload"] = payload if isinstance(payload, bytes) else payload.encode()
        return self.expect(PUBLISH, **values)

    def closed(self):
        """Waits until the server has closed; what it said before: its last DISCONNECT's reason."""
        said = None
        while True:
            try:
                it = self.next()
            except Closed:
                return said
            assert it.kind == DISCONNECT, f"{it} instead of an end"
            assert said is None, "two ends"
            said = it.reason


def connect(client_id="", version=V5, clean=True, keep_alive=0, will=None, user=None, password=None, name=None, flags=None, **given):
    """CONNECT. `will`: a dictionary of topic, payload, qos, retain and properties."""
    body = text(name if name is not None else "MQIsdp" if version == V31 else "MQTT") + bytes([version])
    said = clean << 1
    if will is not None:
        said |= 4 | will.get("qos", 0) << 3 | will.get("retain", False) << 5
    said |= (user is not None) << 7 | (password is not None) << 6
    body += bytes([said if flags is None else flags]) + struct.pack(">H", keep_alive)
    if version == V5:
        body += properties(**given)
    body += text(client_id)
    if will is not None:
        known = ("topic", "payload", "qos", "retain")
        if version == V5:
            body += properties(**{name: value for name, value in will.items() if name not in known})
        body += text(will["topic"]) + text(will.get("payload", b""))
    for value in (user, password):
        if value is not None:
            body += text(value)
    return packet(CONNECT, body)
