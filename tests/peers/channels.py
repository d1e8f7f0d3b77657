"""Runs the example `send` of crates/channels, which sends messages by one channel."""

import json
import os
import queue
import subprocess
import threading

SEND = os.environ["SPICA_SEND_BIN"]
DEADLINE_S = 30


class Channel:
    """A channel as a process: messages in, outcomes and events out."""

    def __init__(self, directory, table):
        file = directory / "channels.toml"
        file.write_text(f"[channels.sample]\n{table}\n")
        self.process = subprocess.Popen(
            [SEND, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.outcomes, self.events = queue.Queue(), queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            (self.events if "event" in said else self.outcomes).put(said)

    def send(self, **message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        return self.outcomes.get(timeout=DEADLINE_S)

    def event(self):
        return self.events.get(timeout=DEADLINE_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(DEADLINE_S) == 0
