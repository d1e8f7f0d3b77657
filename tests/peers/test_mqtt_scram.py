"""SCRAM-SHA-256 (RFC 5802, RFC 7677) in MQTT 5's enhanced authentication, computed here with nothing but
Python's hashes: what the server proves is checked, too."""

import base64
import hashlib
import hmac
import secrets

import pytest

from conftest import DEFAULTS, start, stop
from mqtt_raw import AUTH, CONNACK, V5, Raw, packet, properties

METHOD = "SCRAM-SHA-256"
CONTINUE, AGAIN = 0x18, 0x19


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    running = start(tmp_path_factory.mktemp("scram"), f"""{DEFAULTS}
[mqtt]
listen = "127.0.0.1:0"
[mqtt.admission]
trusted = ["127.0.0.0/8"]
[mqtt.access.flapping.client]
connects = 1000000
""")
    for user, password in (("ada", "correct horse"), ("kate", "пароль 7")):
        body = {"name": user, "password": password, "roles": ["operator"]}
        running.client.post("/v1/mqtt/users", json=body).raise_for_status()
    yield running
    stop(running)


def digest(key, text):
    return hmac.digest(key, text, "sha256")


class Scram:
    """The client's side."""

    def __init__(self, user, password, nonce=None):
        self.password = password
        self.nonce = nonce or secrets.token_urlsafe(18)
        self.bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={self.nonce}"

    def first(self):
        return f"n,,{self.bare}".encode()

    def final(self, challenge):
        said = dict(part.split("=", 1) for part in challenge.decode().split(","))
        assert said["r"].startswith(self.nonce) and len(said["r"]) > len(self.nonce) + 16
        assert int(said["i"]) >= 4096
        salt = base64.b64decode(said["s"], validate=True)
        assert len(salt) >= 16
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), salt, int(said["i"]))
        client_key = digest(salted, b"Client Key")
        without_proof = f"c=biws,r={said['r']}"
        self.message = ",".join((self.bare, challenge.decode(), without_proof)).encode()
        signature = digest(hashlib.sha256(client_key).digest(), self.message)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self.server_key = digest(salted, b"Server Key")
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def check(self, last):
        """Whether the server knows the password, too."""
        signature = base64.b64encode(digest(self.server_key, self.message))
        assert last == b"v=" + signature


def auth(reason, data, method=METHOD):
    return packet(AUTH, bytes([reason]) + properties(auth_method=method, auth_data=data))


def challenged(client, name, scram):
    """What the server asks at the beginning."""
    asked = client.connect(name, auth_method=METHOD, auth_data=scram.first())
    assert (asked.kind, asked.reason) == (AUTH, CONTINUE), asked
    assert asked.properties["auth_method"] == METHOD
    return asked.properties["auth_data"]


def proven(hub, name, scram, change=lambda final: final):
    """The answer to a whole exchange, and the connection."""
    client = Raw(hub.address("mqtt"), V5)
    client.send(auth(CONTINUE, change(scram.final(challenged(client, name, scram)))))
    answer = client.next()
    assert answer.kind == CONNACK
    return client, answer


@pytest.mark.parametrize(("user", "password"), [("ada", "correct horse"), ("kate", "пароль 7")])
def test_both_sides_prove_that_they_know_the_password(hub, name, user, password):
    scram = Scram(user, password)
    client, answer = proven(hub, name, scram)
    with client:
        assert answer.reason == 0 and answer.properties["auth_method"] == METHOD
        scram.check(answer.properties["auth_data"])
        assert client.publish("scram/x", b"1").reason == 0
        told = hub.client.get(f"/v1/mqtt/clients/{name}").raise_for_status().json()
        assert (told["user"], told["roles"]) == (user, ["operator"])


@pytest.mark.parametrize(("user", "password"), [("ada", "wrong horse"), ("nobody", "correct horse"), ("ada", "")])
def test_who_does_not_know_it_is_refused_and_learns_not_why(hub, name, user, password):
    client, answer = proven(hub, name, Scram(user, password))
    with client:
        assert answer.reason == 0x87
        assert "auth_data" not in answer.properties
        assert client.closed() is None


def test_a_name_that_nobody_has_is_asked_as_others_are(hub, name):
    salts = []
    for _ in range(2):
        with Raw(hub.address("mqtt"), V5) as client:
            said = challenged(client, name, Scram("nobody", "x")).decode().split(",")
            salts.append(said[1:])
    # Always the same salt, as a user that there is would have.
    assert salts[0] == salts[1] and salts[0][0].startswith("s=")


@pytest.mark.parametrize("change", [
    lambda final: final.replace(b"c=biws", b"c=eSws"),
    lambda final: final[:-8] + b"AAAAAAA=",
    lambda final: final.replace(b"r=", b"r=x"),
    lambda final: b"",
    lambda final: b"v=what the server says",
])
def test_an_answer_that_was_changed_is_refused(hub, name, change):
    client, answer = proven(hub, name, Scram("ada", "correct horse"), change)
    with client:
        assert answer.reason == 0x87


def test_a_recorded_answer_is_worth_nothing(hub, name):
    scram = Scram("ada", "correct horse", nonce="alwaysTheSameNonceHere")
    recorded = []
    client, answer = proven(hub, name, scram, lambda final: recorded.append(final) or final)
    client.cut()
    assert answer.reason == 0
    client, answer = proven(hub, name, scram, lambda _: recorded[0])
    with client:
        assert answer.reason == 0x87


@pytest.mark.parametrize("first", [b"", b"p=tls-exporter,,n=ada,r=abc", b"n,,n=ada", b"n,,n=a=b,r=abc", b"n,a=bob,n=ada,r=abc", b"\xff\xfe"])
def test_a_beginning_that_is_none_is_refused(hub, name, first):
    with Raw(hub.address("mqtt"), V5) as client:
        answer = client.connect(name, auth_method=METHOD, auth_data=first)
        assert (answer.kind, answer.reason) == (CONNACK, 0x87)


def test_another_method_is_not_offered(hub, name):
    with Raw(hub.address("mqtt"), V5) as client:
        answer = client.connect(name, auth_method="PLAIN", auth_data=b"\0ada\0correct horse")
        assert (answer.kind, answer.reason) == (CONNACK, 0x8C)


def test_it_may_be_proven_again_and_a_wrong_proof_ends_the_connection(hub, name):
    client, answer = proven(hub, name, Scram("ada", "correct horse"))
    with client:
        assert answer.reason == 0
        scram = Scram("ada", "correct horse")
        client.send(auth(AGAIN, scram.first()))
        asked = client.expect(AUTH)
        assert asked.reason == CONTINUE
        client.send(auth(CONTINUE, scram.final(asked.properties["auth_data"])))
        done = client.expect(AUTH)
        assert done.reason == 0
        scram.check(done.properties["auth_data"])
        assert client.publish("scram/x", b"2").reason == 0
        scram = Scram("ada", "wrong horse")
        client.send(auth(AGAIN, scram.first()))
        client.send(auth(CONTINUE, scram.final(client.expect(AUTH).properties["auth_data"])))
        assert client.closed() == 0x87
