"""Access to MQTT is read again while clients are connected: by SIGHUP to the real process, by the HTTP
interface, and by itself when the access file changes; and JSON Web Tokens that another library signs."""

import itertools
import json
import signal
import time

import pytest
from joserfc import jwk, jwt

from conftest import DEADLINE_S, DEFAULTS, start, stop, wait_for
from mqtt_raw import CONNACK, V5, V311, Raw

NOT_AUTHORIZED, QUOTA, BANNED, BAD_PASSWORD, TIME_OVER = 0x87, 0x97, 0x8A, 0x86, 0xA0


def config(directory, access, listen="127.0.0.1:0"):
    return f"""{DEFAULTS}
[mqtt]
listen = "{listen}"
[mqtt.admission]
trusted = ["127.0.0.0/8"]
[mqtt.access]
{access}
"""


ANYBODY = 'anonymous = "operator"'


class Node:
    def __init__(self, directory, access):
        self.directory = directory
        self.hub = start(directory, config(directory, access))

    def write(self, access, **other):
        """The configuration file, as `start` has written it, with other content."""
        head = f'[node]\ndata_dir = "{self.directory / "data"}"\n'
        (self.directory / "spica.toml").write_text(head + config(self.directory, access, **other))

    def counted(self, reason):
        line = f'spica_mqtt_access_reloads_total{{reason="{reason}"}} '
        text = self.hub.client.get("/metrics").text
        return sum(float(it.removeprefix(line)) for it in text.splitlines() if it.startswith(line))

    def hang_up(self):
        """SIGHUP, and waits until it was read; how that went."""
        before = self.counted("taken"), self.counted("refused")
        self.hub.process.send_signal(signal.SIGHUP)

        def later():
            now = self.counted("taken"), self.counted("refused")
            return now != before and now

        now = wait_for(later, "reload")
        return "taken" if now[0] > before[0] else "refused"

    def log(self):
        return (self.directory / "log").read_text()

    def reload(self):
        return self.hub.client.post("/v1/mqtt/reload", json={})

    def join(self, name, **options):
        return Raw.join(self.hub.address("mqtt"), name, V5, **options)

    def refused(self, name, **options):
        with Raw(self.hub.address("mqtt"), V5) as client:
            answer = client.connect(name, **options)
            assert answer.kind == CONNACK
            return answer.reason


@pytest.fixture
def node(tmp_path):
    running = Node(tmp_path, ANYBODY)
    yield running
    stop(running.hub)


def test_a_hangup_has_topic_rules_and_limits_taken_up(node, name):
    with node.join(name) as client:
        assert client.publish("plant/x", b"12345").reason == 0
        node.write(f"""{ANYBODY}
[[mqtt.access.topics]]
filter = "plant/#"
payload = "4B"
[mqtt.access.flapping.client]
connects = 1
[mqtt.access.quotas.client]
connections = 1
""")
        assert node.hang_up() == "taken"
        # Also for a client that was there before, and has published to that topic.
        assert client.publish("plant/x", b"12345").reason == QUOTA
        assert client.publish("plant/x", b"1234").reason == 0
    assert node.refused(f"{name}-f") == 0
    assert node.refused(f"{name}-f") == BANNED
    # And back again.
    node.write(ANYBODY)
    assert node.hang_up() == "taken"
    with node.join(name) as client:
        assert client.publish("plant/x", b"12345").reason == 0


def test_who_is_anonymous_is_somebody_else_after_a_hangup(node, name):
    with node.join(name) as client:
        node.write('anonymous = "reader"')
        assert node.hang_up() == "taken"
        wait_for(lambda: client.publish("plant/x", b"1").reason == NOT_AUTHORIZED, "refusal")
        node.write("")
        assert node.hang_up() == "taken"
        assert client.closed() == NOT_AUTHORIZED
    assert node.refused(name) == NOT_AUTHORIZED


@pytest.mark.parametrize(("wrong", "place"), [
    ('anonymous = "king"', "king"),
    (f'{ANYBODY}\n[[mqtt.access.topics]]\nfilter = "a#"', "topics[1].filter"),
    (f'{ANYBODY}\n[mqtt.access.quotas.client]\nconnections = 0', "quotas.client.connections"),
    (f"{ANYBODY}\nfile = \"nowhere.toml\"", "nowhere.toml"),
    ("anonymous = 7", "spica.toml:"),
    ("anonymous = ", "spica.toml:"),
    (f"{ANYBODY}\nsurprise = 1", "surprise"),
])
def test_what_is_wrong_changes_nothing_and_says_where(node, name, wrong, place):
    with node.join(name) as client:
        node.write(wrong)
        assert node.hang_up() == "refused"
        assert place in node.log()
        answer = node.reload()
        assert answer.status_code == 409 and place in answer.json()["detail"], answer.text
        assert client.publish("plant/x", b"1").reason == 0
    with node.join(name):
        pass


def test_what_needs_a_restart_is_named_and_the_rest_is_taken_up(node, name):
    node.write('anonymous = "reader"', listen="127.0.0.1:1")
    told = node.reload().raise_for_status().json()
    assert told["needs_restart"] == ["mqtt.listen"], told
    with node.join(name) as client:
        assert client.publish("plant/x", b"1").reason == NOT_AUTHORIZED
    assert node.hang_up() == "taken"
    assert "mqtt.listen" in node.log()


