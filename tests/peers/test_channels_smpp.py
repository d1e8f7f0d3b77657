"""SMPP against smpp.twisted3, a message centre that others wrote; texts are read by gsm0338."""

import json
import subprocess
import sys
from pathlib import Path

import gsm0338
import pytest
from channels import Channel

PLAIN = "Man down: Grüße, 5 € [Lift 3]"
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)


def gsm(text):
    return gsm0338.Codec().encode(text)[0]


class Centre:
    def __init__(self):
        script = Path(__file__).with_name("smsc.py")
        self.process = subprocess.Popen(
            [sys.executable, script, "secret"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = self.read()["port"]

    def read(self):
        return json.loads(self.process.stdout.readline())

    def confirm(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)


@pytest.fixture
def centre():
    running = Centre()
    yield running
    running.stop()


def table(port, more=""):
    return (
        f'kind = "smpp"\nhost = "127.0.0.1"\nport = {port}\nsystem_id = "hub"\n'
        f'password = "secret"\nfrom = "Spica"\nreceipt_wait = "5s"\ntimeout = "20s"\n{more}'
    )


def test_a_message_is_submitted_as_the_standard_wants(centre, tmp_path):
    with Channel(tmp_path, table(centre.port)) as channel:
        said = channel.send(address="+41791234000", body=PLAIN)
        # The identifier comes back in the other base, in a receipt.
        assert said["outcome"] == "delivered" and "DELIVRD" in said["answer"], said
    got = centre.read()
    assert (got["system"], got["to"], got["source"]) == ("hub", "41791234000", "Spica")
    assert (got["source_ton"], got["dest_ton"]) == ("ALPHANUMERIC", "INTERNATIONAL")
    # smpp.twisted reads messaging mode, message type and features from esm_class; 0 is all default.
    assert (got["esm_mode"], got["esm_type"], got["udhi"]) == ("DEFAULT", "DEFAULT", [])
    assert "SMSC_DEFAULT_ALPHABET" in got["coding"]
    assert got["receipt"] == "SMSC_DELIVERY_RECEIPT_REQUESTED"
    assert got["priority"] == "LEVEL_1"
    assert bytes.fromhex(got["octets"]) == gsm(PLAIN)


def test_every_letter_of_the_default_alphabet_is_where_others_have_it(centre, tmp_path):
    letters = BASIC.replace("\x1b", "") + "^{}\\[~]|€"
    with Channel(tmp_path, table(centre.port)) as channel:
        assert channel.send(address="+41791234000", body=letters)["outcome"] == "delivered"
    assert bytes.fromhex(centre.read()["octets"]) == gsm(letters)


@pytest.mark.parametrize(
    ("text", "coding"),
    [("Lift [3] " * 40, "SMSC_DEFAULT_ALPHABET"), ("Лифт 3 😀 " * 20, "UCS2")],
    ids=["gsm-7", "ucs-2"],
)
def test_a_long_message_is_split_as_a_phone_puts_it_together(centre, tmp_path, text, coding):
    with Channel(tmp_path, table(centre.port)) as channel:
        said = channel.send(address="+41791234000", body=text)
        assert said["outcome"] == "delivered", said
    first = centre.read()
    total = bytes.fromhex(first["octets"])[4]
    parts = [first] + [centre.read() for _ in range(total - 1)]
    assert total > 1
    octets = [bytes.fromhex(part["octets"]) for part in parts]
    for place, (part, sent) in enumerate(zip(parts, octets), 1):
        assert part["udhi"] == ["UDHI_INDICATOR_SET"] and coding in part["coding"]
        assert sent[:6] == bytes([5, 0, 3, octets[0][3], total, place])
        wants_receipt = part["receipt"] == "SMSC_DELIVERY_RECEIPT_REQUESTED"
        assert wants_receipt == (place == total)
    whole = b"".join(sent[6:] for sent in octets)
    if coding == "UCS2":
        assert all(len(sent) <= 140 for sent in octets)
        assert whole.decode("utf-16-be") == text
    else:
        assert all(len(sent) - 6 <= 153 for sent in octets)
        assert whole == gsm(text)


@pytest.mark.parametrize(
    ("number", "outcomes", "said"),
    [
        ("+41791234011", ["refused"], "0x0000000b"),
        ("+41791234088", ["retry", "delivered"], "throttled"),
        ("+41791234404", ["refused"], "UNDELIV"),
    ],
)
def test_the_centres_word_says_whether_to_try_again(centre, tmp_path, number, outcomes, said):
    with Channel(tmp_path, table(centre.port)) as channel:
        answers = [channel.send(address=number, attempt=a) for a, _ in enumerate(outcomes, 1)]
    assert [answer["outcome"] for answer in answers] == outcomes
    assert said in answers[0]["answer"], answers


def test_a_receipt_that_comes_later_is_an_event(centre, tmp_path):
    more = table(centre.port).replace('receipt_wait = "5s"', 'receipt_wait = "0s"')
    with Channel(tmp_path, more) as channel:
        said = channel.send(address="+41791234777", key="root/s1:3-17/2")
        assert said["outcome"] == "delivered" and "taken" in said["answer"], said
        centre.confirm()
        event = channel.event()
    assert (event["event"], event["key"], event["arrived"]) == ("receipt", "root/s1:3-17/2", True)


def test_a_lost_session_is_made_again(centre, tmp_path):
    with Channel(tmp_path, table(centre.port)) as channel:
        assert channel.send(address="+41791234999")["outcome"] == "retry"
        assert channel.event()["event"] == "path-failed"
        assert channel.event()["event"] == "path-restored"
        assert channel.send(address="+41791234000")["outcome"] == "delivered"


def test_a_wrong_password_is_said_and_nothing_is_sent(centre, tmp_path):
    wrong = table(centre.port).replace('"secret"', '"wrong"')
    with Channel(tmp_path, wrong) as channel:
        event = channel.event()
        said = channel.send(address="+41791234000")
    assert event["event"] == "path-failed" and "wrong password" in event["text"], event
    assert said["outcome"] == "retry" and "wrong password" in said["answer"], said
