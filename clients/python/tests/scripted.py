"""A scripted server of live sessions at a real socket, for the contract of the clients.

It speaks WebSocket, server-sent events and long-poll on one port, and does nothing by itself: a
scenario accepts sessions, sends frames, cuts.
"""

import asyncio
import base64
import contextlib
import json
import re
from collections import deque

from websockets.frames import Opcode
from websockets.server import ServerProtocol

from spica_live import cbor


class Gone(Exception):
    """The client is gone."""


class Session:
    """What both kinds have: frames that came, and a book of the credit."""

    def __init__(self, way):
        self.way = way
        self.incoming = asyncio.Queue()
        self.hello = None
        self.sent_bytes = 0
        self.given_bytes = 0
        self.way_known = asyncio.Event()

    def said(self, frame):
        if frame.get("t") == "credit":
            self.given_bytes += frame["bytes"]
            allowed = self.sent_bytes + (self.hello.get("credit") or 0)
            assert self.given_bytes <= allowed, "more credit than was used"
        self.incoming.put_nowait(frame)

    def count(self, frame, size):
        if frame["t"] == "data":
            self.sent_bytes += size


class WsSession(Session):
    """A WebSocket, in the protocol of the subprotocol that the client asked for."""

    def __init__(self, request, reader, writer):
        super().__init__("ws")
        self.way_known.set()
        self.reader, self.writer = reader, writer
        self.protocol = ServerProtocol(
            subprotocols=["spica.live.v1.json", "spica.live.v1.cbor"], max_size=None
        )
        self.protocol.receive_data(request)
        self.request = self.protocol.events_received()[0]
        self.decided = asyncio.Event()

    async def accept(self):
        self.protocol.send_response(self.protocol.accept(self.request))
        self.binary = self.protocol.subprotocol == "spica.live.v1.cbor"
        self.flush()
        self.decided.set()
        self.hello = await asyncio.wait_for(self.incoming.get(), 5)
        return self.hello

    def refuse(self, status, retry_after_s):
        response = self.protocol.reject(status, "no\n")
        if retry_after_s is not None:
            response.headers["Retry-After"] = str(retry_after_s)
        self.protocol.send_response(response)
        self.flush()
        self.decided.set()

    def flush(self):
        for part in self.protocol.data_to_send():
            if part:
                self.writer.write(part)
            elif self.writer.can_write_eof():
                self.writer.write_eof()

    async def run(self):
        await self.decided.wait()
        while data := await self.reader.read(65536):
            self.protocol.receive_data(data)
            for event in self.protocol.events_received():
                if event.opcode is Opcode.TEXT:
                    assert not self.binary
                    self.said(json.loads(event.data))
                elif event.opcode is Opcode.BINARY:
                    assert self.binary
                    self.said(cbor.decode(event.data))
            self.flush()
        self.protocol.receive_eof()
        self.flush()

    def send(self, frames):
        for frame in frames:
            if self.binary:
                data = cbor.encode(in_cbor(frame))
                self.protocol.send_binary(data)
            else:
                data = json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode()
                self.protocol.send_text(data)
            self.count(frame, len(data))
        self.flush()

    def raw(self, data):
        if isinstance(data, str):
            self.protocol.send_text(data.encode())
        else:
            self.protocol.send_binary(data)
        self.flush()

    def cut(self):
        self.writer.transport.abort()


class HttpSession(Session):
    """A session over HTTP: a log of frames, read by one reader at a time."""

    def __init__(self, number, hello, offers):
        super().__init__(None)
        self.id = f"session/{number}"
        self.wanted_hello = hello
        self.offers = offers
        self.first = asyncio.get_running_loop().create_future()
        self.refused = None
        self.log = []
        self.changed = asyncio.Event()
        self.writers = set()
        self.readers = set()
        self.alive = True

    async def accept(self):
        self.hello = self.wanted_hello
        return self.hello

    def refuse(self, status, retry_after_s):
        extra = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        self.alive = False
        self.first.set_result((status, extra, None))

    def send(self, frames):
        texts = [json.dumps(f, ensure_ascii=False, separators=(",", ":")) for f in frames]
        for frame, text in zip(frames, texts):
            self.count(frame, len(text.encode()))
        if not self.first.done():
            body = {"session": self.id, "frames": frames}
            self.first.set_result((200, {}, json.dumps(body).encode()))
            return
        self.log.extend(texts)
        self.wake()

    def wake(self):
        self.changed.set()
        self.changed = asyncio.Event()

    def cut(self):
        self.alive = False
        for writer in list(self.writers):
            writer.transport.abort()

    def drop(self):
        for writer in list(self.readers):
            writer.transport.abort()

    async def events(self, writer, last):
        writer.write(head(200, {"Content-Type": "text/event-stream"}, chunked=True))
        at = last
        while self.alive and not writer.transport.is_closing():
            changed = self.changed
            for text in self.log[at:]:
                at += 1
                writer.write(chunk(f"id: {at}\ndata: {text}\n\n".encode()))
            await writer.drain()
            await changed.wait()

    async def poll(self, writer, after, timeout_ms):
        changed = self.changed
        if len(self.log) <= after:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(changed.wait(), timeout_ms / 1000)
        frames = ",".join(self.log[after:])
        writer.write(answer(200, {}, f'{{"next":{len(self.log)},"frames":[{frames}]}}'.encode()))


