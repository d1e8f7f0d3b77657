"""DC-09 against pysiaalarm, a monitoring station's receiver that others wrote."""

import queue
import socket

import pytest
from channels import Channel
from pysiaalarm import CommunicationsProtocol, SIAAccount, SIAClient

ACCOUNT, KEY = "12AB", "0123456789ABCDEF"


class Station:
    """A receiver at a port of its own, once it is started."""

    def __init__(self, protocol, key=KEY):
        self.events, self.protocol, self.key = queue.Queue(), protocol, key
        self.port, self.client = free_port(), None

    def start(self):
        def take(event):
            # Polls are events to pysiaalarm.
            if event.code != "RP":
                self.events.put(event)

        account = SIAAccount(ACCOUNT, self.key, allowed_timeband=None)
        self.client = SIAClient("127.0.0.1", self.port, [account], take, self.protocol)
        self.client.start()
        return self

    def stop(self):
        self.client.stop()

    def event(self):
        return self.events.get(timeout=30)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def table(main, transport="tcp", key=f'key = "text:{KEY}"', more=""):
    return (
        f'kind = "dc09"\nmain = "127.0.0.1:{main}"\ntransport = "{transport}"\n'
        f'account = "{ACCOUNT}"\n{key}\nanswer = "1s"\ntimeout = "20s"\n{more}'
    )


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("key", [KEY, None], ids=["aes", "plain"])
def test_a_raise_is_new_a_clear_is_a_restore_and_both_are_acknowledged(tmp_path, transport, key):
    station = Station(CommunicationsProtocol[transport.upper()], key).start()
    line = f'key = "text:{key}"' if key else ""
    with Channel(tmp_path, table(station.port, transport, line)) as channel:
        for number, reason, code in [(1, "raised", "MA"), (2, "cleared", "MH"), (3, "test", "RX")]:
            condition = "test" if reason == "test" else "man-down"
            said = channel.send(number=number, reason=reason, condition=condition, address="")
            assert said["outcome"] == "delivered" and "ACK" in said["answer"], said
            event = station.event()
            assert (event.code, event.account) == (code, ACCOUNT)
            assert event.encrypted == bool(key)
            if reason != "test":
                assert event.id == "12345" and "Man down" in event.message, event
    station.stop()


def test_the_backup_takes_over_and_the_path_is_told_failed_and_restored(tmp_path):
    main = Station(CommunicationsProtocol.TCP)
    backup = Station(CommunicationsProtocol.TCP).start()
    more = f'backup = "127.0.0.1:{backup.port}"\nmain_poll = "1s"\nswitch_after = 1'
    with Channel(tmp_path, table(main.port, more=more)) as channel:
        said = channel.send(address="")
        assert said["outcome"] == "delivered" and "backup" in said["answer"], said
        assert backup.event().code == "MA"
        failed = channel.event()
        assert (failed["event"], failed["path"]) == ("path-failed", "main")
        main.start()
        restored = channel.event()
        assert (restored["event"], restored["path"]) == ("path-restored", "main")
    main.stop()
    backup.stop()


def test_nothing_is_delivered_that_nobody_has_acknowledged(tmp_path):
    nobody = Station(CommunicationsProtocol.TCP)
    hasty = table(nobody.port).replace('timeout = "20s"', 'timeout = "500ms"')
    with Channel(tmp_path, hasty) as channel:
        first = channel.send(address="", attempt=1)
        assert first["outcome"] == "retry", first
        nobody.start()
        # The machine has gone on by itself, and the next attempts join it.
        attempt, said = 1, first
        while said["outcome"] == "retry":
            attempt += 1
            said = channel.send(address="", attempt=attempt)
        assert said["outcome"] == "delivered", said
    assert nobody.event().code == "MA"
    assert nobody.events.empty(), "the station was told twice"
    nobody.stop()
