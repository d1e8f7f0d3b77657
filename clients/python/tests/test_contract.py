"""The contract of the clients (clients/contract), run against this one."""

import asyncio
import base64
import json
from pathlib import Path

import pytest
from scripted import Server

from spica_live import Client, Closed, Ended, Gap, Ready, Refused, Reset, TimedOut, Unanswered, Value

SCENARIOS = Path(__file__).parents[2] / "contract" / "scenarios"
DEADLINE_S = 5
SKIPPED = ("ping", "stats", "credit")
RUNS = {"ws+json": ("ws",), "ws+cbor": ("ws",), "sse": ("sse",), "poll": ("poll",), "auto": None}


def cases():
    for path in sorted(SCENARIOS.glob("*.json")):
        scenario = json.loads(path.read_text())
        for run in scenario.get("runs", ["ws+json", "ws+cbor", "sse", "poll"]):
            yield pytest.param(scenario, run, id=f"{path.stem}-{run}")


@pytest.mark.parametrize("scenario, run", list(cases()))
def test_contract(scenario, run):
    asyncio.run(asyncio.wait_for(Run(scenario, run).all(), 30))


class Run:
    """One scenario, in one configuration of the client."""

    def __init__(self, scenario, run):
        self.scenario = scenario
        self.run = run
        self.client = None
        self.session = None
        self.sessions = []
        self.names = {}
        self.subscriptions = {}
        self.logs = {}
        self.calls = {}
        self.states = []

    async def all(self):
        offers = self.scenario.get("servers", [["ws", "sse", "poll"]])
        self.servers = [await Server(ways).start() for ways in offers]
        for index, server in enumerate(self.servers):
            self.names[f"server{index}"] = server.url
        self.step_end = asyncio.get_running_loop().time()
        try:
            for index, step in enumerate(self.scenario["steps"]):
                try:
                    await self.step(step)
                except (AssertionError, asyncio.TimeoutError) as error:
                    raise AssertionError(f"step {index + 1}, {step}: {error!r}") from error
                self.step_end = asyncio.get_running_loop().time()
            self.nothing_left()
        finally:
            if self.client is not None:
                await asyncio.wait_for(self.client.close(), DEADLINE_S)
            for task in self.calls.values():
                task.cancel()
            await asyncio.gather(*self.calls.values(), return_exceptions=True)
            for server in self.servers:
                await server.stop()
        assert not [error for server in self.servers for error in server.errors]
        assert asyncio.all_tasks() <= {asyncio.current_task(), *self.own}, "something still runs"

    @property
    def own(self):
        return {task for task in asyncio.all_tasks() if task.get_name() != "spica-live" and "wait_for" in repr(task)}

    def nothing_left(self):
        while self.session is not None and not self.session.incoming.empty():
            frame = self.session.incoming.get_nowait()
            assert frame["t"] in (*SKIPPED, "bye"), f"left over: {frame}"

    async def step(self, step):
        what = next(iter(step))
        if what == "do":
            await self.do(dict(step))
        else:
            await getattr(self, f"on_{what}")(step[what], step)

    # The server.

    async def arrival(self, options):
        server = self.servers[options.get("server", 0)]
        at, session = await asyncio.wait_for(server.arrivals.get(), DEADLINE_S)
        if "after_ms" in options:
            assert (at - self.step_end) * 1000 >= options["after_ms"], "it came too soon"
        return session

    async def on_accept(self, options, _step):
        self.session = await self.arrival(options)
        hello = await asyncio.wait_for(self.session.accept(), DEADLINE_S)
        assert self.matches(options.get("hello", {}), hello), hello

    async def on_open(self, options, step):
        await self.on_accept(options, step)
        welcome = {
            "t": "welcome",
            "session": "s",
            "node": "root",
            "engine": options.get("engine", "e1"),
            "time": 1000000,
            "heartbeat_ms": options.get("heartbeat_ms", 60000),
            "role": "operator",
            "max_frame": 65536,
            "max_subs": 100,
        }
        self.session.send([welcome])

    async def on_refuse(self, options, _step):
        session = await self.arrival(options)
        session.refuse(options["status"], options.get("retry_after_s"))

    async def on_expect(self, wanted, _step):
        while True:
            frame = await asyncio.wait_for(self.session.incoming.get(), DEADLINE_S)
            if frame["t"] not in SKIPPED or frame["t"] == wanted.get("t"):
                break
        assert self.matches(wanted, frame), frame

    async def on_send(self, frames, _step):
        self.session.send([self.bound(frame) for frame in frames])

    async def on_raw(self, text, _step):
        self.session.raw(text)

    async def on_raw_hex(self, text, _step):
        self.session.raw(bytes.fromhex(text))

    async def on_way(self, way, _step):
        await asyncio.wait_for(self.session.way_known.wait(), DEADLINE_S)
        assert self.session.way == way

    async def on_cut(self, _options, _step):
        self.session.cut()

    async def on_drop(self, _options, _step):
        self.session.drop()

    def matches(self, wanted, got):
        if wanted == "*":
            return got is not None
        if isinstance(wanted, str) and wanted.startswith("$"):
            return self.names.setdefault(wanted[1:], got) == got
        if isinstance(wanted, dict):
            return isinstance(got, dict) and all(
                self.matches(value, got.get(key)) for key, value in wanted.items()
            )
        if isinstance(wanted, list):
            return (
                isinstance(got, list)
                and len(wanted) == len(got)
                and all(map(self.matches, wanted, got))
            )
        return type(wanted) is type(got) and wanted == got

    def bound(self, value):
        if isinstance(value, str) and value.startswith("$"):
            return self.names[value[1:]]
        if isinstance(value, dict):
            return {key: self.bound(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.bound(item) for item in value]
        return value

    # The client.

    async def do(self, step):
        what, name, of = step.pop("do"), step.pop("as", None), step.pop("of", None)
        if what == "connect":
            await self.connect()
        elif what == "subscribe":
            log = self.logs[name] = []
            options = step.get("options", {})
            self.subscriptions[name] = self.client.subscribe(step["filter"], log.append, **options)
        elif what == "unsubscribe":
            self.subscriptions[of].close()
        elif what == "change":
            (self.client if of is None else self.subscriptions[of]).change(**step["limits"])
        elif what == "close":
            await self.client.close()
        else:
            self.calls[name] = asyncio.create_task(self.ask(what, step))
            await asyncio.sleep(0)

    def ask(self, what, step):
        client = self.client
        if what == "call":
            timeout = step.get("timeout_ms")
            return client.call(
                step["method"],
                step["path"],
                step.get("body"),
                key=step.get("key"),
                timeout_s=None if timeout is None else timeout / 1000,
            )
        if what == "publish":
            return client.publish(step["topic"], step["value"])
        if what == "command":
            return client.command(step["device"], step["name"], step.get("arguments"))
        assert what == "acknowledge"
        return client.acknowledge(step["case"], step.get("why"))

    async def connect(self):
        ways = RUNS[self.run]
        self.client = Client(
            [server.url for server in self.servers],
            "secret",
            binary=self.run == "ws+cbor",
            name="contract",
            max_pause_s=0.02,
            on_state=lambda state, why: self.states.append(f"{state}:{why}" if why else state),
            **({} if ways is None else {"ways": ways}),
            **self.scenario.get("client", {}),
        )
        await self.client.__aenter__()

    async def on_view(self, name, step):
        values = self.subscriptions[name].values

        def same():
            wanted = step["is"]
            return wanted.keys() == values.keys() and all(
                self.matches(wanted[topic], shown(values[topic])) for topic in wanted
            )

        await until(same, lambda: dict(values))

    async def on_seen(self, name, step):
        log, wanted = self.logs[name], step["are"]
        await until(lambda: len(log) >= len(wanted), lambda: log)
        got = [told(item) for item in log]
        log.clear()
        assert len(got) == len(wanted) and all(map(self.matches, wanted, got)), got

    async def on_stale(self, name, step):
        subscription = self.subscriptions[name]
        await until(lambda: subscription.stale == step["is"], lambda: subscription.stale)

    async def on_states(self, wanted, _step):
        def same():
            return len(wanted) == len(self.states) and all(
                got == state or (":" not in state and got.split(":")[0] == state)
                for state, got in zip(wanted, self.states)
            )

        await until(same, lambda: self.states)

    async def on_result(self, name, step):
        try:
            result = await asyncio.wait_for(asyncio.shield(self.calls[name]), DEADLINE_S)
        except (Unanswered, TimedOut, Closed, Refused) as error:
            kind = {Unanswered: "lost", TimedOut: "timeout", Closed: "closed"}.get(type(error))
            assert step.get("error") == (kind or f"refused:{error.code}"), error
            return
        assert self.matches(step["is"], {"status": result.status, "body": result.body}), result


def shown(value):
    """A held value as scenarios write it."""
    position = value.position
    first, last = value.window or (None, None)
    return {
        "value": plain(value.value),
        "quality": value.quality,
        "received": value.received,
        "source": value.source,
        "position": [position.lane, position.epoch, position.number],
        "content_type": value.content_type,
        "from": first,
        "to": last,
    }


def told(item):
    """An item as scenarios write it."""
    if isinstance(item, Value):
        if item.deleted:
            return {"deleted": item.topic}
        return {"update": item.topic, "value": plain(item.value)}
    if isinstance(item, Gap):
        gap = {"lane": item.lane, "from": item.first, "to": item.last, "reason": item.reason}
        return {"gap": gap}
    if isinstance(item, Ended):
        return {"refused" if item.refused else "ended": item.code}
    return {{Ready: "ready", Reset: "reset"}[type(item)]: True}


def plain(value):
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    return value


async def until(condition, got):
    """Waits until it is so."""
    end = asyncio.get_running_loop().time() + DEADLINE_S
    while not condition():
        assert asyncio.get_running_loop().time() < end, f"it is {got()}"
        await asyncio.sleep(0.002)
