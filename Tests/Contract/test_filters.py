"""Random filters: every route with filters finds the same events as a model."""

import json
import random
from urllib.parse import urlencode

from streams import LINES, Stream
from test_streams import store

SEVERITIES = ["info", "warning", "error", "critical"]
NAMES = ["a", "ab", "web-1", "web-2", "a,b", "!a", "a*", "é", None]
KINDS = ["Pod", "PodGroup", "Node", None]
REASONS = ["BackOff", "Backup", "Killing", "a,b", None]
CLUSTERS = ["eu-1", "eu-2", None]
WORDS = ["fish", "bird", "back-off"]


def make(number, chance):
    return {
        "id": f"{number}",
        "event_type": chance.choice(["cluster", "health"]),
        "severity": chance.choice(SEVERITIES),
        "title": " ".join(["event", *[word for word in WORDS if chance.random() < 0.4]]),
        "object_kind": chance.choice(KINDS),
        "object_name": chance.choice(NAMES),
        "cluster": chance.choice(CLUSTERS),
        "reason": chance.choice(REASONS),
        "metadata": chance.choice([None, {"zone": {"name": chance.choice(["a", "b"])}}, {"zone.name": 1.5}]),
        "created_at": f"2026-01-0{chance.randrange(1, 9)}T00:00:00.000Z",
    }


def escaped(value):
    return "".join("\\" + letter if letter in ",!*\\" else letter for letter in value)


def of_field(name, values, chance):
    """A filter of a field and its meaning."""
    wanted, unwanted, texts = [], [], []
    for value in chance.sample([value for value in values if value], chance.randrange(1, 3)):
        is_prefix, is_excluded = chance.random() < 0.3, chance.random() < 0.3
        value = value[: chance.randrange(1, len(value) + 1)] if is_prefix else value
        (unwanted if is_excluded else wanted).append((value, is_prefix))
        texts.append("!" * is_excluded + escaped(value) + "*" * is_prefix)

    def matches(event):
        def is_any(choices):
            found = event[name]
            return found is not None and any(found.startswith(v) if is_prefix else found == v for v, is_prefix in choices)

        return (not wanted or is_any(wanted)) and not is_any(unwanted)

    return [(name, ",".join(texts))] if chance.random() < 0.5 else [(name, text) for text in texts], matches


def zone(event):
    metadata = event["metadata"] or {}
    return metadata["zone"]["name"] if "zone" in metadata else {1.5: "1.5"}.get(metadata.get("zone.name"))


def query(chance):
    """Parameters and their meaning."""
    since, word, place = f"2026-01-0{chance.randrange(1, 6)}T00:00:00.000Z", chance.choice(WORDS), chance.choice(["a", "1.5"])
    least = chance.randrange(4)
    choices = [
        of_field("object_name", NAMES, chance),
        of_field("object_kind", KINDS, chance),
        of_field("severity", SEVERITIES, chance),
        of_field("cluster", CLUSTERS, chance),
        of_field("reason", REASONS, chance),
        ([("severity_min", SEVERITIES[least])], lambda event: event["severity"] in SEVERITIES[least:]),
        ([("since", since)], lambda event: event["created_at"] >= since),
        ([("q", word)], lambda event: word in event["title"]),
        ([("q", f"event -{word}")], lambda event: word not in event["title"]),
        ([("metadata.zone.name", place)], lambda event: zone(event) == place),
    ]
    chosen = chance.sample(choices, chance.randrange(1, 4))
    if sum(parameters[0][0] == "q" for parameters, _ in chosen) > 1:
        return query(chance)
    return [pair for parameters, _ in chosen for pair in parameters], lambda event: all(matches(event) for _, matches in chosen)


def test_all_routes_agree(empty):
    chance = random.Random(5)
    events = [make(number, chance) for number in range(400)]
    store(empty, *events)
    found = 0
    for _ in range(60):
        parameters, matches = query(chance)
        wanted = [event["id"] for event in events if matches(event)]
        found += len(wanted)
        text = urlencode(parameters)
        page = empty.request("GET", f"/events?limit=1000&count=exact&fields=id&{text}").json
        paged = [event["id"] for event in page["events"]]
        assert (sorted(paged, key=int), page["pagination"]["total"]) == (wanted, len(wanted)), parameters
        exported = empty.request("GET", f"/events/export?{text}").body.splitlines()
        assert [json.loads(line)["id"] for line in exported] == paged, parameters
        with Stream(empty, f"after=0&{text}", accept=LINES) as stream:
            followed = [event["id"] for _, event in zip(wanted, stream.lines())]
        assert followed == wanted, parameters
        assert empty.request("DELETE", f"/events?dry_run=true&{text}").json == {"deleted": len(wanted)}, parameters
    assert found > 1000
    left = events
    while len(left) > 50:
        parameters, matches = query(chance)
        doomed = [event for event in left if matches(event)]
        answer = empty.request("DELETE", f"/events?{urlencode(parameters)}")
        assert (answer.status, answer.json) == (200, {"deleted": len(doomed)}), parameters
        left = [event for event in left if event not in doomed]
        stored = empty.request("GET", "/events/export").body.splitlines()
        assert sorted(int(json.loads(line)["id"]) for line in stored) == [int(event["id"]) for event in left]
