"""The webhook and the SMS gateway against Python's own HTTP server, HMAC and TLS."""

import hashlib
import hmac
import json
import queue
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
from channels import Channel

SECRET = "correct horse battery staple"
TEXT = 'Man down: Grüße & "100 %" = ok?\n{to}'


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.requests.put((self.command, self.path, self.headers, body))
        status, headers, answer = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = handle_any

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.socket = context.wrap_socket(running.socket, server_side=True)
    running.requests, running.answer = queue.Queue(), (200, {}, b"")
    running.url = f"https://localhost:{running.server_port}"
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


def test_a_webhook_is_signed_and_repeats_its_key(server, tmp_path):
    (tmp_path / "secret").write_text(SECRET + "\n")
    table = f'kind = "webhook"\nurl = "{server.url}/alarms?x=1"\nca = "ca.pem"\nsecret_file = "secret"'
    with Channel(tmp_path, table) as channel:
        for attempt in (1, 2):
            assert channel.send(attempt=attempt, body=TEXT)["outcome"] == "delivered"
            method, path, headers, body = server.requests.get(timeout=10)
            assert (method, path) == ("POST", "/alarms?x=1")
            timestamp = headers["X-Spica-Timestamp"]
            assert abs(int(timestamp) - time.time()) < 60
            signed = f"{timestamp}.".encode() + body
            digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
            assert headers["X-Spica-Signature"] == f"v1={digest}"
            assert headers["Idempotency-Key"] == "root/s1:1-1/1"
            said = json.loads(body)
            assert said["key"] == headers["Idempotency-Key"]
            assert (said["attempt"], said["body"], said["reason"]) == (attempt, TEXT, "raised")
            assert said["case"]["severity"] == "emergency"


@pytest.mark.parametrize(
    ("status", "headers", "outcome", "after"),
    [
        (204, {}, "delivered", None),
        (500, {}, "retry", None),
        (503, {"Retry-After": "7"}, "retry", 7),
        (429, {"Retry-After": "86400"}, "retry", 300),
        (408, {}, "retry", None),
        (425, {}, "retry", None),
        (404, {}, "refused", None),
        (302, {"Location": "/elsewhere"}, "refused", None),
    ],
)
def test_a_status_says_whether_to_try_again(server, tmp_path, status, headers, outcome, after):
    server.answer = (status, headers, b"" if status == 204 else b"no such\r\nthing")
    table = f'kind = "webhook"\nurl = "{server.url}"\nca = "ca.pem"'
    with Channel(tmp_path, table) as channel:
        said = channel.send()
    assert (said["outcome"], said["after"]) == (outcome, after)
    assert str(status) in said["answer"]
    assert server.requests.qsize() == 1, "a redirect was followed"


def test_a_certificate_of_somebody_else_is_not_believed(server, tmp_path):
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    table = f'kind = "webhook"\nurl = "{server.url}"\nca = "other.pem"'
    with Channel(tmp_path, table) as channel:
        said = channel.send()
    assert said["outcome"] == "retry" and "certificate" in said["answer"], said
    assert server.requests.empty()


def test_a_gateway_gets_text_and_number_in_its_own_form(server, tmp_path):
    server.answer = (200, {}, b"OK id=17")
    url = f"{server.url}/send?to={{to}}&digits={{to_digits}}&text={{text}}&password={{secret}}"
    table = f'kind = "sms-http"\nurl = "{url}"\nca = "ca.pem"\nsecret = "a&b=c"\nsuccess_matches = "^OK id=[0-9]+$"'
    with Channel(tmp_path, table) as channel:
        said = channel.send(body=TEXT)
        assert (said["outcome"], said["answer"]) == ("delivered", "OK id=17")
        method, path, _, _ = server.requests.get(timeout=10)
        assert method == "GET"
        assert parse_qs(urlsplit(path).query, strict_parsing=True) == {
            "to": ["+41791234567"],
            "digits": ["41791234567"],
            "text": [TEXT],
            "password": ["a&b=c"],
        }
        server.answer = (200, {}, b"ERR 5")
        assert channel.send()["outcome"] == "retry"


@pytest.mark.parametrize(
    ("content_type", "body", "read"),
    [
        ("application/json", '{"to":["{to}"],"text":"{text}"}', lambda b: json.loads(b)["text"]),
        ("application/x-www-form-urlencoded", "text={text}", lambda b: parse_qs(b)["text"][0]),
    ],
)
def test_a_gateway_gets_a_body_in_its_own_form(server, tmp_path, content_type, body, read):
    table = (
        f"kind = \"sms-http\"\nurl = \"{server.url}\"\nca = \"ca.pem\"\nbody = '{body}'\n"
        f'content_type = "{content_type}"\nuser = "hub"\npassword = "secret"\n'
        'headers = { X-Key = "{key}" }'
    )
    with Channel(tmp_path, table) as channel:
        assert channel.send(body=TEXT)["outcome"] == "delivered"
    method, _, headers, sent = server.requests.get(timeout=10)
    assert (method, headers["Content-Type"]) == ("POST", content_type)
    assert headers["Authorization"] == "Basic aHViOnNlY3JldA=="
    assert headers["X-Key"] == "root/s1:1-1/1"
    assert read(sent.decode()) == TEXT
