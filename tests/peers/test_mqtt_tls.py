"""MQTT over TLS, from the server's certificate to the client's: certificates by trustme, the client
Eclipse Paho and Python's own TLS."""

import queue
import socket
import ssl

import paho.mqtt.client as paho
import pytest
import trustme

from conftest import DEADLINE_S, DEFAULTS, start, stop

ACCESS = """
[users.ada]
certificates = ["cn:ada"]
roles = ["operator"]
[users.mail]
certificates = ["cn:mail"]
roles = ["reader"]
"""


def hub_with(directory, authority, more):
    """A node with a certificate of that authority."""
    server = authority.issue_cert("localhost")
    server.cert_chain_pems[0].write_to_path(directory / "server.pem")
    key = directory / "server.key"
    server.private_key_pem.write_to_path(key)
    key.chmod(0o600)
    access = directory / "access.toml"
    access.write_text(ACCESS)
    access.chmod(0o600)
    return start(directory, f"""{DEFAULTS}
[mqtt.admission]
trusted = ["127.0.0.0/8"]
[mqtt.access]
file = "access.toml"
[mqtt.tls]
listen = "127.0.0.1:0"
certificate = "server.pem"
key = "server.key"
{more}
""")


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def clients():
    """Who signs the certificates of clients: somebody else."""
    return trustme.CA()


@pytest.fixture(scope="module")
def plain(tmp_path_factory, authority):
    running = hub_with(tmp_path_factory.mktemp("tls"), authority, "")
    yield running
    stop(running)


@pytest.fixture(scope="module")
def mutual(tmp_path_factory, authority, clients):
    directory = tmp_path_factory.mktemp("mutual")
    clients.cert_pem.write_to_path(directory / "clients.pem")
    more = 'client_roots = "clients.pem"\nclient_certificate_required = true'
    running = hub_with(directory, authority, more)
    yield running
    stop(running)


def context(authority, certificate=None):
    made = ssl.create_default_context()
    authority.configure_trust(made)
    if certificate is not None:
        certificate.configure_cert(made)
    return made


class Client:
    """Paho, whose callbacks are put into queues."""

    def __init__(self, hub, tls, name, user=None, password=None, version=paho.MQTTv5):
        self.connacks, self.messages = queue.Queue(), queue.Queue()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, name, protocol=version, reconnect_on_failure=False)
        self.client.on_connect = lambda _c, _u, _flags, reason, _p: self.connacks.put(reason)
        self.client.on_message = lambda _c, _u, message: self.messages.put(message)
        self.client.tls_set_context(tls)
        if user is not None or password is not None:
            self.client.username_pw_set(user, password)
        _, port = hub.address("mqtt_tls")
        self.client.connect("localhost", port)
        self.client.loop_start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()

    def reason(self):
        return self.connacks.get(timeout=DEADLINE_S)


@pytest.mark.parametrize("version", [paho.MQTTv311, paho.MQTTv5])
def test_a_message_goes_both_ways_over_tls(plain, authority, name, version):
    with Client(plain, context(authority), name[-20:], password=plain.token, user="any", version=version) as client:
        assert not client.reason().is_failure
        subscribed = queue.Queue()
        client.client.on_subscribe = lambda *_: subscribed.put(True)
        client.client.subscribe(f"tls/{name}", 1)
        assert subscribed.get(timeout=DEADLINE_S)
        client.client.publish(f"tls/{name}", b"7", 1).wait_for_publish(DEADLINE_S)
        assert client.messages.get(timeout=DEADLINE_S).payload == b"7"


def test_who_does_not_know_the_authority_does_not_connect(plain):
    with pytest.raises(ssl.SSLCertVerificationError):
        Client(plain, ssl.create_default_context(), "stranger")


def handshake(hub, tls, versions=None):
    """The version that both agree on; the server says a word about a client's certificate only after
    the handshake of TLS 1.3, so something is read, too."""
    if versions is not None:
        tls.minimum_version, tls.maximum_version = versions
    _, port = hub.address("mqtt_tls")
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as raw:
        with tls.wrap_socket(raw, server_hostname="localhost") as made:
            # A PINGREQ before CONNECT: the station closes, without an alert.
            made.sendall(b"\xc0\x00")
            assert made.recv(1) == b""
            return made.version()


V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def test_tls_1_2_and_1_3_are_spoken(plain, authority):
    assert handshake(plain, context(authority), (V12, V12)) == "TLSv1.2"
    assert handshake(plain, context(authority), (V13, V13)) == "TLSv1.3"


def test_a_client_certificate_says_who_its_holder_is(mutual, authority, clients, name):
    for user, roles in (("ada", ["operator"]), ("mail", ["reader"])):
        certificate = clients.issue_cert("client.example.org", common_name=user)
        with Client(mutual, context(authority, certificate), f"{name}-{user}") as client:
            assert not client.reason().is_failure
            told = mutual.client.get(f"/v1/mqtt/clients/{name}-{user}").raise_for_status().json()
            assert (told["user"], told["roles"]) == (user, roles)


def test_a_certificate_of_nobody_opens_nothing(mutual, authority, clients, name):
    certificate = clients.issue_cert("client.example.org", common_name="stranger")
    with Client(mutual, context(authority, certificate), name) as client:
        assert client.reason().value == 0x87


def test_without_a_right_certificate_there_is_no_connection(mutual, authority):
    forged = trustme.CA().issue_cert("client.example.org", common_name="ada")
    for certificate in (None, forged):
        for versions in ((V12, V12), (V13, V13)):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                handshake(mutual, context(authority, certificate), versions)


def test_a_token_goes_before_the_certificate(mutual, authority, clients, name):
    certificate = clients.issue_cert("client.example.org", common_name="mail")
    with Client(mutual, context(authority, certificate), name, "any", mutual.token) as client:
        assert not client.reason().is_failure
        told = mutual.client.get(f"/v1/mqtt/clients/{name}").raise_for_status().json()
        assert told["user"].startswith("token:") and told["roles"] == ["admin"]
    with Client(mutual, context(authority, certificate), name, "ada", "wrong password") as client:
        assert client.reason().value == 0x86
