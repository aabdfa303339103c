"""Nothing is lost and nothing is stored twice, whatever is killed meanwhile."""

import collections
import http.client
import os
import random
import threading
import time

from cluster import MERGE, Watcher, event, identity, wait_until

# 10,000 take some minutes: the long form.
EVENTS = int(os.environ.get("LOGBOOK_KUBERNETES_EVENTS", 1500))
SEED = int(os.environ.get("LOGBOOK_SEED", time.time_ns()))
COMPACTION_SECONDS = 20 if EVENTS >= 10_000 else 5
SENDERS = 3
BROKEN = (OSError, http.client.HTTPException, ValueError)


class Sender(threading.Thread):
    """Creates events and raises the counts of some; repeats each request until it has an answer."""

    def __init__(self, cluster, number, chance):
        super().__init__(daemon=True)
        self.cluster, self.number, self.chance = cluster, number, chance
        self.connection = None
        self.failure = None

    def insist(self, method, path, body, *content_type):
        while True:
            try:
                self.connection = self.connection or self.cluster.connect()
                status, answer = self.cluster.request(
                    method, path, body, *content_type, connection=self.connection
                )
            except BROKEN:
                self.connection = None
            else:
                # 409: it had been stored when the connection broke. 404: it has been deleted.
                if status < 300 or status in (404, 409):
                    return
                assert status >= 500 or status == 429, answer
            time.sleep(0.05)

    def run(self):
        try:
            for number in range(self.number, EVENTS, SENDERS):
                name = f"web-{number % 40}.{number:x}"
                self.insist("POST", "/api/v1/namespaces/chaos/events", event(name, "chaos"))
                for count in range(2, self.chance.choice([2, 2, 3, 6])):
                    self.insist(
                        "PATCH", f"/api/v1/namespaces/chaos/events/{name}", {"count": count}, MERGE
                    )
        except BaseException as error:
            self.failure = error


def versions(items):
    """The version of each, by its uid."""
    return {uid: int(item["metadata"]["resourceVersion"]) for uid, item in items.items()}


def newest(program):
    """The highest version stored of each event, by its uid."""
    found = {}
    for identifier in program.export("object_namespace=chaos"):
        _, _, uid, version = identifier.split(":")
        found[uid] = max(found.get(uid, 0), int(version))
    return found


def has(found, expected):
    return all(found.get(uid, 0) >= version for uid, version in expected.items())


class Chaos:
    """Kills Logbook, the API server and etcd, each as often as the others, in any order."""

    def __init__(self, cluster, folder, chance):
        self.cluster, self.folder, self.chance = cluster, folder, chance
        self.program = Watcher(folder, cluster)
        self.deaths = dict.fromkeys(("logbook", "kube-apiserver", "etcd"), 0)
        # What was there when a start of Logbook listed, and has to be stored from then on.
        self.listed = {}

    def round(self):
        for victim in self.chance.sample(list(self.deaths), len(self.deaths)):
            time.sleep(self.chance.uniform(0, 3))
            self.kill_logbook() if victim == "logbook" else self.kill_server(victim)
            self.deaths[victim] += 1

    def kill_server(self, victim):
        self.cluster.kill(victim)
        time.sleep(self.chance.uniform(0, 2))
        if victim == "kube-apiserver" and self.chance.random() < 0.5:
            self.cluster.compact()  # No position of before can be watched from.
        self.cluster.start()

    def kill_logbook(self):
        self.program.kill()
        there = versions(self.cluster.events("chaos"))
        time.sleep(self.chance.uniform(0, 2))
        self.program = Watcher(self.folder, self.cluster)
        self.listed |= there
        # From now on they may go.
        wait_until(lambda: has(newest(self.program), there))
        for item in self.chance.sample(
            sorted(self.cluster.events("chaos").values(), key=identity), 20
        ):
            if item["metadata"]["uid"] in there:
                self.cluster.ask(
                    "DELETE", f"/api/v1/namespaces/chaos/events/{item['metadata']['name']}"
                )


def test_killed_at_random(cluster, tmp_path):
    print(f"LOGBOOK_SEED={SEED}")
    chance = random.Random(SEED)
    cluster.make_namespace("chaos")
    chaos = Chaos(cluster, tmp_path / "logbook", chance)
    senders = [Sender(cluster, number, random.Random(chance.random())) for number in range(SENDERS)]
    stop = threading.Event()

    def compact():
        while not stop.wait(COMPACTION_SECONDS):
            try:
                cluster.compact()
            except BROKEN:
                pass  # etcd is away.

    compactor = threading.Thread(target=compact)
    try:
        for thread in (*senders, compactor):
            thread.start()
        while any(sender.is_alive() for sender in senders) or not chaos.deaths["etcd"]:
            chaos.round()
    finally:
        stop.set()
        compactor.join()
        chaos.program.kill()
    assert not any(sender.failure for sender in senders)

    program = chaos.program = Watcher(chaos.folder, cluster)
    remaining = cluster.events("chaos")
    program.await_events(map(identity, remaining.values()))
    assert has(newest(program), chaos.listed)
    stored = program.export("object_namespace=chaos")
    occurrences = collections.Counter()
    for identifier, revision in stored.items():
        occurrences[identifier.split(":")[2]] += revision["occurrences"]
    assert (chaos.listed | remaining).keys() <= occurrences.keys() and len(occurrences) <= EVENTS
    # However many of its revisions have come, together they say how often it happened.
    assert {uid: occurrences[uid] for uid in remaining} == {
        uid: item["count"] for uid, item in remaining.items()
    }
    # An outage of seconds is none to put on record.
    assert not program.export("event_type=system")
    program.stop()
    print(
        f"killed {chaos.deaths}; stored {len(stored)} revisions of {len(occurrences)} events, {len(remaining)} of which are left"
    )