class Server:
    """A server that offers some ways."""

    def __init__(self, offers):
        self.offers = offers
        self.arrivals = asyncio.Queue()
        self.sessions = {}
        self.tasks = set()
        self.errors = deque()

    async def start(self, tls=None):
        self.server = await asyncio.start_server(self.connection, "127.0.0.1", 0, ssl=tls)
        port = self.server.sockets[0].getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        return self

    async def stop(self):
        self.server.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def connection(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            await self.serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except Exception as error:
            self.errors.append(error)
        finally:
            self.tasks.discard(task)
            writer.close()

    async def serve(self, reader, writer):
        data = await reader.readuntil(b"\r\n\r\n")
        first, *lines = data.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        headers = {k.lower(): v.strip() for k, _, v in (x.partition(":") for x in lines if x)}
        if headers.get("upgrade", "").lower() == "websocket":
            if path != "/v1/live/ws" or "ws" not in self.offers:
                writer.write(answer(404, {}, b""))
                return
            session = WsSession(data, reader, writer)
            self.arrivals.put_nowait((asyncio.get_running_loop().time(), session))
            await session.run()
            return
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        await self.http(method, path, headers, body, reader, writer)

    async def http(self, method, path, headers, body, reader, writer):
        if not {"sse", "poll"} & set(self.offers):
            writer.write(answer(404, {}, b""))
            return
        if (method, path) == ("POST", "/v1/live/sessions"):
            hello = json.loads(body)
            if "authorization" in headers:
                hello["token"] = headers["authorization"].removeprefix("Bearer ")
            session = HttpSession(len(self.sessions) + 1, hello, self.offers)
            self.sessions[session.id.replace("/", "%2F")] = session
            self.arrivals.put_nowait((asyncio.get_running_loop().time(), session))
            session.writers.add(writer)
            status, extra, body = await session.first
            writer.write(answer(status, extra, body or b""))
            session.writers.discard(writer)
            return
        found = re.fullmatch(r"/v1/live/sessions/([^/?]+)(/events|/poll\?.*)?", path)
        session = self.sessions.get(found[1]) if found else None
        if session is None or not session.alive:
            writer.write(answer(404, {}, b""))
            return
        assert headers.get("authorization") == "Bearer secret", "each request has the token"
        session.writers.add(writer)
        try:
            await self.of_session(session, method, found[2], headers, body, reader, writer)
        finally:
            session.writers.discard(writer)
            session.readers.discard(writer)

    async def of_session(self, session, method, rest, headers, body, reader, writer):
        way = {None: None, "/events": "sse"}.get(rest, "poll")
        if way is not None and (method != "GET" or way not in self.offers):
            writer.write(answer(404, {}, b""))
        elif method == "DELETE":
            session.alive = False
            writer.write(answer(204, {}, b""))
        elif method == "POST":
            for frame in json.loads(body):
                session.said(frame)
            writer.write(answer(202, {}, b""))
        else:
            session.way = way
            session.way_known.set()
            session.readers.add(writer)
            gone = asyncio.create_task(self.watch(reader, writer))
            try:
                if way == "sse":
                    await session.events(writer, int(headers.get("last-event-id", 0)))
                else:
                    query = dict(part.split("=") for part in rest[6:].split("&"))
                    await session.poll(writer, int(query["after"]), int(query["timeout_ms"]))
            finally:
                gone.cancel()

    @staticmethod
    async def watch(reader, writer):
        """Ends what is written to a client that went away."""
        with contextlib.suppress(ConnectionError):
            await reader.read(1)
        writer.transport.abort()


def head(status, headers, length=None, chunked=False):
    lines = [f"HTTP/1.1 {status} x", "Connection: close"]
    lines += [f"{k}: {v}" for k, v in headers.items()]
    lines.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def answer(status, headers, body):
    return head(status, headers, len(body)) + body


def in_cbor(frame):
    """A frame as the page wants it in CBOR: payloads and patches as text or bytes."""
    if frame["t"] != "data":
        return frame
    return {**frame, "u": [row_in_cbor(row) for row in frame["u"]]}


def row_in_cbor(row):
    row = list(row)
    if row and row[0] == 0 and len(row) == 12:
        row[11] = payload_in_cbor(row[10], row[11])
    elif row and row[0] == 1 and len(row) == 13:
        row[12] = json.dumps(row[12]) if row[11] == 0 else base64.b64decode(row[12])
    return row


def payload_in_cbor(content, payload):
    if content == 0 or (isinstance(content, str) and content.endswith("json")):
        return json.dumps(payload, ensure_ascii=False)
    if content == 1 or (isinstance(content, str) and content.startswith("text/")):
        return payload
    return base64.b64decode(payload)
