"""A live session over a phone's link: 50 kbit/s, 300 ms, 2 % of packets lost. What is shown stays
current, and the session stays. LINK_S says for how long; eight hours are 28800."""

import asyncio
import os
import random
import socket
import statistics
import sys
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[2] / "clients" / "python"))
from spica_live import Client  # noqa: E402

BYTES_PER_S, DELAY_S, LOSS, RESEND_S, PACKET = 6250, 0.3, 0.02, 0.6, 1400
TOPICS, LASTS_S = 20, float(os.environ.get("LINK_S", "25"))
# What one sweep over all topics takes on this link, what the system keeps, losses in a row; without a
# bound it would be as old as the link is slow: half of LASTS_S and more.
OLDEST_S = 12


class Link:
    """A relay that is as bad as a phone's link."""

    def __init__(self, to):
        self.to, self.connections, self.random = to, 0, random.Random(1)

    async def accept(self, reader, writer):
        self.connections += 1
        far = socket.socket()
        # It takes nothing that it cannot pass on.
        far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        far.setblocking(False)
        await asyncio.get_running_loop().sock_connect(far, self.to)
        far_reader, far_writer = await asyncio.open_connection(sock=far, limit=PACKET)
        await asyncio.gather(self.relay(reader, far_writer), self.relay(far_reader, writer))

    async def relay(self, reader, writer):
        flying = asyncio.Queue(maxsize=8)

        async def land():
            while (packet := await flying.get()) is not None:
                at, data = packet
                await asyncio.sleep(max(0, at - time.monotonic()))
                writer.write(data)
                await writer.drain()
            writer.close()

        landing = asyncio.create_task(land())
        free = time.monotonic()
        while data := await reader.read(PACKET):
            free = max(free, time.monotonic()) + len(data) / BYTES_PER_S
            free += RESEND_S if self.random.random() < LOSS else 0
            await asyncio.sleep(max(0, free - time.monotonic()))
            await flying.put((free + DELAY_S, data))
        await flying.put(None)
        await landing


async def publish(hub, stop):
    headers = {"authorization": f"Bearer {hub.token}"}
    async with httpx.AsyncClient(base_url=str(hub.client.base_url), headers=headers) as client:
        while not stop.is_set():
            value = {"at": time.time(), "noise": random.random(), "text": "y" * 150}
            records = [
                {"topic": f"root/phone/{n}", "kind": "state", "value": value} for n in range(TOPICS)
            ]
            (await client.post("/v1/records", json=records)).raise_for_status()
            await asyncio.sleep(0.1)


async def watch(hub):
    link, stop, ages = Link(hub.address("http")), asyncio.Event(), []
    server = await asyncio.start_server(link.accept, "127.0.0.1", 0, limit=4096)
    port = server.sockets[0].getsockname()[1]
    publisher = asyncio.create_task(publish(hub, stop))
    begun = time.monotonic()
    async with Client([f"http://127.0.0.1:{port}"], hub.token) as client:
        async for item in client.subscribe("root/phone/#"):
            value = getattr(item, "value", None)
            if isinstance(value, dict):
                ages.append(time.time() - value["at"])
            if time.monotonic() - begun > LASTS_S:
                break
    stop.set()
    await publisher
    server.close()
    return link.connections, ages


def test_a_thin_link_shows_what_is_current(hub):
    connections, ages = asyncio.run(asyncio.wait_for(watch(hub), LASTS_S + 60))
    usual = statistics.median(ages)
    print(f"{len(ages)} values, usually {usual:.1f} s old, the oldest {max(ages):.1f} s")
    assert connections == 1, "it came again, and again"
    assert len(ages) > TOPICS and max(ages) < OLDEST_S
