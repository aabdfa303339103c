"""Tokens: the scope of each operation in the contract, and the protection of answers from others."""

import re

import pytest
from conftest import BODIES
from support import CONTRACT, OPERATIONS, check, concrete, run
from test_contract import COMPLETE, ask

SCOPES = {
    operation: described["security"][0]["bearer"][0] if "security" in described else None for operation, described in OPERATIONS.items()
}

# What senders ask before they have a token.
OPEN_SENDERS = {
    "OPTIONS /ingest/cloudevents", "OPTIONS /services/collector", "OPTIONS /services/collector/event",
    "OPTIONS /services/collector/event/1.0", "GET /services/collector/health", "GET /services/collector/health/1.0"}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def tokens(tmp_path):
    """One for each scope, and the file that has their lines."""
    made = {
        scope: run("token", "create", "--name", name, "--scope", scope, "--file", tmp_path / "access").stdout.strip()
        for name, scope in (("reader", "read"), ("writer", "write"), ("ci", "read,write"), ("boss", "admin"))
    }
    return made | {"file": tmp_path / "access"}


@pytest.fixture
def guarded(start, tokens):
    program = start("--access-file", tokens["file"])
    assert program.request("POST", "/events", BODIES["complete"], bearer(tokens["write"])).status == 201
    return program


def test_the_contract_says_what_each_operation_needs():
    assert CONTRACT["security"] == []
    for operation, described in OPERATIONS.items():
        scope = SCOPES[operation]
        assert described.get("security") in (None, [{"bearer": [scope]}, {"certificate": [scope]}])
        assert {"401", "403"} & described["responses"].keys() == ({"401", "403"} if scope else set())
    # The open operations, one by one, so that a new route is not among them.
    assert {operation for operation, scope in SCOPES.items() if not scope} == {
        "GET /schema/version", "GET /healthz", "GET /readyz", "GET /", "GET /page/{file}", "GET /openapi.yaml", "GET /openapi.json",
        *OPEN_SENDERS}
    assert {operation for operation, scope in SCOPES.items() if scope == "write"} == {"POST /events"}
    formats = {operation for operation, described in OPERATIONS.items() if described.get("tags") == ["senders"]}
    assert {operation for operation, scope in SCOPES.items() if scope and scope.startswith("write:")} == formats - OPEN_SENDERS
    assert {operation for operation, scope in SCOPES.items() if scope == "admin"} == {
        "DELETE /events", "DELETE /events/{id}", "GET /backup"}


def test_the_index_says_the_same(guarded):
    routes = guarded.request("GET", "/").json["routes"]
    assert {f"{route['method']} {route['path']}": route["scope"] for route in routes} == SCOPES


@pytest.mark.parametrize("operation", OPERATIONS)
def test_operations(guarded, tokens, operation):
    scope = SCOPES[operation]
    if not scope:
        assert ask(guarded, operation).status == 200
        assert ask(guarded, operation, headers=bearer("wrong")).status == 200
        return
    for headers, example in (({}, "noToken"), (bearer("wrong"), "unknownToken")):
        answer = ask(guarded, operation, headers=headers)
        assert answer.status == 401
        check(answer, operation, example if scope == "read" or example == "unknownToken" else None)
    kind = scope.split(":")[0]
    weak = {"read": "write", "write": "read", "admin": "read,write"}[kind]
    answer = ask(guarded, operation, headers=bearer(tokens[weak]))
    assert answer.status == 403
    check(answer, operation, "insufficientScope" if scope == "admin" else None)
    assert guarded.request("GET", f"/events/{COMPLETE['id']}", headers=bearer(tokens["read"])).status == 200
    for enough in {kind, "admin"}:
        answer = ask(guarded, operation, headers=bearer(tokens[enough]))
        assert 200 <= answer.status < 300 or (answer.status, operation) == (404, "DELETE /events/{id}")
        check(answer, operation)


def test_a_token_for_one_format(start, tmp_path):
    formats = sorted({scope for scope in SCOPES.values() if scope and scope.startswith("write:")})
    made = {
        scope: run("token", "create", "--name", scope.replace(":", "."), "--scope", scope, "--file", tmp_path / "access").stdout.strip()
        for scope in formats
    }
    program = start("--access-file", tmp_path / "access")
    for operation, needed in SCOPES.items():
        for scope, token in made.items() if needed else ():
            answer = ask(program, operation, headers=bearer(token))
            if scope == needed:
                assert answer.status in (200, 204), operation
            else:
                assert answer.status == 403, operation
                assert f'scope="{needed}"' in answer.headers["WWW-Authenticate"]
    assert run("token", "create", "--name", "x", "--scope", "write:nothing").returncode != 0


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_other_site_reads_an_answer_and_no_cache_keeps_one(guarded, tokens, operation):
    """Without Access-Control-Allow-Origin a browser shows the answer to no page of another origin."""
    method, path = concrete(operation).split()
    origin = {"Origin": "https://evil.example"}
    preflight = guarded.request("OPTIONS", path, headers=origin | {
        "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"})
    for answer in (preflight, ask(guarded, operation, headers=origin), ask(guarded, operation, headers=origin | bearer(tokens["admin"]))):
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        if SCOPES[operation] and answer.status != 204:
            assert answer.headers["Cache-Control"] == "no-store"


def test_refusals_are_counted(guarded, tokens):
    guarded.request("GET", "/events")
    for _ in range(2):
        guarded.request("GET", "/events", headers=bearer("wrong"))
    for _ in range(3):
        guarded.request("DELETE", "/events/x", headers=bearer(tokens["read,write"]))
    text = guarded.request("GET", "/metrics", headers=bearer(tokens["read"])).body.decode()
    counts = dict(re.findall(r'^logbook_auth_failures_total\{reason="(\w+)"\} (\d+)$', text, re.MULTILINE))
    assert counts == {"no_token": "1", "invalid_token": "2", "insufficient_scope": "3", "invalid_signature": "0"}
