"""What the contract does not show: slow readers, callbacks that fail, the way back to WebSocket."""

import asyncio
import contextlib
import ssl

import pytest
import trustme
from scripted import Server

from spica_live import Client, Closed, Ready, Value, connection

DEADLINE_S = 5
WELCOME = {
    "t": "welcome",
    "session": "s",
    "node": "root",
    "engine": "e1",
    "time": 1,
    "heartbeat_ms": 60000,
    "role": "operator",
    "max_frame": 65536,
    "max_subs": 100,
}


def data(sub, number):
    row = [0, 1, "e", 1, 1, number, 10, None, 0, 1, 1, "x" * 50]
    return {"t": "data", "sub": sub, "u": [row], "at": [1, 0, 1, number]}


@contextlib.asynccontextmanager
async def opened(offers=("ws", "sse", "poll"), **options):
    server = await Server(offers).start()
    try:
        async with Client(server.url, "secret", max_pause_s=0.02, **options) as client:
            session = await accepted(server)
            yield server, client, session
    finally:
        await server.stop()
    assert not server.errors


async def accepted(server):
    _, session = await asyncio.wait_for(server.arrivals.get(), DEADLINE_S)
    await session.accept()
    session.send([WELCOME])
    return session


async def said(session):
    return await asyncio.wait_for(session.incoming.get(), DEADLINE_S)


async def begun(session):
    sub = (await said(session))["sub"]
    at = [1, 0, 1, 0]
    subscribed = {"t": "subscribed", "sub": sub, "at": at, "resumed": False}
    session.send([subscribed, {"t": "ready", "sub": sub, "at": at}])
    return sub


def runs(test):
    """A test without a plug-in for coroutines."""

    def run():
        asyncio.run(asyncio.wait_for(test(), 30))

    run.__name__ = test.__name__
    return run


@runs
async def test_what_is_not_read_gives_no_credit():
    async with opened(credit=400) as (_, client, session):
        subscription = client.subscribe("#")
        sub = await begun(session)
        session.send([data(sub, number) for number in range(1, 5)])
        session.send([{"t": "data", "sub": 99, "u": [], "at": [1, 0, 1, 4]}])
        await client_has_heard(client, session)
        assert session.incoming.empty(), "nothing was taken: nothing is owed"
        assert isinstance(await subscription.__anext__(), Ready)
        for _ in range(4):
            assert isinstance(await subscription.__anext__(), Value)
        assert (await said(session))["t"] == "credit"


async def client_has_heard(client, session):
    """Frames are read in order: the answer to a ping comes after what was sent before."""
    ping = asyncio.create_task(client.ping())
    frame = await said(session)
    assert frame["t"] == "ping", frame
    session.send([{"t": "pong", "id": frame["id"], "time": 1}])
    await ping


@runs
async def test_what_was_not_read_when_a_subscription_is_closed_is_given_back():
    async with opened(credit=400) as (_, client, session):
        subscription = client.subscribe("#")
        sub = await begun(session)
        session.send([data(sub, number) for number in range(1, 5)])
        await client_has_heard(client, session)
        subscription.close()
        frames = [await said(session), await said(session)]
        assert [frame["t"] for frame in frames] == ["unsubscribe", "credit"]
        with pytest.raises(StopAsyncIteration):
            await subscription.__anext__()


@runs
async def test_a_callback_that_fails_harms_nobody():
    async with opened() as (_, client, session):
        seen = []

        def callback(item):
            seen.append(item)
            raise ValueError("the application's own")

        client.subscribe("#", callback)
        sub = await begun(session)
        session.send([data(sub, 1), data(sub, 2)])
        await client_has_heard(client, session)
        assert len(seen) == 3 and client.state == "open"


@runs
async def test_websocket_is_tried_again_after_a_while():
    before, connection.WS_AGAIN_S = connection.WS_AGAIN_S, 0.2
    try:
        async with opened(offers=["sse", "poll"]) as (server, client, session):
            session.send([{"t": "beat", "time": 1}])
            server.offers = ["ws", "sse", "poll"]
            session = await accepted(server)
            assert session.way == "ws"
            assert session.hello["token"] == "secret"
    finally:
        connection.WS_AGAIN_S = before


@pytest.mark.parametrize("way", ["ws", "sse", "poll"])
def test_a_server_with_tls_is_reached_if_it_can_be_trusted(way):
    authority = trustme.CA()
    of_server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(of_server)
    of_client = ssl.create_default_context()
    authority.configure_trust(of_client)

    async def test():
        server = await Server(("ws", "sse", "poll")).start(of_server)
        async with Client(server.url, "secret", ways=(way,), tls=of_client) as client:
            subscription = client.subscribe("#", lambda _: None)
            session = await accepted(server)
            await begun(session)
            assert client.state == "open" and not subscription.stale
        async with Client(server.url, "secret", ways=(way,), max_pause_s=0.01) as client:
            # Nobody whom it does not trust gets its token.
            endpoint = client._connection._endpoints.list[0]
            while endpoint.failures < 2:
                await asyncio.sleep(0.001)
            assert client.state == "connecting" and server.arrivals.empty()
        await server.stop()

    asyncio.run(asyncio.wait_for(test(), 30))


@runs
async def test_closing_ends_all_that_waits():
    async with opened() as (_, client, session):
        subscription = client.subscribe("#")
        call = asyncio.create_task(client.call("GET", "/v1/tree"))
        while (await said(session))["t"] != "call":
            pass
        waiting = asyncio.create_task(subscription.__anext__())
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(Closed):
            await call
        with pytest.raises(StopAsyncIteration):
            await waiting
        with pytest.raises(Closed):
            client.subscribe("#")


@runs
async def test_closing_works_at_any_moment():
    """Python 3.11 swallows a cancellation that comes as a connection opens; the client must not."""
    server = await Server(("ws", "sse", "poll")).start()
    for turn in range(40):
        async with Client(server.url, "secret", ways=(("ws", "sse", "poll")[turn % 3],)) as client:
            for _ in range(turn):
                await asyncio.sleep(0)
                if not server.arrivals.empty():
                    _, session = server.arrivals.get_nowait()
                    if session.way == "ws":
                        session.protocol.send_response(session.protocol.accept(session.request))
                        session.binary = False
                        session.flush()
                        session.decided.set()
            await asyncio.wait_for(client.close(), DEADLINE_S)
    await server.stop()


@pytest.mark.parametrize("wrong", [{"credit": 0}, {"ways": ()}, {"ways": ("pigeon",)}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError):
        Client("http://a", **wrong)
    with pytest.raises(ValueError):
        Client([])
