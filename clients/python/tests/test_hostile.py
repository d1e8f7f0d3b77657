"""Frames of a hostile server: the client refuses them, and nothing else happens."""

import random

import pytest

from spica_live import Gap, Reset, cbor
from spica_live.core import Core, Hello
from spica_live.errors import ProtocolError
from spica_live.frames import Codec, dumps

WELCOME = {
    "t": "welcome",
    "session": "s",
    "node": "root",
    "engine": "e1",
    "time": 1,
    "heartbeat_ms": 1000,
    "role": "reader",
    "max_frame": 65536,
    "max_subs": 10,
}
AT = [1, 0, 1, 1]
ROWS = [
    [0, 1, "a", 1, 1, 1, 10, None, 0, 0, 0, {"n": 1}],
    [1, 1, 1, 1, 2, 11, None, 0, 1, 1, 1, 0, {"n": 2}],
    [3, 1, 1, 1, 3, 12, 5, 1],
    [0, 2, "b", 0, 1, 1, 10, None, 0, 0, 2, "AQID"],
    [1, 2, 0, 1, 2, 10, None, 0, 0, 1, 1, 1, "BwA="],
    [2, 1, "a", 1, 1, 4, 13, None, 0],
    [4, 3, "w", 1, 1, 5, 14, {"mean": 1.5}, 1, 2],
]
FRAMES = [
    {"t": "subscribed", "sub": 1, "recovery": "auto", "deliver": "auto", "at": AT, "resumed": False},
    {"t": "data", "sub": 1, "u": ROWS, "at": AT},
    {"t": "ready", "sub": 1, "at": AT},
    {"t": "gap", "sub": 1, "lane": "normal", "from": 1, "to": 2, "reason": "queue"},
    {"t": "result", "id": 1, "status": 200, "body": {}},
    {"t": "refused", "id": 1, "code": "limit", "detail": "x"},
    {"t": "reset", "sub": 1},
    {"t": "beat", "time": 1},
    {"t": "bye", "code": "stopping", "detail": "", "retry_after_ms": 5, "active": "http://a:1"},
    {"t": "ended", "sub": 1, "code": "lost", "detail": ""},
]
JUNK = [None, True, -1, 2**70, 1.5, "", "x", [], {}, [[]], {"t": 1}, 2**32, "data", b"\x00"]


def open_core():
    core = Core(Hello())
    core.begin(Codec(False))
    core.receive(dict(WELCOME), 10)
    core.subscribe({"filter": "#"})
    core.ask({"t": "call", "method": "GET", "path": "/v1/tree"})
    return core


def damaged(value, rng):
    """The value with one place of it replaced or left out."""
    if isinstance(value, (dict, list)) and value and rng.random() < 0.8:
        copy = value.copy()
        key = rng.choice(list(copy) if isinstance(copy, dict) else range(len(copy)))
        if rng.random() < 0.2:
            del copy[key]
        else:
            copy[key] = damaged(copy[key], rng)
        return copy
    return rng.choice(JUNK)


def test_damaged_frames_are_refused_and_nothing_else():
    rng = random.Random(5)
    refused = 0
    for _ in range(4000):
        core = open_core()
        for frame in FRAMES:
            if rng.random() < 0.3:
                frame = damaged(frame, rng)
                if not isinstance(frame, dict) or not isinstance(frame.get("t"), str):
                    continue
            try:
                core.receive(frame, 10)
            except ProtocolError:
                refused += 1
                core.lost()
                break
    assert refused > 500


def test_undamaged_frames_are_not_refused():
    core = open_core()
    for frame in FRAMES:
        core.receive(frame, 10)


def test_events_that_went_by_while_a_snapshot_was_cut_are_named_by_a_gap():
    core = open_core()
    core.receive(FRAMES[0], 10)
    core.lost()
    core.begin(Codec(False))
    core.receive(dict(WELCOME), 10)
    assert "after" not in core.out[0], "the snapshot begins anew"
    (told,) = core.receive({**FRAMES[0], "at": [1, 0, 1, 9]}, 10)
    assert told.items == [Gap("normal", 2, 9, "unknown"), Reset()]


def test_bytes_that_are_no_cbor_are_refused_and_nothing_else():
    rng = random.Random(6)
    whole = cbor.encode(FRAMES)
    for _ in range(20000):
        data = bytearray(whole[rng.randrange(len(whole)) :])
        for _ in range(rng.randrange(4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            cbor.decode(bytes(data))
        except ProtocolError:
            pass


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x9b" + b"\xff" * 8,
        b"\x5a\x7f\xff\xff\xff",
        b"\x81" * 100 + b"\x00",
        b"\xa2\x61a\x00\x61a\x00",
        b"\xa1\x00\x00",
        b"\xc0\x00",
        b"\xf7",
        b"\xfb\x7f\xf8" + b"\x00" * 6,
        b"\x61\xff",
        b"\x00\x00",
        b"\x1f",
    ],
)
def test_what_frames_do_not_have_is_refused(data):
    with pytest.raises(ProtocolError):
        cbor.decode(data)


@pytest.mark.parametrize("text", ["", "[]", "7", '{"t":1}', '{"t":NaN}', "[" * 100_000, "{" + '"t":{' * 90_000])
def test_json_that_is_no_frame_is_refused(text):
    with pytest.raises(ProtocolError):
        Codec(False).decode(text)


def test_a_message_of_the_other_kind_is_refused():
    for binary, message in ((False, b"\xa0"), (True, dumps(WELCOME))):
        with pytest.raises(ProtocolError):
            Codec(binary).decode(message)
