"""`spica demo` from a fall to a closed case, against aiosmtpd and Python's own HTTP server."""

import hashlib
import hmac
import json
import re
import socket
import subprocess
import threading
import time
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from conftest import BINARY

SECRET = "hush"
# Twelve seconds of events, then what is left to do; generous, since the machine may be busy.
DEADLINE_S = 180


class Box:
    """Takes mails."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.original_content, policy=policy.default)
        self.mails.append((envelope.rcpt_tos, mail))
        return "250 taken"


@pytest.fixture
def mails():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = Controller(Box(), hostname="127.0.0.1", port=port)
    running.start()
    yield running
    running.stop()


class Receiver(BaseHTTPRequestHandler):
    """Takes posts whose signature is right."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        timestamp = self.headers["x-spica-timestamp"]
        signed = timestamp.encode() + b"." + body
        expected = "v1=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        right = hmac.compare_digest(self.headers["x-spica-signature"], expected)
        fresh = abs(time.time() - int(timestamp)) < 60
        if right and fresh:
            self.server.posts.append((self.headers["idempotency-key"], json.loads(body)))
        else:
            self.server.refused += 1
        self.send_response(204 if right and fresh else 403)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def webhook():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.posts, server.refused = [], 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def demo(*flags):
    """Runs the demo; its exit code, and its report."""
    command = [BINARY, "demo", "--for", "12s", "--json", "--http", "127.0.0.1:0", *flags]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)
    assert ran.stdout, ran.stderr
    return ran.returncode, json.loads(ran.stdout)


def test_every_emergency_reaches_people_by_mail_and_by_webhook(mails, webhook, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    code, report = demo(
        "--smtp", f"127.0.0.1:{mails.port}",
        "--webhook", f"http://127.0.0.1:{webhook.server_port}/alarms",
        "--webhook-secret-file", str(secret),
    )  # fmt: skip
    assert (code, report["passed"]) == (0, True), report
    assert (report["unnotified"], report["missing_cases"]) == (0, 0), report
    assert report["lost_acknowledgements"] == 0, report
    assert report["emergencies"] == report["notified"] > 0, report
    assert report["acknowledged"] >= report["closed"] > 0, report
    assert report["event_to_notify_ms_p99"] > 0, report
    # What the fleet's own books said before there were alarms is still said.
    assert report["lost"] == 0 and report["events"]["told"] > 0, report

    assert webhook.refused == 0
    posted, mailed = posts(webhook.posts), read(mails.handler.mails)
    for way in (posted, mailed):
        raised = {case for case, reason, who in way if (reason, who) == ("raised", "Anna")}
        assert len(raised) == report["emergencies"], (report, way)
    escalated = [
        {case for case, reason, who in way if (reason, who) == ("escalated", "Bob")}
        for way in (posted, mailed)
    ]
    assert all(escalated), "Bob heard of nothing"
    assert len(set.union(*escalated)) == report["escalated"]
    keys = [key for key, _ in webhook.posts]
    assert len(keys) == len(set(keys)), "what a receiver took came again"


def posts(taken):
    """Case, reason and person of what was posted about emergencies."""
    said = [post for key, post in taken if post["key"] == key]
    assert len(said) == len(taken), "a key is not that of its body"
    emergencies = [post for post in said if post["case"]["severity"] == "emergency"]
    return {(post["case"]["id"], post["reason"], post["person"]) for post in emergencies}


REASONS = {"ALARM": "raised", "ALARM, NOT YET ACKNOWLEDGED": "escalated"}
PEOPLE = {"anna@demo.example": "Anna", "bob@demo.example": "Bob"}


def read(taken):
    """The same of mails."""
    found = set()
    for to, mail in taken:
        if mail["x-priority"] is None:
            continue
        text = mail.get_content()
        case = re.search(r"^Case (\d+-\d+) of root", text, re.MULTILINE).group(1)
        reason = re.search(r"^(.+), severity EMERGENCY", text, re.MULTILINE).group(1)
        found.add((case, REASONS.get(reason, reason), PEOPLE[to[0]]))
    return found


def test_an_emergency_of_which_no_message_arrives_fails_the_run(mails):
    async def refuse(server, session, envelope, address, options):
        return "550 no such user"

    mails.handler.handle_RCPT = refuse
    code, report = demo("--smtp", f"127.0.0.1:{mails.port}", "--devices", "20")
    assert (code, report["passed"]) == (1, False), report
    assert report["unnotified"] == report["emergencies"] > 0, report
    assert (report["notified"], report["missing_cases"]) == (0, 0), report
    # Nobody acknowledges what they have not heard of.
    assert report["alarm_examples"], report
