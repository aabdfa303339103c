"""Measures pages and ingestion of a running service, for bench/scale.sh.

    ask.py pages URL DATABASE REQUESTS    a table of p50 and p99 of each kind of page, in milliseconds: with 50 events
                                          and, of a quarter as many requests, with 1,000
    ask.py stats URL DATABASE REQUESTS    a table of p50 and the longest of each kind of statistics, in milliseconds: over the
                                          24 hours before the newest event, and over everything, which is asked twice
    ask.py post  URL DATABASE SECONDS     events/s, in arrays of 1,000 over four connections
"""

import datetime
import http.client
import itertools
import json
import random
import sqlite3
import sys
import threading
import time
from urllib.parse import urlencode, urlsplit

FIELDS = ["event_type", "severity", "object_kind", "object_namespace", "object_name"]
random.seed(1)


def sample(database, columns, count, newest=False):
    """Random events, so that common values in the data are common here."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        (last,) = connection.execute("SELECT max(seq) FROM events").fetchone()
        seqs = range(max(1, last - count), last) if newest else (random.randint(1, last) for _ in range(count))
        statement = f"SELECT {', '.join(columns)} FROM events WHERE seq = ?"
        found = (connection.execute(statement, (seq,)).fetchone() for seq in seqs)
        return [dict(zip(columns, row)) for row in found if row]


class Asker:
    def __init__(self, url):
        self.host = urlsplit(url).netloc
        self.connection = http.client.HTTPConnection(self.host)

    def get(self, parameters, path="/events"):
        """Milliseconds, and the page."""
        begin = time.perf_counter()
        self.connection.request("GET", f"{path}?" + urlencode(parameters))
        answer = self.connection.getresponse()
        body = answer.read()
        elapsed = (time.perf_counter() - begin) * 1000
        if answer.status != 200:
            raise SystemExit(f"{answer.status} for {parameters}: {body.decode()}")
        return elapsed, json.loads(body)


def kinds(events):
    """Each kind of page: its name and a function that makes its parameters."""

    def filters(*names):
        def make():
            # Values of two events, because values that occur together in one may never do so in
            # two.
            chosen = {name: random.choice(events)[name] for name in names}
            return {name: value for name, value in chosen.items() if value is not None}

        return make

    def joined(*makers):
        return lambda: {name: value for make in makers for name, value in make().items()}

    def times():
        first, last = sorted(event["created_at"] for event in random.sample(events, 2))
        return {"since": first, "until": last}

    yield "no filter", dict
    for name in FIELDS:
        yield name, filters(name)
    for pair in itertools.combinations(FIELDS, 2):
        yield " + ".join(pair), filters(*pair)
    yield "three filters", filters("event_type", "severity", "object_namespace")
    yield "time range", times
    yield "time range + kind + namespace", joined(times, filters("object_kind", "object_namespace"))
    yield "q common word", lambda: {"q": random.choice(["container", "pod", "successfully", "kubelet", "created"])}
    yield "q two common words", lambda: {"q": random.choice(["pulled image", "started container", "kubelet pod"])}
    yield "q rare word", lambda: {"q": random.choice(events)["object_name"].rsplit("-", 1)[-1]}
    yield "q whole name", lambda: {"q": random.choice(events)["object_name"]}
    yield "q no such word", lambda: {"q": "x%09d" % random.randrange(10**9)}
    yield "q phrase", lambda: {"q": random.choice(['"successfully assigned"', '"created container"', '"scaled up"'])}
    yield "q common -common", lambda: {"q": random.choice(["container -pod", "pod -pulled"])}
    yield "q prefix", lambda: {"q": random.choice(["succ*", "back*", "pull*", "cont*"])}
    yield "q common word + namespace", joined(lambda: {"q": "container"}, filters("object_namespace"))
    yield "q common word + two filters", joined(lambda: {"q": "container"}, filters("severity", "object_kind"))
    yield "one object", lambda: {name: value for name, value in random.choice(events).items() if name in FIELDS[2:] and value}
    folded = lambda: {"fold": "true"}
    yield "folded", folded
    yield "folded, severity", joined(folded, filters("severity"))
    yield "folded, namespace", joined(folded, filters("object_namespace"))
    yield "folded, time range", joined(folded, times)
    yield "folded, q common word", joined(folded, lambda: {"q": "container"})
    yield "fold_key", lambda: {"fold_key": f"{random.choice(events)['fold_key'] % 2**64:016x}"}


def measure_pages(url, database, requests):
    events = [e for e in sample(database, [*FIELDS, "created_at", "fold_key"], 3000) if e["object_name"]]
    asker = Asker(url)
    print(f"{'ms':<32}{'50: p50':>10}{'p99':>8}{'1,000: p50':>12}{'p99':>8}")
    for name, make in kinds(events):
        row = f"{name:<32}"
        for limit, count, width in ((50, requests, 10), (1000, requests // 4, 12)):
            spent = []
            for turn in range(count):
                parameters = make() | {"limit": limit, "order": random.choice(["desc", "desc", "asc"])}
                if turn % 3 == 0 and "since" not in parameters:
                    parameters["until"] = random.choice(events)["created_at"]
                elapsed, page = asker.get(parameters)
                spent.append(elapsed)
                cursor = page["pagination"]["next_cursor"]
                if cursor and turn % 2:
                    spent.append(asker.get(parameters | {"cursor": cursor})[0])
            spent.sort()
            row += f"{spent[len(spent) // 2]:{width}.2f}{spent[int(len(spent) * 0.99)]:8.2f}"
        print(row, flush=True)


STATISTICS = [
    {"interval": "1h", "by": "severity"},
    {"interval": "1m", "by": "object_namespace"},
    {"interval": "1h", "by": "severity,event_type,object_kind,object_namespace"},
    {"interval": "1h", "by": "object_name"},
    {"interval": "1h", "by": "object_name", "object_namespace": "kube-system"},
    {"interval": "1h", "by": "object_namespace", "severity": "error"},
    {"interval": "1h", "by": "severity", "event_type": "cluster"},
]


def measure_statistics(url, database, requests):
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        (newest,) = connection.execute("SELECT max(created_at) FROM events").fetchone()
    until = datetime.datetime.fromisoformat(newest)
    day = {"since": (until - datetime.timedelta(days=1)).strftime("%FT%TZ"), "until": until.strftime("%FT%TZ")}
    asker = Asker(url)
    print(f"{'ms':<76}{'24 h: p50':>10}{'longest':>9}{'all: p50':>10}{'longest':>9}")
    for parameters in STATISTICS:
        row = f"{urlencode(parameters):<76}"
        whole = {name: value for name, value in parameters.items() if name != "interval"}
        for asked, count, width in ((parameters | day, requests, 10), (whole, 2, 10)):
            spent = sorted(asker.get(asked, "/events/stats")[0] for _ in range(count))
            row += f"{spent[len(spent) // 2]:{width}.0f}{spent[-1]:9.0f}"
        print(row, flush=True)


def measure_posts(url, database, seconds):
    columns = ["event_type", "severity", "title", "description", "object_kind", "object_namespace", "object_name", "metadata"]
    events = sample(database, columns, 100_000, newest=True)
    random.shuffle(events)
    for event in events:
        event["metadata"] = json.loads(event["metadata"] or "null")
    bodies = [json.dumps(events[i : i + 1000]).encode() for i in range(0, len(events), 1000)]
    stored = [0] * 4
    end = time.perf_counter() + seconds

    def post(lane):
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        for body in itertools.cycle(bodies[lane::4]):
            if time.perf_counter() > end:
                return
            connection.request("POST", "/events", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            accepted = json.loads(answer.read())["accepted"]
            stored[lane] += accepted

    threads = [threading.Thread(target=post, args=(lane,)) for lane in range(4)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{sum(stored) / (time.perf_counter() - begin):.0f}")


if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[1] not in ("pages", "stats", "post"):
        raise SystemExit(__doc__)
    _, what, url, database, amount = sys.argv
    if what == "pages":
        measure_pages(url, database, int(amount))
    elif what == "stats":
        measure_statistics(url, database, int(amount))
    else:
        measure_posts(url, database, float(amount))
