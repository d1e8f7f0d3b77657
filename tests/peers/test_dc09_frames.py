"""Frames of the DC-09 sender against pysiaalarm, a receiver that others wrote."""

import os
import subprocess
from datetime import datetime, timezone

import pytest
from pysiaalarm import SIAAccount, SIAEvent

FRAMES = os.environ["SPICA_DC09_BIN"]
ACCOUNT = "12AB"
SENT = datetime(2026, 11, 22, 5, 1, 23, tzinfo=timezone.utc)
KEYS = ["0123456789ABCDEF", "0123456789ABCDEF01234567", "0123456789ABCDEF0123456789ABCDEF"]

# Condition: code when it begins, code when it is over, Contact ID, zone.
CODES = {
    "man-down": ("MA", "MH", "100", "001"),
    "red-alert": ("PA", "PH", "120", "002"),
    "lanyard-removed": ("HA", "HH", "121", "003"),
    "amber-alert-expired": ("QA", "QH", "101", "004"),
    "missed-check-in": ("QA", "QH", "102", "005"),
    "low-battery": ("XT", "XR", "384", "006"),
    "other": ("UA", "UH", "140", "099"),
}
# What pysiaalarm calls a Contact ID event; it has no names for the others.
CID_NAMES = {"100": ("MA", "MH"), "120": ("PA", "PH"), "121": ("HA", "HH"), "101": ("QA", "QH")}


@pytest.fixture(scope="module", params=KEYS, ids=["aes-128", "aes-192", "aes-256"])
def frames(request):
    """Each printed frame by its name, as pysiaalarm reads it."""
    time = SENT.strftime("%Y-%m-%dT%H:%M:%SZ")
    command = [FRAMES, ACCOUNT, f"text:{request.param}", time]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = dict(line.split("\t") for line in printed.splitlines())
    assert len(lines) == 2 * (1 + 2 * 2 * len(CODES))
    accounts = {ACCOUNT: SIAAccount(ACCOUNT, request.param, allowed_timeband=None)}
    return {name: SIAEvent.from_line(frame, accounts) for name, frame in lines.items()}


def test_every_frame_has_the_right_check_length_account_and_time(frames):
    for name, event in frames.items():
        assert event.valid_message, f"{name}: {event.msg_crc} is not {event.calc_crc}"
        assert int(event.length, 16) == len(event.full_message), name
        assert event.account == ACCOUNT, name
        assert event.encrypted == name.startswith("encrypted"), name
        assert event.timestamp == SENT, name
        assert (event.receiver, event.line, event.sequence) == ("R0", "L0", "0001"), name


@pytest.mark.parametrize("kind", ["plain", "encrypted"])
def test_every_condition_has_its_codes_and_its_zone(frames, kind):
    for condition, (begins, ends, contact_id, zone) in CODES.items():
        for qualifier, code, digit in [("New", begins, "1"), ("Restore", ends, "3")]:
            sia = frames[f"{kind} SIA-DCS {condition} {qualifier}"]
            assert (sia.code, sia.id, sia.ri) == (code, "4711", "1"), condition
            assert sia.message == f"{zone}|AMueller, tunnel north", condition
            cid = frames[f"{kind} ADM-CID {condition} {qualifier}"]
            assert (cid.event_qualifier, cid.event_type) == (digit, contact_id), condition
            assert (cid.partition, cid.ri) == ("01", zone), condition
            if contact_id in CID_NAMES:
                assert cid.code == CID_NAMES[contact_id][digit == "3"], condition


@pytest.mark.parametrize("kind", ["plain", "encrypted"])
def test_polls_are_link_tests(frames, kind):
    poll = frames[f"{kind} NULL"]
    assert poll.message_type.value == "NULL" and poll.code == "RP"


def test_the_fields_behind_the_data_say_when_and_where(frames):
    for name in ["plain SIA-DCS man-down New", "encrypted SIA-DCS man-down New"]:
        fields = {field.identifier: field.value for field in frames[name].extended_data}
        assert fields == {"H": "05:01:23,11-22-2026", "X": "008E32.502", "Y": "47N22.614"}
    for name in ["plain ADM-CID man-down New", "encrypted ADM-CID man-down New"]:
        fields = {field.identifier: field.value for field in frames[name].extended_data}
        assert fields == {"H": "05:01:23,11-22-2026"}


def test_the_receiver_acknowledges_what_it_knows(frames):
    for name, event in frames.items():
        if event.sia_code is not None:
            token = '"*ACK"0001R0L0#12AB[' if event.encrypted else '"ACK"0001R0L0#12AB[]'
            assert token in event.create_response().decode(), name
