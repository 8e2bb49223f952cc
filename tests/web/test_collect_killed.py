"""A door killed while many send: whatever it answered with 200 is in the log."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import doors
import fairday
import parts
from conftest import NOON
from fairday.intake.keys import create_key

SENDERS = 64
KILLS = 3

SERVE = """
import sys, fairday
from fairday.web.collect import collect_server
with fairday.open(sys.argv[1]) as shop:
    collect_server(shop, port=int(sys.argv[2])).run()
"""


def serve(url: str, port: int) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONPATH": str(Path(fairday.__file__).parents[1])}  # this source, wherever it is
    process = subprocess.Popen([sys.executable, "-c", SERVE, url, str(port)], env=env)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the door did not open")


class Sender(threading.Thread):
    """Sends one event after the other over one connection, noting which were answered with 200."""

    def __init__(self, port: int, name: str) -> None:
        super().__init__(daemon=True)
        self.port, self.prefix = port, name
        self.acknowledged: list[str] = []
        self.unanswered = 0

    def run(self) -> None:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as wire:
                n = 0
                while True:
                    n += 1
                    id_ = f"{self.prefix}-{n}"
                    event = {"messageId": id_, "event": "A", "userId": "u1", "writeKey": doors.SERVER_KEY}
                    body = json.dumps(event).encode()
                    self.unanswered += 1
                    wire.sendall(b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                    answer = b""
                    while not answer.endswith(b"}"):
                        if not (more := wire.recv(4096)):
                            return
                        answer += more
                    if not answer.startswith(b"HTTP/1.1 200"):
                        return
                    self.unanswered -= 1
                    self.acknowledged.append(id_)
        except OSError:
            return


@pytest.mark.slow
def test_what_was_acknowledged_before_a_kill_is_in_the_log(url: str) -> None:
    with fairday.open(url) as shop, shop.db.write() as conn:
        create_key(conn, "till", "server", NOON, doors.SERVER_KEY)
    port = parts.free_port()
    acknowledged: list[str] = []
    in_flight = 0
    for round_ in range(KILLS):
        process = serve(url, port)
        senders = [Sender(port, f"r{round_}-s{n}") for n in range(SENDERS)]
        for sender in senders:
            sender.start()
        end = time.monotonic() + 30
        while sum(len(s.acknowledged) for s in senders) < 300 and time.monotonic() < end:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        for sender in senders:
            sender.join(10)
        acknowledged += [id_ for s in senders for id_ in s.acknowledged]
        in_flight += sum(s.unanswered for s in senders)
    with fairday.open(url) as shop:
        kept = [h.message_id for h in doors.log_of(shop)]
    print(f"{KILLS} kills, {len(acknowledged)} acknowledged, {in_flight} in flight when killed, {len(kept)} kept")
    assert in_flight > 0
    assert len(acknowledged) >= 300 * KILLS
    assert set(acknowledged) <= set(kept)
    assert len(kept) == len(set(kept)) <= len(acknowledged) + in_flight
