"""Hostile inputs by name, as other programs' formats could bring them: each costs only itself, and is answered clearly."""

import gzip
import hashlib
import hmac
import json
import struct
import zlib

import pytest
from test_metrics import samples
from test_sender_clients import bearer, token

TIME = 1796000400

# MARK: JSON

# Values that are JSON, or that a sender takes for JSON: half a surrogate pair, or bytes that are not UTF-8.
VALUES = {
    "null": "null", "true": "true", "false": "false", "zero": "0", "minus zero": "-0", "minus one": "-1",
    "400 digits": "9" * 400, "400 digits of a fraction": "0." + "3" * 400, "beyond doubles": "1e999", "minus beyond doubles": "-1e999",
    "below doubles": "1e-999", "an exponent of 400 digits": "1e" + "9" * 400, "2^53+1": str(2**53 + 1), "2^63": str(2**63),
    "-2^63-1": str(-(2**63) - 1), "2^64": str(2**64), "2^128": str(2**128),
    "an empty text": '""', "a blank": '" "', "NUL": r'"\u0000"', "text after a NUL": r'"a\u0000b"', "every control character":
        json.dumps("".join(map(chr, range(32)))), "DEL and C1": json.dumps("\x7f\x80\x9f"),
    "a high surrogate alone": r'"\ud800"', "a low surrogate alone": r'"\udc00"', "surrogates swapped": r'"\udc00\ud800"',
    "a surrogate before a letter": r'"\ud83d\u0041"', "a high surrogate at the end": r'"x\ud83d"', "noncharacters": r'"\uffff\ufdd0"',
    "no UTF-8": b'"\xff\xfe"', "UTF-8 cut off": b'"\xe2\x82"', "overlong UTF-8": b'"\xc0\xaf"', "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "beyond Unicode": b'"\xf4\x90\x80\x80"', "UTF-8 of six bytes": b'"\xfc\x84\x80\x80\x80\x80"', "a byte order mark within": r'"\ufeffx"',
    "text from right to left": r'"\u202egpj.exe"', "5,000 combining marks": '"e' + "\\u0301" * 5000 + '"', "1,000 line feeds": '"' + "\\n" * 1000 + '"',
    "escapes only": '"' + "\\u0041" * 10_000 + '"', "70,000 letters": '"' + "x" * 70_000 + '"', "70,000 letters of two bytes": '"' + "é" * 70_000 + '"',
    "300,000 letters": '"' + "y" * 300_000 + '"', "markup": '"<script>alert(1)</script>"', "SQL": "\"'; DROP TABLE events; --\"",
    "directives of printf": '"%s%n%n"', "a lookup": '"${jndi:ldap://x/a}"', "a path": '"../../../etc/passwd"', "a header": r'"a\r\nSet-Cookie: x=y"',
    "an empty array": "[]", "an empty object": "{}", "nested 30 deep": "[" * 30 + "]" * 30, "objects nested 400 deep": '{"a":' * 400 + "1" + "}" * 400,
    "10,000 nulls": "[" + "null," * 9999 + "null]", "2,000 keys": json.dumps(dict.fromkeys(map(str, range(2000)), 1)), "an empty key": '{"":1}',
    "NUL in a key": r'{"a\u0000":1}', "a key of 70,000 letters": '{"' + "k" * 70_000 + '":1}', "half a pair in a key": r'{"\ud800":1}',
    "a prototype": '{"__proto__":{"x":1},"constructor":{}}', "the names of metadata": '{"source":"x","truncated":7,"shared_truncated":[]}',
    "an Event without a name": '{"kind":"Event","apiVersion":"v1","metadata":{},"involvedObject":{}}',
    "an Event of arrays": '{"kind":"Event","apiVersion":"v1","metadata":{"uid":[],"resourceVersion":{}},"involvedObject":{"kind":[1]},"count":"x"}',
    "a List in a List": '{"kind":"List","items":[{"kind":"List","items":[]}]}', "the year 10000": '"10000-01-01T00:00:00Z"',
    "the year 0": '"0000-01-01T00:00:00Z"', "the year 1": '"0001-01-01T00:00:00Z"', "30 February": '"2026-02-30T00:00:00Z"', "hour 25": '"2026-01-01T25:00:00Z"',
    "a leap second": '"2016-12-31T23:59:60Z"', "an offset of 99 hours": '"2026-01-01T00:00:00+99:00"', "a time before 1970": '"1969-12-31T23:59:59Z"',
    "nanoseconds beyond 64 bits": '"99999999999999999999"', "a negative time": '"-1796000400"', "a time with 400 digits": '"1796000400.' + "9" * 400 + '"',
    "an endless severity": '"' + "fatal" * 1000 + '"', "nested texts of JSON": json.dumps(json.dumps(json.dumps({"a": {"b": [1]}}))),
}  # fmt: skip

