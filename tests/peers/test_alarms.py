"""A running node from a device's event to every way out, against receivers that others wrote."""

import os
import re
import subprocess
import time
from types import SimpleNamespace

import pytest
from aiosmtpd.controller import Controller
from conftest import BINARY, DEFAULTS, start, stop, wait_for
from device import Device
from pysiaalarm import CommunicationsProtocol
from test_channels_dc09 import ACCOUNT, KEY, Station, free_port
from test_channels_smpp import Centre
from test_demo_alarms import Box
from test_device import MAN_DOWN, STATUS, dial

LOW_BATTERY, CHARGER, AMBER, AMBER_ENDED = 0x21, 0x30, 0x41, 0x42
SERIAL = "PYALARM"
SILENT = "PYSILENT"
SOURCE = f"devices/{SERIAL}"

PLANS = """
[channels.mail]
kind = "email"
host = "127.0.0.1"
port = {mail}
tls = "none"
from = "alarms@example.org"

[channels.sms]
kind = "smpp"
host = "127.0.0.1"
port = {sms}
system_id = "hub"
password = "secret"
from = "Spica"

[channels.arc]
kind = "dc09"
main = "127.0.0.1:{arc}"
account = "{account}"
key = "text:{key}"

[people.anna]
name = "Anna"
addresses = {{ mail = "anna@example.org" }}

[people.bob]
name = "Bob"
language = "de"
time_zone = "UTC"
quiet_hours = [{{ from = "{quiet_from}", to = "{quiet_to}" }}]
addresses = {{ sms = "+41791230000" }}

[rotas.duty]
otherwise = ["anna"]

[[rotas.duty.shifts]]
start = "0 0 * * *"
duration = "24h"
people = ["bob", "anna"]

[[plans]]
name = "all"
match = {{ severity = "medium" }}
steps = [
  {{ notify = [{{ rota = "duty", place = "all" }}, {{ channel = "arc", address = "{account}" }}] }},
]
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A node with a plan, and who is told by it: by mail, by SMPP and by DC-09."""
    directory = tmp_path_factory.mktemp("alarms")
    mails = Controller(Box(), hostname="127.0.0.1", port=free_port())
    mails.start()
    centre, station = Centre(), Station(CommunicationsProtocol.TCP).start()
    plans = directory / "alarms.toml"
    ports = {"mail": mails.port, "sms": centre.port, "arc": station.port}
    hours = [time.strftime("%H:%M", time.gmtime(time.time() + shift)) for shift in (-3600, 7200)]
    ports |= {"quiet_from": hours[0], "quiet_to": hours[1]}
    plans.write_text(PLANS.format(account=ACCOUNT, key=KEY, **ports))
    hub = start(directory, DEFAULTS + f'[alarms]\nplans = "{plans}"\n')
    # Not heard of from now on: a test at the end looks for it.
    hub.register(SILENT, check_in_minutes=1, grace_minutes=0)
    hub.register(SERIAL, name="Ada", customer="north")
    yield SimpleNamespace(hub=hub, mails=mails.handler.mails, centre=centre, station=station)
    stop(hub)
    mails.stop()
    centre.stop()
    station.stop()


def tell(world, *events):
    """The device dials in and tells of events: code, seconds ago, detail."""
    device = Device(dial(world.hub), SERIAL)
    for code, ago, detail in events:
        tell.index += 1
        device.event(tell.index, int(time.time()) - ago, code, detail)
    device.run()
    assert device.log == []


tell.index = 0


def spica(world, *arguments):
    """Runs the command line as an operator would."""
    server = world.hub.client.base_url
    environment = {**os.environ, "SPICA_SERVER": str(server), "SPICA_TOKEN": world.hub.token}
    return subprocess.run([BINARY, *arguments], env=environment, capture_output=True, text=True, timeout=30)


def case_of(world, condition, source=SOURCE, until=lambda case: True, within=30):
    def found():
        items = world.hub.client.get("/v1/cases", params={"state": "all", "limit": 100}).json()["cases"]
        fits = [c for c in items if (c["condition"], c["source"]) == (condition, source) and until(c)]
        return fits and fits[0]

    end = time.monotonic() + within
    while time.monotonic() < end:
        if case := found():
            return case
        time.sleep(0.05)
    raise AssertionError(f"no case {condition} of {source}: {world.hub.client.get('/v1/cases').text}")


def steps(world, case):
    records = world.hub.client.get(f"/v1/cases/{case['id']}/steps").json()["steps"]
    return [record["value"]["what"] for record in records]


def mails_of(world, case):
    texts = [mail.get_content() for _, mail in world.mails]
    return [text for text in texts if re.search(rf"\b{case['id']}\b", text)]


