"""Asks for /schema/version 200 times a second on one connection, and prints how long that took, by the time each request was
due: the median, the 99th percentile and the longest, in milliseconds.

    bench/probe.py URL SECONDS
"""

import http.client
import sys
import time
from urllib.parse import urlsplit

url, seconds = sys.argv[1:]
client = http.client.HTTPConnection(urlsplit(url).netloc)
begin, took = time.monotonic(), []
for turn in range(200 * int(seconds)):
    due = begin + turn / 200
    time.sleep(max(0, due - time.monotonic()))
    client.request("GET", "/schema/version")
    answer = client.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
    took.append((time.monotonic() - due) * 1000)
took.sort()
print(took[len(took) // 2], took[len(took) * 99 // 100], took[-1])