# Texts that no repair makes JSON.
BROKEN = {
    "an open object": "{", "an open array": "[", "an open text": '"open', "a closing bracket": "]", "a closing brace": "}", "a key alone": '{"a"}',
    "a key without a value": '{"a":}', "a value without a key": "{1}", "a bare key": "{a:1}", "a key in apostrophes": "{'a':1}", "NaN": "NaN",
    "Infinity": "Infinity", "-Infinity": "-Infinity", "a plus": "+1", "a leading zero": "01", "no digit after the point": "1.", "no exponent": "1e",
    "no digit before the point": ".5", "hexadecimal": "0x10", "half of true": "tru", "nul": "nul", "undefined": "undefined", "a comma before the end": "[1,]",
    "a comma in an object": '{"a":1,}', "two commas": "[1,,2]", "a comment": "/* a */ 1", "a control character": b'"\x01"', "a real NUL": b'"\x00"',
    "an unknown escape": r'"\x41"', "an escape cut off": r'"\u12"', "an escape at the end": '"\\', "an escape of no digits": r'"\u-123"', "two values": "1 2",
    "nested 600 deep": "[" * 600 + "]" * 600, "nested 100,000 deep and open": "[" * 100_000, "objects open without end": '{"a":' * 50_000,
    "a key twice": '{"a":1,"a":2}', "a key twice by an escape": r'{"a":1,"\u0061":2}', "UTF-16": '{"a":1}'.encode("utf-16"), "a form": "payload=%7B%7D",
    "markup": "<html>", "YAML": "a: 1", "gzip": gzip.compress(b"{}", mtime=0)[:3], "MessagePack": b"\x82\xa1a\x01", "BSON": struct.pack("<i", 5) + b"\x00",
}  # fmt: skip

