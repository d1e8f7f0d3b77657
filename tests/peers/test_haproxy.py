"""The HAProxy configuration of `spica topology haproxy`, in the real HAProxy, before two stand-ins
for the nodes of a pair: each says by HTTP whether it is active, and echoes over TCP who it is and
for whom the balancer speaks."""

import contextlib
import socket
import struct
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conftest import BINARY, DEADLINE_S, wait_for

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def exactly(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise ConnectionError("closed")
        data += more
    return data


class Node:
    """A stand-in: `state` is active (serves, healthy), passive (closes) or voting (serves, but its
    health check does not say so yet)."""

    def __init__(self, name, state):
        self.name, self.state, self.visits = name, state, 0
        node = self

        class Health(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                known = self.path == "/health/active"
                self.send_response(404 if not known else 200 if node.state == "active" else 503)
                body = node.name.encode()
                self.send_header("content-length", str(len(body)))
                # A check hangs up when it has seen the status.
                with contextlib.suppress(OSError):
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Health)
        self.station = socket.create_server(("127.0.0.1", 0))
        for work in (self.http.serve_forever, self.accept):
            threading.Thread(target=work, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.station.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        with sock:
            try:
                head = exactly(sock, 16)
                assert head[:12] == SIGNATURE and head[12:14] == b"\x21\x11", head
                addresses = exactly(sock, struct.unpack(">H", head[14:])[0])
                self.visits += 1
                if self.state == "passive":
                    return
                port = struct.unpack(">H", addresses[8:10])[0]
                sock.sendall(f"{self.name} {socket.inet_ntoa(addresses[:4])}:{port}\n".encode())
                while data := sock.recv(100):
                    sock.sendall(data)
            except OSError:
                return

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.station.close()


@pytest.fixture
def pair(tmp_path):
    nodes = [Node("a", "active"), Node("b", "passive")]
    ports = {"identicom": free_port(), "http": free_port()}
    named = [
        f"--node={node.name}=127.0.0.1:{node.http.server_address[1]},{node.station.getsockname()[1]}" for node in nodes
    ]
    binds = [f"--bind-{name}=127.0.0.1:{port}" for name, port in ports.items()]
    limit = "--connections=1000"
    printed = subprocess.run([BINARY, "topology", "haproxy", *named, *binds, limit], capture_output=True, check=True)
    config = tmp_path / "haproxy.cfg"
    config.write_bytes(printed.stdout)
    checked = subprocess.run(["haproxy", "-c", "-f", config], capture_output=True, text=True)
    assert checked.returncode == 0 and "WARNING" not in checked.stderr, checked.stderr
    process = subprocess.Popen(["haproxy", "-db", "-f", config], stderr=(tmp_path / "log").open("wb"))
    yield nodes, ports
    process.terminate()
    process.wait(DEADLINE_S)
    for node in nodes:
        node.close()


def dial(ports):
    """A connection and its greeting; None if it is closed without one, as by a passive."""
    try:
        sock = socket.create_connection(("127.0.0.1", ports["identicom"]), timeout=10)
        greeting = sock.makefile("rb").readline().decode().strip()
    except OSError:
        return None
    if not greeting:
        sock.close()
        return None
    return sock, greeting


def reaches(ports, name):
    """A connection to the node, once several in a row have come to it: HAProxy believes at first
    that all nodes are well."""
    row = []

    def look():
        found = dial(ports)
        if not found or not found[1].startswith(f"{name} "):
            for sock, _ in [*row, *([found] if found else [])]:
                sock.close()
            row.clear()
        else:
            row.append(found)
        return len(row) == 5

    wait_for(look, f"connections to {name}")
    for sock, _ in row[1:]:
        sock.close()
    return row[0]


def test_connections_go_to_the_active_and_move_with_it(pair):
    (a, b), ports = pair
    sock, greeting = reaches(ports, "a")
    # The station learns who dials.
    assert greeting == "a {}:{}".format(*sock.getsockname())
    for _ in range(10):
        other, greeting = dial(ports)
        assert greeting.startswith("a ")
        other.close()
    sock.sendall(b"still here")
    assert exactly(sock, 10) == b"still here"

    a.state, b.state = "passive", "active"
    # What is open is closed, so that the device dials again.
    assert sock.recv(1) == b""
    sock.close()
    reaches(ports, "b")[0].close()

    a.state, b.state = "active", "passive"
    reaches(ports, "a")[0].close()


def test_while_no_node_is_active_both_are_asked(pair):
    (a, b), ports = pair
    reaches(ports, "a")[0].close()
    a.state = "passive"
    wait_for(lambda: dial(ports) is None, "refusal")
    before = a.visits, b.visits
    # A vote for each: they come to both.
    wait_for(lambda: dial(ports) or (a.visits > before[0] and b.visits > before[1]), "vote at both")

    # The vote that makes a node active is served, though no check has seen it active.
    b.state = "voting"
    sock, _ = wait_for(lambda: dial(ports), "vote that counts")
    b.state = "active"
    # And goes on when one has, while others come.
    reaches(ports, "b")[0].close()
    sock.sendall(b"x")
    assert exactly(sock, 1) == b"x"
    sock.close()


def test_a_node_that_is_gone_is_no_obstacle(pair):
    (a, b), ports = pair
    reaches(ports, "a")[0].close()
    a.close()
    b.state = "voting"
    wait_for(lambda: dial(ports), "vote that counts")[0].close()
    b.state = "active"
    reaches(ports, "b")[0].close()


def test_http_goes_to_the_active(pair):
    (a, b), ports = pair

    def answers(name):
        def look():
            try:
                with socket.create_connection(("127.0.0.1", ports["http"]), timeout=10) as sock:
                    sock.sendall(b"GET /health/active HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    answer = sock.makefile("rb").read().decode()
            except OSError:
                return False
            return answer.startswith("HTTP/1.1 200") and answer.endswith(name)

        return look

    wait_for(answers("a"), "answer of a")
    a.state, b.state = "passive", "active"
    wait_for(answers("b"), "answer of b")