def test_a_node_without_a_station_lives_through_a_hangup(tmp_path):
    hub = start(tmp_path, DEFAULTS)
    hub.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "no MQTT station" in (tmp_path / "log").read_text(), "word about it")
    hub.client.get("/v1/devices").raise_for_status()
    stop(hub)


# JSON Web Tokens.

ISSUER = """
[jwt.plant]
issuer = "https://id.example.org"
audience = ["spica"]
algorithms = ["ES256", "EdDSA", "RS256"]
keys = ["plant.jwks"]
leeway = "0s"
roles = ["sensor"]
roles_claim = "roles"
[roles.sensor]
rules = [{ allow = ["publish"], filters = ["plant/%u/#"] }]
"""
KEYS = {
    "ES256": lambda: jwk.ECKey.generate_key("P-256", {"kid": "e"}),
    "EdDSA": lambda: jwk.OKPKey.generate_key("Ed25519", {"kid": "d"}),
    "RS256": lambda: jwk.RSAKey.generate_key(2048, {"kid": "r"}),
}


def token(key, algorithm, **claims):
    known = {"iss": "https://id.example.org", "aud": "spica", "sub": "pump7", "exp": int(time.time()) + 60}
    header = {"alg": algorithm, "kid": key.kid}
    return jwt.encode(header, known | claims, key, algorithms=[algorithm])


def publish_keys(directory, keys):
    (directory / "plant.jwks").write_text(json.dumps(jwk.KeySet(keys).as_dict(private=False)))


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    directory = tmp_path_factory.mktemp("jwt")
    keys = {algorithm: make() for algorithm, make in KEYS.items()}
    publish_keys(directory, list(keys.values()))
    (directory / "access.toml").write_text(ISSUER)
    (directory / "access.toml").chmod(0o600)
    running = Node(directory, 'file = "access.toml"')
    yield running, keys
    stop(running.hub)


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_token_of_another_library_opens_the_door(signed, name, algorithm):
    node, keys = signed
    with node.join(name, password=token(keys[algorithm], algorithm, roles=["reader"])) as client:
        assert client.publish("plant/pump7/level", b"1").reason == 0
        assert client.publish("plant/pump8/level", b"1").reason == NOT_AUTHORIZED
        told = node.hub.client.get(f"/v1/mqtt/clients/{name}").raise_for_status().json()
        assert (told["user"], told["roles"]) == ("pump7", ["sensor", "reader"])


def test_a_token_that_is_wrong_does_not(signed, name):
    node, keys = signed
    key = keys["ES256"]
    forged = jwk.ECKey.generate_key("P-256", {"kid": "e"})
    right = token(key, "ES256")
    head, body, _ = right.split(".")
    for wrong in (
        token(forged, "ES256"),
        token(key, "ES256", aud="elsewhere"),
        token(key, "ES256", iss="https://id.example.com"),
        token(key, "ES256", exp=int(time.time()) - 1),
        token(key, "ES256", nbf=int(time.time()) + 60),
        f"{head}.{body}.",
    ):
        assert node.refused(name, user="any", password=wrong) == BAD_PASSWORD
    # MQTT 3.1.1 knows fewer reasons.
    with Raw(node.hub.address("mqtt"), V311) as client:
        assert client.connect(name[-20:], user="any", password=right).reason == 0
    with Raw(node.hub.address("mqtt"), V311) as client:
        assert client.connect(name[-20:], user="any", password=f"{head}.{body}.").reason == 4


def test_a_connection_ends_with_its_token(signed, name):
    node, keys = signed
    exp = int(time.time()) + 2
    with node.join(name, password=token(keys["EdDSA"], "EdDSA", exp=exp)) as client:
        assert client.closed() == TIME_OVER
        assert exp <= time.time() < exp + DEADLINE_S


def test_a_new_key_is_found_and_an_old_one_is_forgotten(signed, name):
    node, keys = signed
    new = jwk.ECKey.generate_key("P-256", {"kid": "new"})
    assert node.refused(name, password=token(new, "ES256")) == BAD_PASSWORD
    publish_keys(node.directory, [new, keys["EdDSA"], keys["RS256"]])

    # By itself: the station looks at the files that it has read.
    # Each time with another client id: one that comes too often would be banned.
    numbers = itertools.count()
    wait_for(lambda: node.refused(f"{name}-{next(numbers)}", password=token(new, "ES256")) == 0, "new key")
    assert node.refused(name, password=token(keys["ES256"], "ES256")) == BAD_PASSWORD


# Passwords that the node makes.


def test_a_password_of_the_node_itself_opens_the_door_until_there_is_another(signed, name):
    node, _ = signed
    user = name[-40:]
    body = {"name": user, "roles": ["operator"]}
    made = node.hub.client.post("/v1/mqtt/users", json=body).raise_for_status().json()["password"]
    assert len(made) == 32
    assert node.refused(name, user=user, password=made) == 0
    assert node.refused(name, user=user, password=made[:-1]) == BAD_PASSWORD
    listed = node.hub.client.get("/v1/mqtt/users").raise_for_status().text
    assert user in listed and made not in listed and "password" not in listed
    other = node.hub.client.put(f"/v1/mqtt/users/{user}/password", json={}).raise_for_status().json()["password"]
    assert node.refused(name, user=user, password=made) == BAD_PASSWORD
    assert node.refused(name, user=user, password=other) == 0
    chosen = {"password": "chosen by somebody"}
    assert node.hub.client.put(f"/v1/mqtt/users/{user}/password", json=chosen).status_code == 204
    assert node.refused(name, user=user, password=chosen["password"]) == 0