# By path: a body with an item between two others, and an item with a value in the places where its reader looks. A body
# of lines is read item by item; what is not JSON costs all of another body.
LINES = "GOOD\nITEM\nGOOD\n"
KINDS = {
    "/ingest/records": (LINES, f'{{"date":{TIME},"log":VALUE,"level":VALUE,"host":VALUE,"kubernetes":VALUE,"x":VALUE}}'),
    "/services/collector/event": (LINES, f'{{"time":{TIME},"event":{{"message":VALUE,"level":VALUE}},"host":VALUE,"fields":VALUE}}'),
    "/ingest/falco": (LINES, '{"rule":"r","time":"2026-11-30T02:36:27Z","output":VALUE,"priority":VALUE,"output_fields":{"k8s.pod.name":VALUE}}'),
    "/ingest/journald": (LINES, f'{{"__CURSOR":"a","__REALTIME_TIMESTAMP":"{TIME}000000","MESSAGE":VALUE,"PRIORITY":VALUE,"_COMM":VALUE}}'),
    "/elasticsearch/_bulk": ('{"create":{}}\nGOOD\n{"create":{}}\nITEM\n{"index":{}}\nGOOD\n', f'{{"@timestamp":{TIME},"message":VALUE,"level":VALUE,"x":VALUE}}'),
    "/ingest/alertmanager": ('{"alerts":[GOOD,ITEM,GOOD]}', '{"labels":{"alertname":"a","pod":VALUE,"severity":VALUE},"annotations":{"summary":VALUE},"startsAt":"2026-11-30T02:36:27Z"}'),
    "/ingest/cloudevents": ("[GOOD,ITEM,GOOD]", '{"specversion":"1.0","id":"1","source":"s","type":"t","subject":VALUE,"severitytext":VALUE,"data":VALUE}'),
    "/v1/logs": ('{"resourceLogs":[{"scopeLogs":[{"logRecords":[GOOD,ITEM,GOOD]}]}]}',
                 f'{{"timeUnixNano":"{TIME}000000000","severityNumber":VALUE,"body":{{"stringValue":VALUE}},"attributes":[{{"key":"k","value":VALUE}}]}}'),
    "/loki/api/v1/push": ('{"streams":[GOOD,ITEM,GOOD]}', f'{{"stream":{{"pod":"web-0"}},"values":[["{TIME}000000000","x",VALUE],["{TIME}000000001","y"],["{TIME}000000002",VALUE]]}}'),
    "/ingest/flux": ("ITEM", '{"involvedObject":{"kind":VALUE,"name":VALUE},"message":VALUE,"severity":VALUE,"timestamp":VALUE,"metadata":VALUE}'),
    "/ingest/github": ("ITEM", '{"action":VALUE,"repository":{"full_name":VALUE},"issue":{"title":VALUE,"updated_at":VALUE,"state":VALUE}}'),
}  # fmt: skip


class Target:
    """A format of the running program, and what it has stored."""

    def __init__(self, program, path):
        self.program, self.path = program, path
        formats = program.request("GET", "/ingest").json["formats"]
        (self.name,) = (each["name"] for each in formats if any(route["path"] == path for route in each["routes"]))
        self.taken = self.count()

    def count(self):
        """Events that are stored or were stored before."""
        counted = samples(self.program)
        return sum(counted[f'logbook_ingest_{what}_total{{format="{self.name}"}}'] for what in ("stored", "duplicate"))

    def send(self, what, body, headers={}, refusals=()):
        """Sends a body, whose answer must be a success or one of `refusals` that says why; returns the number of events in it."""
        answer = self.program.request("POST", self.path, body, headers)
        before, self.taken = self.taken, self.count()
        assert answer.status in (200, 204, *refusals), (what, answer)
        if answer.status not in (200, 204) and "json" in answer.headers["Content-Type"]:
            detail = answer.json.get("detail") or answer.json.get("message") or answer.json["error"]["reason"]
            assert detail[0].isupper() and detail.endswith("."), (what, detail)
        return answer.status, self.taken - before


@pytest.mark.parametrize("path", KINDS)
def test_hostile_json(empty, path):
    body, item = KINDS[path]
    target, neighbors = Target(empty, path), body.count("GOOD")
    good = item.replace("VALUE", '"v"').encode()
    assert len(VALUES) >= 64 and len(VALUES | BROKEN) >= 64
    for name, value in [*VALUES.items(), *BROKEN.items()]:
        value = value if isinstance(value, bytes) else value.encode()
        is_costly = name in BROKEN and body != LINES and "_bulk" not in path
        refusals = (400, 413, 415, 422) if is_costly or not neighbors else ()
        for sent in (value, item.encode().replace(b"VALUE", value)):
            status, taken = target.send(name, body.encode().replace(b"GOOD", good).replace(b"ITEM", sent), refusals=refusals)
            assert taken >= neighbors or status >= 400, (name, sent[:80])
            assert taken == 0 or status < 400, name
    assert empty.request("GET", "/readyz").status == 200


# MARK: Protocol buffers


def varint(number):
    rest = number >> 7
    return bytes([number & 0x7F | 0x80]) + varint(rest) if rest else bytes([number])


