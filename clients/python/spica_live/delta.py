"""Deltas: JSON merge patch (RFC 7386) and the binary delta of the contract."""

from __future__ import annotations

from typing import Any

from .errors import ProtocolError

MAX_RESULT = 1 << 20
"""Bytes that a binary delta may give."""

MAX_VARINT = 10
MAX_DEPTH = 200


def merge(base: Any, patch: Any, depth: int = 0) -> Any:
    """What `patch` makes of `base`; neither is changed."""
    if depth > MAX_DEPTH:
        raise ProtocolError("merge patch: nested too deeply")
    if not isinstance(patch, dict):
        return patch
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value, depth + 1)
    return result


def apply_binary(base: bytes, patch: bytes) -> bytes:
    """What `patch` makes of `base`. Raises `ProtocolError` beyond the limits."""
    out = bytearray()
    at = 0
    while at < len(patch):
        operation, at = _varint(patch, at)
        length = operation >> 1
        if len(out) + length > MAX_RESULT:
            raise ProtocolError("binary delta: the result is too long")
        if operation & 1:
            offset, at = _varint(patch, at)
            if offset + length > len(base):
                raise ProtocolError("binary delta: beyond the base")
            out += base[offset : offset + length]
        else:
            if at + length > len(patch):
                raise ProtocolError("binary delta: it ends too early")
            out += patch[at : at + length]
            at += length
    return bytes(out)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for count in range(MAX_VARINT):
        if at >= len(data):
            raise ProtocolError("binary delta: it ends too early")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            if number >= 1 << 64:
                break
            return number, at
    raise ProtocolError("binary delta: a number beyond 64 bits")
