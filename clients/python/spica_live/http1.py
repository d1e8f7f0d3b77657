"""A small HTTP/1.1 client over asyncio streams: a request per connection, bounded, cancellable.

Absent on purpose: redirects, proxies, cookies, compression, keep-alive. `docs/live.md` needs none of
them where WebSockets do not work.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from .errors import LiveError, ProtocolError

MAX_HEAD = 32 << 10
MAX_BODY = 64 << 20
LINE_LIMIT = 20 << 20


class HttpError(LiveError):
    """An answer that is no success."""

    def __init__(self, status: int, retry_after_s: float | None, location: str | None) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status
        self.retry_after_s = retry_after_s
        self.location = location


@dataclass
class Answer:
    """The head of an answer, and its body yet to be read."""

    status: int
    headers: dict[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def close(self) -> None:
        """Ends the connection."""
        self.writer.close()

    async def body(self, limit: int = MAX_BODY) -> bytes:
        """All of the body. Raises `ProtocolError` beyond the limit."""
        parts: list[bytes] = []
        size = 0
        async for part in self.parts():
            size += len(part)
            if size > limit:
                raise ProtocolError("HTTP: an answer that is too long")
            parts.append(part)
        return b"".join(parts)

    async def parts(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises `ConnectionError` if it breaks off."""
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            while size := _hex(await _line(self.reader)):
                left = size
                while left:
                    part = await self.reader.read(min(left, 65536))
                    if not part:
                        raise ConnectionError("the answer broke off")
                    left -= len(part)
                    yield part
                await _line(self.reader)
            return
        length = self.headers.get("content-length")
        expected = None if length is None else _decimal(length)
        while expected is None or expected > 0:
            part = await self.reader.read(65536 if expected is None else min(expected, 65536))
            if not part and expected is not None:
                raise ConnectionError("the answer broke off")
            if not part:
                return
            expected = None if expected is None else expected - len(part)
            yield part


async def request(
    method: str,
    base: str,
    path: str,
    headers: dict[str, str],
    body: bytes | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Sends a request and reads the head of the answer. The caller closes the answer.

    Raises `OSError` if there is no connection, `ProtocolError` for what is no HTTP.
    """
    parts = urlsplit(base)
    secure = parts.scheme == "https"
    context = (tls or ssl.create_default_context()) if secure else None
    port = parts.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(
        parts.hostname, port, ssl=context, limit=LINE_LIMIT
    )
    try:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if any(c in line for line in lines for c in "\r\n"):
            raise ValueError("a line break in a header")
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        writer.write("\r\n".join([*lines, "", ""]).encode() + (body or b""))
        await writer.drain()
        status, found = await _head(reader)
        return Answer(status, found, reader, writer)
    except BaseException:
        writer.close()
        raise


async def fetch(
    method: str,
    base: str,
    path: str,
    headers: dict[str, str],
    body: bytes | None = None,
    tls: ssl.SSLContext | None = None,
) -> bytes:
    """A request with its whole answer. Raises `HttpError` unless it is a success."""
    answer = await request(method, base, path, headers, body, tls)
    try:
        check(answer)
        return await answer.body()
    finally:
        answer.close()


def check(answer: Answer) -> None:
    """Raises `HttpError` unless the answer is a success."""
    if not 200 <= answer.status < 300:
        headers = answer.headers
        raise HttpError(answer.status, seconds(headers.get("retry-after")), headers.get("location"))


def seconds(text: str | None) -> float | None:
    """`Retry-After` in seconds; None for a date or anything else."""
    return float(text) if text is not None and text.isascii() and text.isdigit() else None


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    words = (await _line(reader)).split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise ProtocolError("HTTP: no status line")
    headers: dict[str, str] = {}
    size = 0
    while line := await _line(reader):
        size += len(line)
        if size > MAX_HEAD:
            raise ProtocolError("HTTP: a head that is too long")
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise ProtocolError("HTTP: a header without a colon")
        headers[name.strip().lower()] = value.strip()
    return int(words[1]), headers


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        line = await reader.readline()
    except ValueError as error:
        raise ProtocolError("HTTP: a line that is too long") from error
    if not line.endswith(b"\n"):
        raise ConnectionError("the answer broke off")
    return line.rstrip(b"\r\n")


def _hex(line: bytes) -> int:
    digits = line.split(b";")[0].strip()
    if not 0 < len(digits) <= 8 or not all(c in b"0123456789abcdefABCDEF" for c in digits):
        raise ProtocolError("HTTP: a chunk without a size")
    return int(digits, 16)


def _decimal(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise ProtocolError("HTTP: a length that is no number")
    return int(text)