def field(number, wire, content):
    return varint(number << 3 | wire) + content


def message(number, content):
    return field(number, 2, varint(len(content)) + content)


def nested(depth, wrap):
    value = field(2, 0, b"\1")
    for _ in range(depth):
        value = wrap(value)
    return message(5, value)


WIRES = {"a varint": (0, b"\1"), "8 bytes": (1, bytes(8)), "a length": (2, b"\1x"), "a group's start": (3, b""), "a group's end": (4, b""),
         "4 bytes": (5, bytes(4)), "type 6": (6, b"\1"), "type 7": (7, b"\1")}  # fmt: skip
PROTOBUF = {f"field {number} as {name}": field(number, wire, content) for number in (*range(1, 14), 99) for name, (wire, content) in WIRES.items()} | {
    "nothing": b"", "field 0": field(0, 0, b"\1"), "field 2^29": field(2**29, 0, b"\1"), "a tag of 10 bytes": b"\xff" * 9 + b"\1", "a tag of 11 bytes": b"\xff" * 10 + b"\1",
    "a tag that breaks off": b"\x80", "an overlong tag": b"\x90\x80\0\1", "an overlong varint": field(2, 0, b"\x91\x80\x80\0"), "a varint that breaks off": field(2, 0, b"\x80"),
    "a varint of 11 bytes": field(2, 0, b"\xff" * 10 + b"\1"), "a varint of 65 bits": field(2, 0, b"\xff" * 9 + b"\2"), "a severity of 2^64-1": field(2, 0, varint(2**64 - 1)),
    "a severity of 2^63": field(2, 0, varint(2**63)), **{f"a length of {length}": field(3, 2, varint(length) + b"x") for length in (2, 2**31, 2**32, 2**63, 2**64 - 1)},
    "a length that breaks off": field(3, 2, b"\x80"), "8 bytes that break off": field(1, 1, bytes(7)), "4 bytes that break off": field(8, 5, bytes(3)),
    "no UTF-8": message(3, b"\xff\xfe"), "NUL": message(3, b"\0"), "half a pair in UTF-8": message(3, b"\xed\xa0\x80"), "300,000 letters": message(5, message(1, b"x" * 300_000)),
    "an attribute of nothing": message(6, b""), "an attribute without a key": message(6, message(2, message(1, b"v"))), "an attribute without a value": message(6, message(1, b"k")),
    "a key twice": 2 * message(6, message(1, b"k") + message(2, message(1, b"v"))), "10,000 attributes": b"".join(message(6, message(1, b"%d" % n)) for n in range(10_000)),
    "a trace's id of a byte": message(9, b"x"), "a trace's id of 1,000 bytes": message(9, bytes(1000)), "lists nested 2,000 deep": nested(2000, lambda value: message(5, message(1, value))),
    "objects nested 2,000 deep": nested(2000, lambda value: message(6, message(1, message(1, b"k") + message(2, value)))), "groups nested 2,000 deep": field(1, 3, b"") * 2000,
    "a time twice": 2 * field(1, 1, bytes(8)), "a time of 2^64-1": field(1, 1, b"\xff" * 8), "a time of 2^63": field(1, 1, struct.pack("<Q", 2**63)),
    "a value of two kinds": message(5, message(1, b"x") + field(2, 0, b"\1")), "a value of no kind": message(5, b""), "bytes": message(5, message(7, b"\0\xff")),
    **{f"{number}": message(5, field(4, 1, struct.pack("<d", number))) for number in (float("nan"), float("inf"), float("-inf"), -0.0, 5e-324)},
}  # fmt: skip
PROTOBUF_TYPE = {"Content-Type": "application/x-protobuf"}


