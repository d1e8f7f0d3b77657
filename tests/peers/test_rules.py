"""Rules in the real binary: what they make of messages is seen by paho, by an HTTP server, and as
cases; the file is changed while they run; the node is killed."""

import http.server
import json
import os
import signal
import subprocess
import threading

import pytest

from conftest import BINARY, MQTT, start, stop, wait_for
from test_mqtt_clients import Paho

RULES = """
[[sink]]
name = "erp"
url = "{url}"
token = "abc"
timeout = "500ms"
[[rule]]
name = "too-hot"
topics = ["plant/+/t"]
when = 'payload.value > 80'
then = [
  {{ republish = {{ topic = "alerts/{{levels[1]}}", payload = '#{{ c: payload.value }}', retain = true }} }},
  {{ case = {{ source = "plant/{{levels[1]}}", condition = "too-hot", severity = "high", text = "{{payload.value}} C", clear = "payload.value < 75" }} }},
  {{ post = {{ sink = "erp", body = '#{{ tank: levels[1], c: payload.value }}' }} }},
]
"""


class Receiver:
    """An HTTP server that does what `status` says, and keeps what it took by its key."""

    def __init__(self):
        self.taken, self.order, self.status = {}, [], lambda _body: 200
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status = receiver.status(body)
                if status == 200:
                    assert self.headers["authorization"] == "Bearer abc"
                    if receiver.taken.setdefault(self.headers["idempotency-key"], body) is body:
                        receiver.order.append(body["c"])
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/readings"


class World:
    def __init__(self, directory):
        self.directory, self.receiver = directory, Receiver()
        self.rules = directory / "rules.toml"
        self.write(RULES.format(url=self.receiver.url))
        self.begin()

    def write(self, text):
        self.rules.write_text(text)

    def begin(self):
        (self.directory / "data" / "run.json").unlink(missing_ok=True)
        self.hub = start(self.directory, f'{MQTT}\n[rules]\nfile = "{self.rules}"\n')

    def say(self, tank, *values):
        with Paho(self.hub.address("mqtt"), "teller") as client:
            for value in values:
                client.publish(f"plant/{tank}/t", json.dumps({"value": value}))

    def case(self):
        answer = self.hub.client.get("/v1/cases", params={"state": "all", "limit": 100}).json()
        return next((it for it in answer["cases"] if it["condition"] == "too-hot"), None)

    def reload(self):
        return self.hub.client.post("/v1/rules/reload", json={})


@pytest.fixture
def world(tmp_path):
    running = World(tmp_path)
    yield running
    stop(running.hub)
    running.receiver.server.shutdown()


def test_a_message_is_republished_raises_a_case_and_is_posted(world):
    with Paho(world.hub.address("mqtt"), "watcher") as watcher:
        watcher.subscribe("alerts/#")
        world.say(3, 20, 91, 92)
        watcher.message('{"c":91}', topic="alerts/3")
        watcher.message('{"c":92}', topic="alerts/3")
    case = wait_for(world.case, "case")
    assert (case["source"], case["severity"]) == ("plant/3", "high"), case
    wait_for(lambda: world.receiver.order == [91, 92], "posts")
    assert all("rule:too-hot/2/" in key for key in world.receiver.taken)
    world.say(3, 70)
    wait_for(lambda: world.case()["state"] != case["state"], "end of the condition")


def test_a_sink_that_fails_gets_all_later_and_what_it_refuses_is_a_dead_letter(world):
    world.receiver.status = lambda _body: 503
    world.say(1, *range(100, 150))
    handlers = lambda: world.hub.client.get("/v1/handlers").json()["handlers"]
    stuck = lambda: next((it for it in handlers() if it["name"] == "sink-erp" and it["state"] == "retrying"), None)
    told = wait_for(stuck, "trouble of the sink")
    assert "503" in json.dumps(told), told
    world.receiver.status = lambda body: 422 if body["c"] == 120 else 200
    wait_for(lambda: len(world.receiver.taken) == 49, "all but one")
    letters = lambda: world.hub.client.get("/v1/handlers/sink-erp/dead-letters").json()["letters"]
    assert "422" in wait_for(letters, "dead letter")[0]["error"]


def test_a_file_is_checked_and_a_reload_that_fails_changes_nothing(world, tmp_path):
    right = world.rules.read_text()
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(right.replace("payload.value > 80'", "payload.value >'"))
    checked = subprocess.run([BINARY, "rules", "check", wrong], capture_output=True, text=True, timeout=30)
    assert checked.returncode == 78 and f'{wrong}:10:' in checked.stderr, checked
    world.write(wrong.read_text())
    refused = world.reload()
    assert refused.status_code == 409 and "rules.toml:10:" in refused.text, refused.text
    world.say(1, 90)
    wait_for(lambda: world.receiver.order == [90], "the old rules")
    # By itself, when it changes.
    world.write(right.replace("> 80", "> 200"))
    rules = 'rule_reloads_total{outcome="taken"}'
    wait_for(lambda: rules in world.hub.client.get("/metrics").text, "reload")
    world.say(1, 100, 300)
    wait_for(lambda: world.receiver.order == [90, 300], "the new rules")
    done = subprocess.run(
        [BINARY, "rules", "reload"], capture_output=True, text=True, timeout=30,
        env={**os.environ, "SPICA_SERVER": str(world.hub.client.base_url), "SPICA_TOKEN": world.hub.token},
    )
    assert done.returncode == 0 and "1 rules, 1 sinks" in done.stdout, done


def test_kill_9_loses_nothing_and_doubles_nothing(world):
    world.receiver.status = lambda body: 200 if body["c"] % 7 else 503 if body["c"] not in world.seen and not world.seen.add(body["c"]) else 200
    world.seen = set()
    for turn in range(3):
        world.say(1, *range(100 + 40 * turn, 140 + 40 * turn))
        world.hub.process.send_signal(signal.SIGKILL)
        world.hub.process.wait()
        world.hub.client.close()
        world.begin()
    wait_for(lambda: len(world.receiver.taken) == 120, "all posts")
    copies = lambda: [it for it in world.hub.history(topic="root/alerts/1") if it["topic"].endswith("alerts/1")]
    wait_for(lambda: len(copies()) == 120, "all records")
    assert [it["value"]["c"] for it in copies()] == list(range(100, 220))
