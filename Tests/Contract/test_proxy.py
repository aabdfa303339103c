"""Requests under a prefix of a real nginx, under foreign names, and with additions by probers and browsers."""

import http.client
import socket
import subprocess
import urllib.parse

import pytest
from support import OPERATIONS, PATIENCE_SECONDS, Answer, check, concrete, receive

EVENT = {"event_type": "a", "severity": "info", "title": "t"}
PROBES = ("/healthz", "/readyz", "/schema/version", "/metrics")


@pytest.fixture
def nginx(empty, tmp_path):
    """The URL of `location /logbook/` in front of the program."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "nginx.conf").write_text(f"""
        daemon off; pid {tmp_path}/nginx.pid; error_log stderr;
        events {{ }}
        http {{
            access_log off;
            client_body_temp_path {tmp_path}/body; proxy_temp_path {tmp_path}/proxy; fastcgi_temp_path {tmp_path}/fastcgi;
            uwsgi_temp_path {tmp_path}/uwsgi; scgi_temp_path {tmp_path}/scgi;
            server {{
                listen 127.0.0.1:{port};
                location /logbook/ {{ proxy_pass http://127.0.0.1:{empty.port}/; }}
            }}
        }}""")
    process = subprocess.Popen(["/usr/sbin/nginx", "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-e", "stderr"], stderr=subprocess.DEVNULL)
    while True:
        assert process.poll() is None, "nginx has ended"
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except ConnectionRefusedError:
            pass
    yield f"http://127.0.0.1:{port}/logbook/"
    process.terminate()
    process.wait(PATIENCE_SECONDS)


def ask(method, url, body=None):
    place = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=PATIENCE_SECONDS)
    connection.request(method, f"{place.path}?{place.query}" if place.query else place.path, body)
    answer = connection.getresponse()
    return Answer(answer.status, answer.headers, answer.read())


def test_references_hold_below_a_prefix(nginx):
    events = nginx + "events"
    for number in range(3):
        answer = ask("POST", events, f'{{"id":"e:{number}","event_type":"a","severity":"info","title":"t"}}')
        assert answer.status == 201
        location = urllib.parse.urljoin(events, answer.headers["Location"])
        assert location.startswith(nginx)
        assert ask("GET", location).json == answer.json
    url, found = f"{events}?limit=1&severity=info", []
    while url:
        page = ask("GET", url)
        found += [event["id"] for event in page.json["events"]]
        link = page.headers["Link"]
        url = link and urllib.parse.urljoin(url, link.split("<")[1].split(">")[0])
        assert not url or url.startswith(nginx)
    assert found == ["e:2", "e:1", "e:0"]


def send(program, target, *fields, body=b"", method="GET", version="HTTP/1.1"):
    return program.send("\r\n".join([f"{method} {target} {version}", "Connection: close", *fields, "", ""]).encode() + body)


@pytest.mark.parametrize("target", PROBES)
def test_probes_pass_over_what_a_prober_adds(program, target):
    """A cache-buster, a load balancer's name for the host, a body with GET, fields without effect."""
    plain = program.request("GET", target)
    assert plain.headers["Cache-Control"] == "no-store"
    for query, fields, body in (
        ("?t=1700000000", [], b""), ("?x=1&x=1&%FF", [], b""), ("?", [], b""), ("", ["Accept: image/png", "Cache-Control: no-cache"], b""),
        ("", ["Range: bytes=0-1", "If-None-Match: *", "Accept-Encoding: gzip"], b""),
        ("", ["Content-Length: 2", "Content-Type: text/plain"], b"{}"), ("", ["Transfer-Encoding: chunked"], b"1\r\nx\r\n0\r\n\r\n"),
    ):  # fmt: skip
        for method in ("GET", "HEAD"):
            answer = send(program, target + query, "Host: 127.0.0.1", *fields, body=body, method=method)
            assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store", (query, fields)
            assert method == "HEAD" or target == "/metrics" or answer.body == plain.body


def test_a_host_that_is_not_ours_is_misdirected(start):
    program = start("--allowed-host", "logs.example.com,.svc", "--allowed-host", "other")
    for host in ("127.0.0.1", "10.0.0.1:80", "[::1]:8080", "LOCALHOST.:1", "a.localhost", "logs.example.com:8080", "Logs.Example.Com.", "svc", "a.b.svc", "other"):
        assert send(program, "/events", f"Host: {host}").status == 200, host
    for host in ("evil.example", "evil.example:8080", "a.logs.example.com", "127.0.0.1.evil.example", "localhost.evil.example", "othersvc"):
        for operation in OPERATIONS:
            method, target = operation.split()
            if OPERATIONS[operation].get("security") and "{" not in target:
                answer = send(program, target, f"Host: {host}", method=method)
                assert answer.status == 421, (operation, host)
                check(answer, operation)
                assert "--allowed-host" in answer.json["detail"]
        assert send(program, "/events/x", f"Host: {host}", method="DELETE").status == 421
        # They reveal nothing about the events.
        for target in ("/healthz", "/readyz", "/schema/version", "/", "/openapi.json"):
            assert send(program, target, f"Host: {host}").status == 200
    # Every browser sends it.
    assert send(program, "/events", version="HTTP/1.0").status == 200


def test_a_name_is_asked_for_where_a_browser_comes_and_nothing_else_protects(start, tmp_path):
    program = start("--listen", f"unix:{tmp_path}/socket", "--probe-listen", "127.0.0.1:0")
    (probes,) = {int(line.rsplit(":", 1)[1]) for line in program.log if "Listening on http" in line} - {program.port}
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"{tmp_path}/socket")
        connection.sendall(b"GET /events HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        assert receive(connection).status == 200
    with socket.create_connection(("127.0.0.1", probes), PATIENCE_SECONDS) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        assert receive(connection).status == 200


def test_a_page_of_another_site_gets_nothing(program):
    link = ("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")
    for site in ("cross-site", "same-site"):
        for operation in OPERATIONS:
            method, target = operation.split()
            answer = send(program, concrete(target), "Host: localhost", f"Sec-Fetch-Site: {site}", *link, method=method)
            assert answer.status == (200 if target == "/" else 403), operation
        for fields in (["Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"], ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"], []):
            assert send(program, "/", "Host: localhost", f"Sec-Fetch-Site: {site}", *fields).status == 403
    for site in ("none", "same-origin"):
        assert send(program, "/events", "Host: localhost", f"Sec-Fetch-Site: {site}").status == 200


@pytest.mark.parametrize("name", [".", ".."])
def test_an_id_that_no_path_can_name_is_refused(empty, name):
    answer = empty.request("POST", "/events", EVENT | {"id": name})
    assert answer.status == 422 and answer.json["errors"][0]["pointer"] == "/id"


def test_figures_of_files_agree_with_stat(program):
    schema = program.request("GET", "/schema").json
    assert schema["database_bytes"] == program.database.stat().st_size
    assert schema["wal_bytes"] == program.database.with_name("logbook.db-wal").stat().st_size
