"""A device that others could have written, over plain TCP, TLS and through HAProxy."""

import hashlib
import os
import socket
import ssl
import subprocess

import pytest
import trustme

from conftest import DEFAULTS, start, stop, wait_for
from device import Device

MAN_DOWN, STATUS = 0x3B, 0x20


def dial(hub, name="identicom"):
    return socket.create_connection(hub.address(name), timeout=10)


def test_events_pictures_and_commands(hub):
    hub.register("PY00000001", name="Ada")
    queued = hub.client.post(
        "/v1/devices/PY00000001/commands",
        json={"name": "show-text", "arguments": {"text": "hello"}, "expires_in": "1h"},
    )
    assert queued.status_code == 201, queued.text
    picture = b"\xff\xd8\xff\xe0" + os.urandom(4321) + bytes([0x1E, 0x1D]) * 40
    with dial(hub) as sock:
        device = Device(sock, "PY00000001")
        for index in range(20):
            device.event(index + 1, 1700000000 + index, MAN_DOWN if index == 7 else STATUS, b"\x01\x01\x50")
        device.pictures[9] = picture
        device.run()
    assert device.log == [] and device.pictures == {}
    assert [(code, bytes(data)) for _, code, data in device.commands] == [(3, b"hello")]
    records = [r for r in hub.history(device="PY00000001") if "/events/" in r["topic"]]
    assert sorted(r["value"]["index"] for r in records) == list(range(1, 21))
    (alarm,) = [r for r in records if r["class"] == "critical"]
    assert alarm["topic"].endswith("/events/man-down")
    assert alarm["value"]["detail"] == {"battery_percent": 80}
    (stored,) = [r for r in hub.history(device="PY00000001") if r["topic"].endswith("/pictures")]
    got = hub.client.get(f"/v1/pictures/{stored['value']['address']}")
    assert hashlib.sha256(got.content).hexdigest() == stored["value"]["sha256"]
    assert got.content == picture
    ranged = hub.client.get(f"/v1/pictures/{stored['value']['address']}", headers={"range": "bytes=2-5"})
    assert (ranged.status_code, ranged.content) == (206, picture[2:6])


def test_unknown_serial_gets_no_answer(hub):
    with dial(hub) as sock:
        assert Device(sock, "STRANGER").run() == []


def test_redelivery_makes_no_second_record(hub):
    hub.register("PY00000002")
    for _ in range(2):
        with dial(hub) as sock:
            device = Device(sock, "PY00000002")
            device.event(1, 1700000000, STATUS)
            device.run()
    assert len([r for r in hub.history(device="PY00000002") if "/events/" in r["topic"]]) == 1


def test_tls(tmp_path):
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(tmp_path / "cert.pem", append=True)
    hub = start(
        tmp_path,
        DEFAULTS
        + f"""
[identicom.tls]
listen = "127.0.0.1:0"
certificate = "{tmp_path}/cert.pem"
key = "{tmp_path}/key.pem"
""",
    )
    hub.register("PY00000003")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with context.wrap_socket(dial(hub, "identicom_tls"), server_hostname="localhost") as sock:
        device = Device(sock, "PY00000003")
        device.event(1, 1700000000, MAN_DOWN)
        device.run()
    assert [entry[2] for entry in device.deleted] == [MAN_DOWN]
    stop(hub)


@pytest.mark.parametrize("send", ["send-proxy", "send-proxy-v2"])
def test_through_haproxy(tmp_path, send):
    hub = start(tmp_path, DEFAULTS + 'proxy_protocol_from = ["127.0.0.1/32"]\n')
    hub.register("PY00000004")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "haproxy.cfg").write_text(
        f"""
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen identicom
  bind 127.0.0.1:{port}
  server station {hub.addresses['identicom']} {send}
"""
    )
    proxy = subprocess.Popen(["haproxy", "-db", "-f", tmp_path / "haproxy.cfg"], stderr=subprocess.DEVNULL)
    try:
        sock = wait_for(lambda: try_connect(port), "HAProxy")
        with sock:
            local = "%s:%d" % sock.getsockname()
            device = Device(sock, "PY00000004")
            device.event(1, 1700000000, STATUS)
            device.run()
        assert device.log == []
        (checkin,) = [r for r in hub.history(device="PY00000004") if r["topic"].endswith("/check-in")]
        assert checkin["value"]["remote"] == local
    finally:
        proxy.terminate()
        proxy.wait()
    stop(hub)


def try_connect(port):
    try:
        return socket.create_connection(("127.0.0.1", port), timeout=10, source_address=("127.0.0.77", 0))
    except ConnectionRefusedError:
        return None