def test_hostile_protobuf_of_opentelemetry(empty):
    target = Target(empty, "/v1/logs")
    good = field(1, 1, struct.pack("<Q", TIME * 10**9)) + message(5, message(1, b"m"))
    for name, hostile in PROTOBUF.items():
        records = b"".join(message(2, record) for record in (good, hostile, good))
        assert target.send(name, message(1, message(2, records)), PROTOBUF_TYPE)[1] >= 2, name
        for whole in (hostile, message(1, hostile), message(1, message(1, hostile) + message(2, message(1, hostile)))):
            status, taken = target.send(name, whole, PROTOBUF_TYPE, refusals=[400])
            assert (status, taken) == (400, 0) or status == 200, name


def snappy(content):
    """A block of one literal."""
    return varint(len(content)) + bytes([62 << 2]) + struct.pack("<I", len(content) - 1)[:3] + content if content else b"\0"


def test_hostile_protobuf_of_loki(empty):
    target = Target(empty, "/loki/api/v1/push")
    labels = message(1, b'{pod="web-0"}')
    time = message(1, field(1, 0, varint(TIME)))
    good = message(2, time + message(2, b"m"))
    for name, hostile in PROTOBUF.items():
        streams = labels + good + message(2, hostile) + message(2, time + message(2, b"x") + message(3, hostile)) + good
        assert target.send(name, snappy(message(1, streams)), PROTOBUF_TYPE)[1] >= 2, name
        streams = message(1, labels + good) + message(1, hostile) + message(1, message(1, hostile) + good) + message(1, labels + good)
        assert target.send(name, snappy(streams), PROTOBUF_TYPE)[1] >= 2, name
        status, taken = target.send(name, snappy(hostile), PROTOBUF_TYPE, refusals=[400, 422])
        assert taken == 0, name


# MARK: Snappy

PUSH = message(1, message(1, b'{pod="web-0"}') + message(2, message(1, field(1, 0, varint(TIME))) + message(2, b"no route to db, no route to db")))
COPIES = {"a copy of one byte": lambda offset: bytes([(offset >> 8) << 5 | 1, offset & 255]), "a copy of two bytes": lambda offset: b"\x0e" + struct.pack("<H", offset),
          "a copy of four bytes": lambda offset: b"\x0f" + struct.pack("<I", offset)}  # fmt: skip
ABCD = b"\x0cabcd"
SNAPPY = {f"cut after {count} bytes": snappy(PUSH)[:count] for count in range(1, len(snappy(PUSH)))} | {
    **{f"{name}, offset 0": b"\x08" + ABCD + copy(0) for name, copy in COPIES.items()}, **{f"{name}, beyond the start": b"\x08" + ABCD + copy(5) for name, copy in COPIES.items()},
    **{f"{name}, first": b"\x04" + copy(1) for name, copy in COPIES.items()}, **{f"{name}, past the end": b"\x05" + ABCD + copy(4) for name, copy in COPIES.items()},
    **{f"{name}, cut off": b"\x08" + ABCD + copy(4)[:-1] for name, copy in COPIES.items()}, "an offset of 2^32-1": b"\x08" + ABCD + b"\x0f" + b"\xff" * 4,
    **{f"a literal of {count} bytes of length, cut off": b"\x04" + bytes([(59 + count) << 2]) + b"\1" * (count - 1) for count in range(1, 5)},
    **{f"a literal of {count} bytes of length, past the end": b"\x04" + bytes([(59 + count) << 2]) + b"\xff" * count + b"abcd" for count in range(1, 5)},
    "nothing": b"", "one byte more announced": varint(len(PUSH) + 1) + snappy(PUSH)[1:], "one byte less announced": varint(len(PUSH) - 1) + snappy(PUSH)[1:],
    "2^32-1 bytes announced": varint(2**32 - 1) + ABCD, "2^35-1 bytes announced": varint(2**35 - 1) + ABCD, "2^64-1 bytes announced": varint(2**64 - 1) + ABCD,
    "17 MiB announced": varint(17 << 20) + ABCD, "an announcement that breaks off": b"\x80", "17 MiB of copies": varint(17 << 20) + b"\0a" + b"\xfe\1\0" * (17 << 14),
    "bytes after the end": snappy(PUSH) + b"\0x", "the framed format": b"\xff\x06\0\0sNaPpY", "no compression": PUSH, "gzip": gzip.compress(PUSH), "zstd": b"\x28\xb5\x2f\xfd" + PUSH,
    "JSON": b'{"streams":[]}', "no protobuf": snappy(b"\xff" * 100),
}  # fmt: skip


