"""Live sessions against clients that others wrote: `websockets`, an SSE client, plain requests."""

import json

import httpx_sse
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

JSON = "spica.live.v1.json"


def open_session(hub, **options):
    options = {"subprotocols": [JSON], **options}
    return connect(f"ws://{hub.addresses['http']}/v1/live/ws", **options)


def frame(ws, kind):
    """The next frame but heartbeats, which must be of the kind."""
    while True:
        got = json.loads(ws.recv(timeout=20))
        if got["t"] != "beat":
            assert got["t"] == kind, got
            return got


def greet(hub, ws):
    ws.send(json.dumps({"t": "hello", "token": hub.token}))
    return frame(ws, "welcome")


def test_a_value_is_published_and_seen_over_one_websocket(hub):
    with open_session(hub) as ws:
        assert ws.subprotocol == JSON
        assert greet(hub, ws)["role"] == "admin"
        ws.send(json.dumps({"t": "subscribe", "sub": 1, "filter": "root/peers/ws/#"}))
        assert frame(ws, "subscribed")["recovery"] == "auto"
        frame(ws, "ready")
        body = {"text": "Grüße", "n": 1}
        call = {"t": "call", "id": 5, "method": "POST", "path": "/v1/topics/root/peers/ws/a", "body": body}
        # In fragments, as large messages come.
        text = json.dumps(call)
        ws.send([text[:20], text[20:30], text[30:]])
        got = {}
        while set(got) != {"data", "result"}:
            one = json.loads(ws.recv(timeout=20))
            got[one["t"]] = one
        assert got["result"]["status"] == 201
        assert got["data"]["u"][0][11] == body
        assert ws.ping().wait(20)


@pytest.mark.parametrize("token", ["spica_wrong", ""])
def test_a_wrong_token_is_told_so(hub, token):
    with open_session(hub) as ws:
        ws.send(json.dumps({"t": "hello", "token": token}))
        assert frame(ws, "bye")["code"] == "unauthorized"
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(timeout=20)
    assert closed.value.rcvd.code == 1008


def test_what_cannot_be_agreed_on_is_refused_in_http(hub):
    for options, status in [({"subprotocols": ["mqtt"]}, 400), ({"origin": "http://evil.example"}, 403)]:
        with pytest.raises(InvalidStatus) as refused:
            open_session(hub, **options)
        assert refused.value.response.status_code == status


def test_the_same_over_events_and_by_polling(hub):
    opened = hub.client.post("/v1/live/sessions", json={"t": "hello"}).raise_for_status().json()
    assert opened["frames"][0]["t"] == "welcome"
    session = f"/v1/live/sessions/{opened['session']}"
    subscribe = [{"t": "subscribe", "sub": 1, "filter": "root/peers/sse/#"}]
    assert hub.client.post(session, json=subscribe).status_code == 202
    hub.client.post("/v1/topics/root/peers/sse/a", json=7).raise_for_status()
    with httpx_sse.connect_sse(hub.client, "GET", f"{session}/events") as events:
        seen = []
        for event in events.iter_sse():
            seen.append((int(event.id), json.loads(event.data)))
            if seen[-1][1]["t"] == "data":
                break
    assert [number for number, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][1]["u"][0][11] == 7
    last = seen[-1][0]
    hub.client.post("/v1/topics/root/peers/sse/a", json=8).raise_for_status()
    values = []
    while 8 not in values:
        page = hub.client.get(f"{session}/poll", params={"after": last, "timeout_ms": 5000}).json()
        last = page["next"]
        rows = [row for got in page["frames"] if got["t"] == "data" for row in got["u"]]
        # A full value or the change to it, which of a number is the number.
        values += [row[11] if row[0] == 0 else row[13] for row in rows]
    assert hub.client.delete(session).status_code == 204