def told(world, case):
    """Who is told of a case, by which channel, and what became of it."""
    items = world.hub.client.get(f"/v1/cases/{case['id']}/notices").json()["notices"]
    return {(notice["person"], notice["channel"], notice["state"]) for notice in items}


def test_an_emergency_breaks_the_quiet_and_is_told_on_every_way(world):
    tell(world, (MAN_DOWN, 0, b"\x01\x01\x50"))
    case = case_of(world, "man-down")
    assert (case["severity"], case["state"]) == ("emergency", "unacknowledged")
    wait_for(lambda: mails_of(world, case), "mail")
    message = world.centre.read()
    # Bob sleeps, and is woken, in his language.
    assert message["to"].endswith("1230000") and "Person reglos" in bytes.fromhex(message["octets"]).decode("latin-1"), message
    event = world.station.event()
    assert (event.code, event.account) == ("MA", ACCOUNT)

    for arguments in (
        ["case", "ack", case["id"], "--why", "on my way"],
        ["case", "assign", case["id"], "--to", "bob"],
        ["case", "comment", case["id"], "--why", "ladder"],
        ["case", "confirm", case["id"], "--why", "he is well"],
    ):
        ran = spica(world, *arguments)
        assert ran.returncode == 0, (arguments, ran.stderr)
    refused = spica(world, "case", "close", case["id"], "--why", "over")
    assert refused.returncode != 0 and "clear" in refused.stderr, refused
    tell(world, (0x3C, 0, b""))
    case_of(world, "man-down", until=lambda c: c["cleared_at"])
    assert world.station.event().code == "MH"
    closed = spica(world, "case", "close", case["id"], "--why", "over")
    assert closed.returncode == 0, closed.stderr
    said = steps(world, case)
    assert said == ["raised", "acknowledged", "assigned", "commented", "confirmed", "cleared", "closed"]


def test_an_amber_alert_that_ran_out_is_raised_and_one_that_ended_is_not(world):
    minutes = b"\x06\x02" + (5).to_bytes(2, "little")
    tell(world, (AMBER, 200, minutes), (AMBER_ENDED, 100, b""))
    tell(world, (AMBER, 600, minutes))
    case = case_of(world, "amber-alert-expired")
    assert (case["severity"], case["repeats"]) == ("high", 0)
    wait_for(lambda: mails_of(world, case), "mail")
    assert world.station.event().account == ACCOUNT
    tell(world, (AMBER_ENDED, 0, b""))
    case_of(world, "amber-alert-expired", until=lambda c: c["cleared_at"])


def test_a_low_battery_wakes_nobody(world):
    tell(world, (LOW_BATTERY, 0, b"\x01\x01\x05"))
    case = case_of(world, "low-battery")
    assert case["severity"] == "medium"
    wait_for(lambda: mails_of(world, case), "mail")
    assert ("bob", "sms", "delivered") not in told(world, case)
    tell(world, (CHARGER, 0, b""))
    assert spica(world, "case", "ack", case["id"]).returncode == 0
    done = case_of(world, "low-battery", until=lambda c: c["closed"])
    assert done["state"] == "closed"


@pytest.mark.parametrize("order, back", [("suppress", "unsuppress"), ("out-of-service", "in-service")])
def test_what_is_quiet_is_raised_and_told_of_when_it_is_so_no_more(world, order, back):
    ran = spica(world, "case", order, SOURCE, "low-battery", "--why", "new batteries are ordered")
    assert ran.returncode == 0, ran.stderr
    listed = spica(world, "case", "shelved").stdout
    assert SOURCE in listed and "low-battery" in listed
    tell(world, (LOW_BATTERY, 0, b""))
    case = case_of(world, "low-battery", until=lambda c: not c["closed"])
    assert case["quiet"]
    # Whatever would be sent, would have been decided in the batch of the raise.
    assert told(world, case) == set()
    assert spica(world, "case", back, SOURCE, "low-battery").returncode == 0
    wait_for(lambda: mails_of(world, case), "mail")
    tell(world, (CHARGER, 0, b""))
    assert spica(world, "case", "ack", case["id"]).returncode == 0
    case_of(world, "low-battery", until=lambda c: c["closed"])


def test_a_device_that_is_not_heard_of_is_missed_and_found(world):
    # One minute after it was registered, since that is the shortest interval there is.
    case = case_of(world, "missed-check-in", f"devices/{SILENT}", within=90)
    assert case["severity"] == "high"
    wait_for(lambda: mails_of(world, case), "mail")
    with dial(world.hub) as sock:
        device = Device(sock, SILENT)
        device.event(1, int(time.time()), STATUS)
        device.run()
    case_of(world, "missed-check-in", f"devices/{SILENT}", until=lambda c: c["cleared_at"])