def test_hostile_snappy(empty):
    target = Target(empty, "/loki/api/v1/push")
    assert len(SNAPPY) >= 64
    for name, block in SNAPPY.items():
        assert target.send(name, block, PROTOBUF_TYPE, refusals=[400, 413])[0] >= 400, name
    assert target.send("whole", snappy(PUSH), PROTOBUF_TYPE) == (204, 1)


# MARK: gzip and deflate

RECORDS = b'{"date":1,"log":"a"}\n{"date":2,"log":"b"}\n'
HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\3"
WHOLE = gzip.compress(RECORDS, mtime=0)
END = WHOLE[-8:]
ODD = {
    "many members": gzip.compress(RECORDS) + gzip.compress(b"") * 1000, "a member for each byte": b"".join(gzip.compress(bytes([byte])) for byte in RECORDS),
    "no compression": gzip.compress(RECORDS, 0), "a name": HEAD[:3] + b"\x08" + HEAD[4:] + b"a\0" + WHOLE[10:], "a comment": HEAD[:3] + b"\x10" + HEAD[4:] + b"a\0" + WHOLE[10:],
    "a field more of 60,000 bytes": HEAD[:3] + b"\x04" + HEAD[4:] + struct.pack("<H", 60_000) + bytes(60_000) + WHOLE[10:], "the time 2^32-1": HEAD[:4] + b"\xff" * 4 + HEAD[8:] + WHOLE[10:],
}  # fmt: skip
CORRUPT = {f"cut after {count} bytes": WHOLE[:count] for count in range(1, len(WHOLE))} | {
    "another checksum": WHOLE[:-8] + bytes(4) + WHOLE[-4:], "another length": WHOLE[:-4] + b"\xff" * 4, "no gzip": RECORDS, "zlib for gzip": zlib.compress(RECORDS),
    "another method": WHOLE[:2] + b"\x07" + WHOLE[3:], "reserved flags": WHOLE[:3] + b"\xe0" + WHOLE[4:], "another checksum of the head": HEAD[:3] + b"\2" + HEAD[4:] + b"xx" + WHOLE[10:],
    "a name without end": HEAD[:3] + b"\x08" + HEAD[4:] + b"a" * 10_000, "a field more past the end": HEAD[:3] + b"\x04" + HEAD[4:] + b"\xff\xff" + WHOLE[10:],
    "a block of type 3": HEAD + b"\x07" + END, "a stored block that lies": HEAD + b"\1\5\0\0\0abcde" + END, "a distance beyond the start": HEAD + b"\x4b\4\x72" + END,
    "lengths of codes that do not fit": HEAD + b"\x05" + b"\xff" * 20 + END, "no end of a block": HEAD + b"\x05\xe0" + bytes(20) + END, "bytes after the end": WHOLE + b"x",
    "two magic bytes after the end": WHOLE + b"\x1f\x8b", "a bomb of 64 MiB": gzip.compress(b" " * (64 << 20)), "a bomb in members": gzip.compress(b" " * (1 << 20)) * 64,
    "a bomb in a bomb": gzip.compress(gzip.compress(b" " * (64 << 20))),
}  # fmt: skip
DEFLATE = {
    "a dictionary": b"\x78\xbb\0\0\0\1" + zlib.compress(RECORDS)[2:], "a window of 64 KiB": b"\x88\x1c" + zlib.compress(RECORDS)[2:], "another check of the head": b"\x78\0" + zlib.compress(RECORDS)[2:],
    "another checksum": zlib.compress(RECORDS)[:-4] + bytes(4), "a second text": zlib.compress(RECORDS) * 2, "a bomb": zlib.compress(b" " * (64 << 20)), "gzip for deflate": WHOLE,
    "cut off": zlib.compress(RECORDS)[:-5], "no header, cut off": zlib.compress(RECORDS)[2:-6],
}  # fmt: skip


