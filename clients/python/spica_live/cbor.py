"""CBOR (RFC 8949) as far as frames need it: strict and bounded.

Integers, floats, text, bytes, arrays, maps with text keys, true, false, null. Absent on purpose: tags,
`undefined`, other simple values, integers beyond 64 bits.
"""

from __future__ import annotations

import math
import struct
from typing import Any

from .errors import ProtocolError

MAX_DEPTH = 64


def encode(value: Any) -> bytes:
    """The value in CBOR. Raises `TypeError` for what CBOR of frames does not have."""
    out = bytearray()
    _write(out, value)
    return bytes(out)


def decode(data: bytes) -> Any:
    """The one value that `data` is. Raises `ProtocolError` if it is not exactly that."""
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise ProtocolError("CBOR: bytes after the value")
    return value


def _head(out: bytearray, major: int, number: int) -> None:
    if number < 24:
        out.append(major << 5 | number)
    elif number < 1 << 8:
        out += bytes((major << 5 | 24, number))
    elif number < 1 << 16:
        out += struct.pack(">BH", major << 5 | 25, number)
    elif number < 1 << 32:
        out += struct.pack(">BI", major << 5 | 26, number)
    elif number < 1 << 64:
        out += struct.pack(">BQ", major << 5 | 27, number)
    else:
        raise TypeError("integer beyond 64 bits")


def _write(out: bytearray, value: Any) -> None:
    if value is None:
        out.append(0xF6)
    elif isinstance(value, bool):
        out.append(0xF5 if value else 0xF4)
    elif isinstance(value, int):
        _head(out, *((0, value) if value >= 0 else (1, -1 - value)))
    elif isinstance(value, float):
        out += struct.pack(">Bd", 0xFB, value)
    elif isinstance(value, str):
        text = value.encode()
        _head(out, 3, len(text))
        out += text
    elif isinstance(value, (bytes, bytearray)):
        _head(out, 2, len(value))
        out += value
    elif isinstance(value, (list, tuple)):
        _head(out, 4, len(value))
        for item in value:
            _write(out, item)
    elif isinstance(value, dict):
        _head(out, 5, len(value))
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError("keys are text")
            _write(out, key)
            _write(out, item)
    else:
        raise TypeError(f"no CBOR for {type(value).__name__}")


_BREAK = object()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise ProtocolError("CBOR: it ends too early")
        part = self.data[self.at : end]
        self.at = end
        return part

    def value(self, depth: int, may_break: bool = False) -> Any:
        if depth > MAX_DEPTH:
            raise ProtocolError("CBOR: nested too deeply")
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if first == 0xFF and may_break:
            return _BREAK
        if major == 7:
            return self.simple(info)
        if info == 31:
            return self.indefinite(major, depth)
        number = self.number(info)
        if major == 0:
            return number
        if major == 1:
            return -1 - number
        if major == 2:
            return self.take(number)
        if major == 3:
            return _text(self.take(number))
        if major == 4:
            self.fits(number)
            return [self.value(depth + 1) for _ in range(number)]
        if major == 5:
            self.fits(2 * number)
            return self.pairs(depth, number)
        raise ProtocolError("CBOR: tags have no place in frames")

    def number(self, info: int) -> int:
        if info < 24:
            return info
        if info > 27:
            raise ProtocolError("CBOR: reserved length")
        return int.from_bytes(self.take(1 << (info - 24)), "big")

    def fits(self, items: int) -> None:
        """Each item has at least a byte: a length cannot make us reserve more than was sent."""
        if items > len(self.data) - self.at:
            raise ProtocolError("CBOR: it ends too early")

    def simple(self, info: int) -> Any:
        if info in (20, 21):
            return info == 21
        if info == 22:
            return None
        formats = {25: ">e", 26: ">f", 27: ">d"}
        if info not in formats:
            raise ProtocolError("CBOR: unknown simple value")
        number: float = struct.unpack(formats[info], self.take(1 << (info - 24)))[0]
        if not math.isfinite(number):
            raise ProtocolError("CBOR: a number that JSON does not have")
        return number

    def pairs(self, depth: int, count: int | None) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while count is None or count > 0:
            key = self.value(depth + 1, count is None)
            if key is _BREAK:
                break
            if not isinstance(key, str) or key in found:
                raise ProtocolError("CBOR: keys are text, each once")
            found[key] = self.value(depth + 1)
            count = None if count is None else count - 1
        return found

    def indefinite(self, major: int, depth: int) -> Any:
        if major == 5:
            return self.pairs(depth, None)
        if major not in (2, 3, 4):
            raise ProtocolError("CBOR: reserved length")
        items: list[Any] = []
        while (item := self.value(depth + 1, True)) is not _BREAK:
            items.append(item)
        if major == 4:
            return items
        if not all(isinstance(item, bytes if major == 2 else str) for item in items):
            raise ProtocolError("CBOR: a string of other strings")
        return b"".join(items) if major == 2 else "".join(items)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ProtocolError("CBOR: text that is not UTF-8") from error
