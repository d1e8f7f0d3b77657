"""The vectors that the server and all clients read alike."""

import json
from pathlib import Path

import pytest

from spica_live import cbor, delta
from spica_live.errors import ProtocolError
from spica_live.frames import Codec, dumps, loads, loads_sized
from spica_live.rows import NotHeld, View

VECTORS = Path(__file__).parents[3] / "crates" / "live-proto" / "tests" / "vectors"


def vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_text())


def named(name):
    return [pytest.param(case, id=case["name"]) for case in vectors(name)]


@pytest.mark.parametrize("case", named("frames"))
def test_a_frame_says_the_same_in_both_encodings(case):
    in_json = Codec(False).decode(case["json"])
    in_cbor = Codec(True).decode(bytes.fromhex(case["cbor_hex"]))
    if in_json["t"] != "data":
        assert in_json == in_cbor
        return
    assert {**in_json, "u": None} == {**in_cbor, "u": None}
    views = View(), View()
    for one, other in zip(in_json["u"], in_cbor["u"], strict=True):
        assert applied(views[0], one, False) == applied(views[1], other, True)


def applied(view, row, binary):
    try:
        return view.apply(row, Codec(binary))
    except NotHeld:
        return "not held"


@pytest.mark.parametrize("case", [c for c in named("frames") if c.values[0]["from"] == "client"])
def test_what_the_client_writes_reads_back(case):
    frame = loads(case["json"])
    for binary in (False, True):
        codec = Codec(binary)
        assert codec.decode(codec.encode(frame)) == frame


@pytest.mark.parametrize("case", named("deltas"))
def test_a_binary_delta_gives_its_result_or_is_refused(case):
    base, patch = bytes.fromhex(case["base_hex"]), bytes.fromhex(case["patch_hex"])
    if case["result_hex"] is None:
        with pytest.raises(ProtocolError):
            delta.apply_binary(base, patch)
    else:
        assert delta.apply_binary(base, patch) == bytes.fromhex(case["result_hex"])


@pytest.mark.parametrize("case", vectors("merges"), ids=lambda case: case["patch"][:40])
def test_a_merge_patch_gives_its_result(case):
    base, patch, result = (json.loads(case[key]) for key in ("base", "patch", "result"))
    before = dumps(base)
    assert delta.merge(base, patch) == result
    assert dumps(base) == before, "the base is as it was"


def test_the_size_of_each_frame_of_a_poll_is_known():
    text = ' {"next" : 7, "frames":[ {"t":"beat","x":"ü"} ,{"t":"a"}], "more":[1] } '
    found, sizes = loads_sized(text, "frames")
    assert found == json.loads(text)
    assert sizes == [len('{"t":"beat","x":"ü"}'.encode()), len('{"t":"a"}')]
    assert loads_sized("{}", "frames") == ({}, [])
    for bad in ("", "[]", "{", '{"a"}', '{"frames":[1 2]}', '{"frames":[1,', '{"a":1}x', '{"a":NaN}'):
        with pytest.raises(ProtocolError):
            loads_sized(bad, "frames")


def test_cbor_lengths_are_written_as_short_as_they_are():
    for number in (0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1, -1, -(2**63)):
        data = cbor.encode(number)
        assert cbor.decode(data) == number
    assert [len(cbor.encode(n)) for n in (23, 24, 256, 65536, 2**32)] == [1, 2, 3, 5, 9]
    with pytest.raises(TypeError):
        cbor.encode(2**64)