def test_hostile_compression(empty):
    target = Target(empty, "/ingest/records")
    assert len(CORRUPT) + len(DEFLATE) >= 64
    for name, body in ODD.items():
        assert target.send(name, body, {"Content-Encoding": "gzip"}) == (200, 2), name
    for coding, inputs in ("gzip", CORRUPT), ("deflate", DEFLATE):
        for name, body in inputs.items():
            status, taken = target.send(name, body, {"Content-Encoding": coding}, refusals=[400, 413, 415])
            assert status >= 400 and taken <= 2, name
    for coding in ("zstd", "br", "compress", "gzip, gzip", "gzip,deflate", "x", ""):
        assert target.send(coding, WHOLE, {"Content-Encoding": coding}, refusals=[415])[0] == 415
    assert empty.request("GET", "/readyz").status == 200


# MARK: The journal


def binary(name, length, value):
    return name + b"\n" + struct.pack("<Q", length) + value + b"\n"


ENTRY = b"__CURSOR=a\n__REALTIME_TIMESTAMP=1796006187500000\nPRIORITY=3\nMESSAGE=m\n\n"
UNKNOWN = b"__REALTIME_TIMESTAMP=1796006187500000\nMESSAGE=m\n"
FIELDS = {
    "nothing": b"", "1,000 empty lines": b"\n" * 1000, "no time": b"MESSAGE=m\n", "no message": b"__CURSOR=b\n", "10,000 fields": b"".join(b"F%d=x\n" % n for n in range(10_000)),
    "a field 10,000 times": b"F=x\n" * 10_000, "a value of 2 MiB": b"F=" + b"x" * (2 << 20) + b"\n", "a message of 300,000 bytes": UNKNOWN + b"MESSAGE=" + b"y" * 300_000 + b"\n",
    "a line without = of 2 MiB": b"x" * (2 << 20) + b"\n", "a name of 64 letters": b"A" * 64 + b"=x\n", "a name of 65 letters": b"A" * 65 + b"=x\n", "no name": b"=x\n", "a small name": b"message=x\n",
    "a blank in a name": b"A B=x\n", "NUL in a name": b"A\0=x\n", "no ASCII in a name": "Ä=x\n".encode(), "no value": b"F=\n", "NUL": b"MESSAGE=a\0b\n", "no UTF-8": b"MESSAGE=\xff\xfe\n",
    "half a pair": b"MESSAGE=\xed\xa0\x80\n", "a carriage return": b"MESSAGE=x\r\n", "an = in a value": b"F==\n", "JSON": b'{"MESSAGE":"x"}\n', "a cursor of 300,000 bytes": UNKNOWN + b"__CURSOR=" + b"c" * 300_000 + b"\n",
    "two cursors": UNKNOWN + b"__CURSOR=b\n__CURSOR=c\n", "a cursor of bytes": UNKNOWN + binary(b"__CURSOR", 2, b"\n\xff"),
    **{f"the time {time[:22].decode()!r}": b"MESSAGE=m\n__REALTIME_TIMESTAMP=" + time + b"\n"
       for time in (b"", b"x", b"0", b"-1", b"1e9", b"+5", b" 1", b"\xd9\xa1", b"9223372036854775807", b"9223372036854775808", b"18446744073709551616", b"9" * 400)},
    **{f"the priority {priority!r}": UNKNOWN + b"PRIORITY=" + priority + b"\n" for priority in (b"", b"-1", b"8", b"x", b"3.5", b"9" * 400, b"\0", b"emerg")},
    "an empty binary value": binary(b"F", 0, b""), "a binary message": UNKNOWN + binary(b"MESSAGE", 5, b"a\n\n\0\xff"), "a binary value of 1 MiB": binary(b"F", 1 << 20, bytes(1 << 20)),
    "a binary value 1,000 times": binary(b"F", 1, b"\n") * 1000,
}  # fmt: skip
# It is in doubt where the next field begins, so that only what came before is stored.
DOUBTFUL = {f"a length of {length}": binary(b"MESSAGE", length, b"x") for length in (2, 769 << 20, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1)} | {
    "a length that is too short": binary(b"MESSAGE", 1, b"xyz"), "no line feed after a value": b"F\n" + struct.pack("<Q", 1) + b"x",
    **{f"cut after {count} bytes": (UNKNOWN + binary(b"BINARY", 4, b"\n\n\0\xff"))[:count] for count in range(1, len(UNKNOWN) + 19)},
}  # fmt: skip


