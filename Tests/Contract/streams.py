"""A client that follows a live stream and reads it like a browser."""

import http.client
import json
import socket
from contextlib import suppress
from typing import NamedTuple

from support import PATIENCE_SECONDS

LINES = "application/x-ndjson"


class Block(NamedTuple):
    """The block between two empty lines of a stream of Server-Sent Events."""

    id: int | None
    event: str | None
    data: object
    retry: int | None
    comments: int


class Stream:
    def __init__(self, program, query="", after=None, accept="text/event-stream", receive_buffer=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=PATIENCE_SECONDS)
        if receive_buffer:
            self.connection.sock = socket.socket()
            self.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self.connection.sock.settimeout(PATIENCE_SECONDS)
            self.connection.sock.connect(("127.0.0.1", program.port))
        headers = {"Accept": accept} | ({"Last-Event-ID": str(after)} if after is not None else {})
        self.connection.request("GET", f"/events/stream?{query}", headers=headers)
        self.answer = self.connection.getresponse()
        assert (self.answer.status, self.answer.headers["Content-Type"]) == (200, accept)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with suppress(OSError):
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.answer.close()
        self.connection.close()

    def block(self):
        """The next block; None at the stream's proper end."""
        fields, comments = {}, 0
        while line := self.answer.readline():
            assert line.endswith(b"\n")
            if line == b"\n":
                data = json.loads(fields["data"]) if "data" in fields else None
                # Of a position EPOCH-SEQ, the seq.
                number = {name: int(fields[name].split("-")[-1]) if name in fields else None for name in ("id", "retry")}
                return Block(number["id"], fields.get("event"), data, number["retry"], comments)
            name, _, value = line.decode().rstrip("\n").partition(":")
            if name:
                assert name not in fields
                fields[name] = value.removeprefix(" ")
            else:
                comments += 1
        assert not fields and not comments
        return None

    def blocks(self):
        while block := self.block():
            yield block

    def events(self):
        """Only the events, each checked against its block."""
        for block in self.blocks():
            if block.event == "event":
                assert block.id == block.data["seq"]
                yield block.data
            else:
                assert block.event is None, block

    def lines(self, beats=False):
        """The content of a stream of lines; None for a heartbeat, if wanted."""
        while line := self.answer.readline():
            if line != b"\n" and not line.startswith(b'{"position"'):
                yield json.loads(line)
            elif beats:
                yield None
