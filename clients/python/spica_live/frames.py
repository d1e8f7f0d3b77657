"""Frames on the wire: a JSON object in text, or the same in CBOR."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from . import cbor
from .errors import ProtocolError

Frame = dict[str, Any]

MAX_FRAME = 16 << 20
"""Bytes of a server's frame that are read."""


def _no_constant(text: str) -> Any:
    raise ProtocolError(f"JSON: {text} is no number")


def loads(text: str | bytes) -> Any:
    """JSON, without what JSON does not have. Raises `ProtocolError`."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"JSON: {error}") from error


def loads_sized(text: str, key: str) -> tuple[Frame, list[int]]:
    """An object of JSON, and the encoded bytes of each element of the array at `key`.

    Raises `ProtocolError`.
    """
    sizes: list[int] = []
    found: Frame = {}
    at = _skip(text, 0, "{")
    try:
        while text[at : at + 1] != "}":
            name, at = _DECODER.raw_decode(text, at)
            at = _skip(text, at, ":")
            if name == key and text[at : at + 1] == "[":
                found[key], at = _elements(text, at, sizes)
            else:
                found[name], at = _DECODER.raw_decode(text, at)
            at = _after(text, at, "}")
    except (ValueError, TypeError, RecursionError) as error:
        raise ProtocolError(f"JSON: {error}") from error
    if text[at + 1 :].strip():
        raise ProtocolError("JSON: something after the object")
    return found, sizes


def _elements(text: str, at: int, sizes: list[int]) -> tuple[list[Any], int]:
    items: list[Any] = []
    at = _skip(text, at, "[")
    while text[at : at + 1] != "]":
        item, end = _DECODER.raw_decode(text, at)
        items.append(item)
        sizes.append(len(text[at:end].encode()))
        at = _after(text, end, "]")
    return items, at + 1


def _skip(text: str, at: int, what: str) -> int:
    """Behind `what` and the white space around it."""
    at = _space(text, at)
    if text[at : at + 1] != what:
        raise ProtocolError(f"JSON: no {what!r} where one is needed")
    return _space(text, at + 1)


def _after(text: str, at: int, end: str) -> int:
    """Behind a comma, or at `end`."""
    at = _space(text, at)
    return at if text[at : at + 1] == end else _skip(text, at, ",")


def _space(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t", "\n", "\r"):
        at += 1
    return at


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def dumps(value: Any) -> str:
    """Compact JSON. Raises `ValueError` for a number that JSON does not have."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class Codec:
    """JSON or CBOR: how frames and what stands in rows are written."""

    def __init__(self, binary: bool) -> None:
        self.binary = binary

    @property
    def subprotocol(self) -> str:
        return "spica.live.v1.cbor" if self.binary else "spica.live.v1.json"

    def encode(self, frame: Frame) -> str | bytes:
        """One message."""
        return cbor.encode(frame) if self.binary else dumps(frame)

    def decode(self, message: str | bytes) -> Frame:
        """The frame of a message. Raises `ProtocolError`."""
        if isinstance(message, bytes) != self.binary:
            raise ProtocolError("a message of the other kind")
        if len(message) > MAX_FRAME:
            raise ProtocolError("a frame that is too long")
        value = cbor.decode(message) if isinstance(message, bytes) else loads(message)
        return as_frame(value)

    def json_value(self, value: Any) -> Any:
        """A JSON value of a row: itself, or in CBOR a text that holds it."""
        if not self.binary:
            return value
        if not isinstance(value, str):
            raise ProtocolError("a JSON value is not text")
        return loads(value)

    def bytes_value(self, value: Any) -> bytes:
        """Bytes of a row: base64, or in CBOR themselves."""
        if self.binary:
            if not isinstance(value, bytes):
                raise ProtocolError("bytes are no byte string")
            return value
        if not isinstance(value, str):
            raise ProtocolError("bytes are no base64")
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ProtocolError("bytes are no base64") from error


def as_frame(value: Any) -> Frame:
    """Checks that a value is a frame. Raises `ProtocolError`."""
    if not isinstance(value, dict) or not isinstance(value.get("t"), str):
        raise ProtocolError("a frame is an object with a type")
    return value
