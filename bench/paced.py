"""Posts 2,000 events a second in arrays of 100 on one connection, and single events on another, one each 10 ms; prints how long
the requests took: the median, the 99th percentile and the longest, in milliseconds.

    bench/paced.py URL EVENTS SECONDS

EVENTS is a file of NDJSON. Each event that is posted has a word that no other has, as the events of a cluster do.
"""

import http.client
import itertools
import json
import multiprocessing
import random
import sys
import time
from urllib.parse import urlsplit

url, path, seconds = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    events = itertools.cycle([json.loads(line) for line in file])


def fresh():
    event = next(events)
    return {**event, "description": f"{event.get('description', '')} {random.getrandbits(64):x}"}


def post(name, make, interval):
    client = http.client.HTTPConnection(urlsplit(url).netloc)
    begin, took, refused = time.monotonic(), [], 0
    for turn in range(int(float(seconds) / interval)):
        time.sleep(max(0, begin + turn * interval - time.monotonic()))
        body = json.dumps(make()).encode()
        sent = time.monotonic()
        client.request("POST", "/events", body, {"Content-Type": "application/json"})
        answer = client.getresponse()
        answer.read()
        took.append((time.monotonic() - sent) * 1000)
        refused += answer.status not in (200, 201)
    took.sort()
    print(f"{name}: {len(took)} requests, {refused} refused, ms {took[len(took) // 2]:.2f} {took[len(took) * 99 // 100]:.2f} {took[-1]:.2f}")


posting = [
    multiprocessing.Process(target=post, args=arguments)
    for arguments in (("arrays of 100", lambda: [fresh() for _ in range(100)], 0.05), ("single events", fresh, 0.01))
]
for process in posting:
    process.start()
for process in posting:
    process.join()