def test_hostile_journals(empty):
    target = Target(empty, "/upload")
    assert len(FIELDS | DOUBTFUL) >= 64
    for name, fields in FIELDS.items():
        assert target.send(name, ENTRY + fields + b"\n" + ENTRY)[1] >= 2, name
    for name, fields in DOUBTFUL.items():
        assert target.send(name, ENTRY + fields, refusals=[400])[1] == 1, name


# MARK: Signatures

SECRET = b"a secret of this test"


@pytest.mark.parametrize("name, header", [("flux", "X-Signature"), ("github", "X-Hub-Signature-256")])
def test_hostile_signatures(start, tmp_path, name, header):
    (tmp_path / "secret").write_bytes(SECRET + b"\n")
    boss = token(tmp_path, "admin")
    with open(tmp_path / "access", "a") as file:
        file.write(f"\n{name} write:{name} hmac:{tmp_path}/secret\n")
    program = start("--access-file", tmp_path / "access")
    body = b'{"involvedObject":{"kind":"A","name":"b"},"message":"m"}'

    def digest(body, secret=SECRET, hash=hashlib.sha256):
        return hmac.new(secret, body, hash).hexdigest()

    right = digest(body)
    signatures = {
        "of another body": "sha256=" + digest(body + b" "), "of no body": "sha256=" + digest(b""), "of another secret": "sha256=" + digest(body, SECRET[1:]), "of no secret": "sha256=" + digest(body, b""),
        "of the secret with its line feed": "sha256=" + digest(body, SECRET + b"\n"), "a plain hash": "sha256=" + hashlib.sha256(body).hexdigest(), "SHA-1": "sha1=" + digest(body, hash=hashlib.sha1),
        "SHA-512": "sha512=" + digest(body, hash=hashlib.sha512), "a name that lies": "sha1=" + right, "no name": right, "a name alone": "sha256=", "nothing": "", "a digit less": "sha256=" + right[:-1],
        "a digit more": f"sha256={right}0", "another digit": f"sha256={'0' if right[0] != '0' else '1'}{right[1:]}", "no digits": "sha256=" + "x" * 64, "a minus": "sha256=-" + right[1:],
        "10,000 digits": "sha256=" + "0" * 10_000, "a list": f"sha256={right}, sha256={right}", "quotes": f'"sha256={right}"', "a colon": f"sha256:{right}", "zeros": "sha256=" + "0" * 64,
        "twice sha256": f"sha256=sha256={right}", "Base64": "sha256=" + "A" * 43 + "=", "bytes": "sha256=" + "\xff" * 32,
    }  # fmt: skip
    for what, signature in signatures.items():
        answer = program.request("POST", f"/ingest/{name}", body, {header: signature})
        assert answer.status in (401, 403) and answer.json["detail"].endswith("."), (what, answer)
    assert program.request("GET", "/events", headers=bearer(boss)).json["events"] == []
    assert program.request("POST", f"/ingest/{name}", body, {header: "sha256=" + right}).status == 200
