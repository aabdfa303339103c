"""The page in a real Chromium: each interaction, by mouse and by keyboard, and what it must never do."""

import gzip
import http.server
import json
import os
import re
import subprocess
import threading
import urllib.parse
from datetime import datetime, timedelta, timezone

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright
from support import BINARY, PATIENCE_SECONDS, ROOT, run
from test_proxy import ask, nginx  # noqa: F401, a fixture

FOLDER = ROOT / "Sources/LogbookPage"
expect.set_options(timeout=PATIENCE_SECONDS * 1000)


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium-headless-shell", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium):
    """Opens a page; fails if any violates its security policy, throws, or asks something by a dialog."""
    contexts, wrong = [], []

    def browse(program, target="/", width=1440, height=900, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, permissions=["clipboard-read", "clipboard-write"],
                                       timezone_id="Europe/Berlin", **options)  # fmt: skip
        contexts.append(context)
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        context.add_init_script("addEventListener('securitypolicyviolation', event => console.error('violation', event.violatedDirective))")
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        # What a request was answered the browser logs by itself.
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" and "Failed to load" not in message.text else None)
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        url = program if isinstance(program, str) else f"http://127.0.0.1:{program.port}"
        page.goto(url + target)
        # Before its first frame, Chromium drops keys and clicks.
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return page

    yield browse
    for context in contexts:
        context.close()
    assert not wrong


def ago(**age):
    return (datetime.now(timezone.utc) - timedelta(**age)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def store(program, events, headers={}):
    answer = program.request("POST", "/events", events, headers)
    assert answer.status in (200, 201) and not answer.json.get("errors"), answer.json


SEVERITIES = ["info", "info", "info", "warning", "error", "critical"]


def night(count=120):
    """Events of the last two hours, of which the newest is the first."""
    return [{
        "id": f"e-{number}", "event_type": "cluster", "severity": SEVERITIES[number % 6], "title": f"BackOff: Back-off restarting web-{number % 5}",
        "object_kind": "Pod", "object_namespace": "shop" if number % 3 else None, "object_name": f"web-{number % 5}", "reason": ["BackOff", "Pulled"][number % 2],
        "metadata": {"number": number, "labels": {"app": f"a{number % 2}"}}, "created_at": ago(minutes=number + 1),
    } for number in range(count)]  # fmt: skip


@pytest.fixture
def filled(empty):
    store(empty, night())
    return empty


def rows(page):
    return page.locator("#list tbody tr")


def query(page):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(page.url).query))


def expect_query(page, **wanted):
    """Awaits that the address bar has these parameters; None is one that it has not."""
    page.wait_for_function(
        "wanted => { const has = new URLSearchParams(location.search); return Object.entries(wanted).every(([name, value]) => has.get(name) === value) }", arg=wanted
    )


def total(page):
    return page.locator("#summary")


def test_size():
    """What is written is what is sent, and is small."""
    files = {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.name != "package.json"}
    together = b"".join(files[name] for name in sorted(files))
    assert len(together) <= 96 * 1024
    assert len(gzip.compress(together, 9)) <= 31.5 * 1024
    embedded = (ROOT / "Sources/CEmbedded/EmbeddedPage.c").read_text()
    assert set(re.findall(r'#embed "../LogbookPage/(.*)"', embedded)) == files.keys()
    html = files["index.html"].decode()
    # All are asked for at once, instead of each when another imports it.
    assert set(re.findall(r'(?:href|src)="page/([^"]*)"', html)) == files.keys() - {"index.html"}
    for name, text in files.items():
        assert not re.search(rb"https?://(?!www\.w3\.org/2000/svg)", text), name


def test_modules():
    """Those without a DOM, by node's own test runner."""
    ran = subprocess.run(["node", "--test", "Tests/Page"], capture_output=True, text=True, cwd=ROOT, timeout=4 * PATIENCE_SECONDS)
    assert ran.returncode == 0, ran.stdout
    assert int(re.search(r"^# pass (\d+)", ran.stdout, re.MULTILINE)[1]) > 20


def test_a_folder_is_served_while_one_works_on_it(start, tmp_path):
    for path in FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    program = start("--page", tmp_path)
    before = program.request("GET", "/page/app.js")
    (tmp_path / "app.js").write_text("// Changed")
    after = program.request("GET", "/page/app.js")
    assert (after.body, after.headers["Content-Type"]) == (b"// Changed", "text/javascript; charset=utf-8")
    assert after.headers["ETag"] != before.headers["ETag"]
    for name in ("../logbook.db", "..%2Flogbook.db", "other.js", "index.html%00"):
        assert program.request("GET", f"/page/{name}").status == 404, name


def test_the_list_the_bars_and_the_values(filled, browse):
    page = browse(filled)
    expect(rows(page)).to_have_count(120)
    assert page.url.endswith("/?since=24h")
    expect(total(page)).to_contain_text("120 events")
    expect(total(page)).to_contain_text(re.compile(r"\d+ ms · newest \d+ min ago"))
    expect(rows(page).first).to_contain_text("Pod web-0")
    # The reason stands beside the title, and is not said twice.
    expect(rows(page).first.locator("th")).to_have_text("Back-off restarting web-0")
    expect(page.locator("#levels button")).to_have_text(["critical 20", "error 20", "warning 20", "info 60"])
    expect(page.locator("#f-reason li")).to_have_text(["BackOff60≠", "Pulled60≠"])
    expect(page.locator("#f-object_namespace li").last).to_contain_text("none")
    assert page.locator("#plot path.bar").count() == 4


def test_zoom_by_dragging_and_back(filled, browse):
    page = browse(filled)
    expect(page.locator("#plot path.bar")).to_have_count(4)
    box = page.locator("#plot").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.95, box["y"] + 50, steps=3)
    expect(page.locator("#tip")).to_be_visible()
    page.mouse.up()
    page.wait_for_function("() => location.search.includes('until=')")
    zoomed = query(page)
    hours = datetime.fromisoformat(zoomed["until"]) - datetime.fromisoformat(zoomed["since"])
    assert timedelta(minutes=29) < hours < timedelta(hours=3)
    page.go_back()
    expect_query(page, since="24h", until=None)
    expect(rows(page)).to_have_count(120)
    page.go_forward()
    expect_query(page, **zoomed)
    page.locator("#plot").dblclick(position={"x": 20, "y": 20})
    page.wait_for_function("since => new URLSearchParams(location.search).get('since') < since", arg=zoomed["since"])


def test_zoom_by_keyboard(filled, browse):
    page = browse(filled)
    expect(page.locator("#plot path.bar")).to_have_count(4)
    plot = page.locator("#plot")
    plot.focus()
    page.keyboard.press("ArrowLeft")
    expect(plot).to_have_attribute("aria-valuetext", re.compile(r"^20\d\d.* – .*"))
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.search.includes('until=')")
    page.locator("body").press("z")
    page.wait_for_function("() => history.length > 3")


def test_only_and_not(filled, browse):
    page = browse(filled)
    value = page.locator("#f-object_name li", has_text="web-1")
    value.locator("a").first.click()
    expect_query(page, object_name="web-1")
    expect(rows(page)).to_have_count(24)
    # The others stay, with their numbers, because the field is counted without its own filter.
    expect(page.locator("#f-object_name li")).to_have_count(5)
    expect(page.locator("#active")).to_contain_text("name = web-1")
    page.locator("#f-object_name li", has_text="web-1").locator("a").first.click()
    expect_query(page, object_name=None)
    page.locator("#f-object_name li", has_text="web-2").locator("a").first.click(modifiers=["Shift"])
    expect_query(page, object_name="!web-2")
    expect(rows(page)).to_have_count(96)
    page.locator("#f-object_name li", has_text="web-3").hover()
    page.keyboard.press("x")
    expect_query(page, object_name="!web-2,!web-3")
    page.locator("#f-object_namespace li", has_text="none").locator("a").first.click()
    expect_query(page, object_namespace="!*")
    expect(rows(page)).to_have_count(24)
    page.get_by_text("Clear all").click()
    expect_query(page, object_name=None, object_namespace=None, since="24h")
    expect(rows(page)).to_have_count(120)


def test_severities_say_what_they_hide(filled, browse):
    page = browse(filled)
    expect(rows(page)).to_have_count(120)
    page.locator("#levels .info").click()
    expect_query(page, severity_min="warning")
    expect(rows(page)).to_have_count(60)
    expect(page.locator("#levels .info")).to_have_text("info 60 hidden")
    expect(total(page)).to_contain_text("60 events")
    page.keyboard.press("3")
    expect_query(page, severity_min="error")
    page.keyboard.press("1")
    expect_query(page, severity_min=None)
    page.locator("#levels .error").click(modifiers=["Alt"])
    expect_query(page, severity="error")
    expect(rows(page)).to_have_count(20)


def test_search_marks_words_and_a_mistake_keeps_the_list(filled, browse):
    page = browse(filled)
    expect(rows(page)).to_have_count(120)
    page.keyboard.press("/")
    page.keyboard.type('"restarting web" -4')
    expect_query(page, q='"restarting web" -4')
    expect(rows(page)).to_have_count(96)
    assert set(page.locator("#list mark").all_text_contents()) == {"restarting web"}
    page.keyboard.press("Escape")
    expect(page.locator("#list")).to_be_focused()
    length = page.evaluate("history.length")
    page.locator("#q").fill("-web")
    page.keyboard.press("Enter")
    expect(page.locator("#events > .trouble")).to_contain_text("'q'")
    expect(rows(page)).to_have_count(96)
    page.go_back()
    expect(page.locator("#events > .trouble")).to_be_empty()
    assert page.evaluate("history.length") == length + 1


def test_times(filled, browse):
    page = browse(filled)
    page.locator("#when").click()
    page.get_by_role("link", name="Last hour").click()
    expect_query(page, since="1h")
    expect(rows(page)).to_have_count(59)
    page.keyboard.press("[")
    page.wait_for_function("() => location.search.includes('until=')")
    earlier = query(page)
    assert datetime.fromisoformat(earlier["until"]) - datetime.fromisoformat(earlier["since"]) == timedelta(hours=1)
    page.keyboard.press("]")
    page.wait_for_function("until => new URLSearchParams(location.search).get('until') > until", arg=earlier["until"])
    page.locator("#when").click()
    before = query(page)
    page.get_by_role("link", name="Last night").click()
    page.wait_for_function("since => new URLSearchParams(location.search).get('since') != since", arg=before["since"])
    since = datetime.fromisoformat(query(page)["since"]).astimezone(timezone(timedelta(hours=1)))
    assert since.minute == 0 and since.hour in (17, 18)
    page.goto(page.url.split("?")[0] + "?since=1h")
    page.keyboard.press("y")
    page.wait_for_function("() => navigator.clipboard.readText().then(text => text.includes('until='))")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "since=20" in copied and query(page) == {"since": "1h"}
    page.keyboard.press("t")
    page.wait_for_function("() => location.search.includes('until=')")


def test_detail_beside_the_list(filled, browse):
    page = browse(filled)
    expect(rows(page)).to_have_count(120)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(rows(page).nth(1)).to_have_attribute("aria-current", "true")
    assert "event" not in query(page)
    page.keyboard.press("Enter")
    expect_query(page, event="e-1")
    expect(page.locator("#detail")).to_contain_text("Back-off restarting web-1")
    page.keyboard.press("j")
    expect_query(page, event="e-2")
    expect(page.locator("#detail h2")).to_have_text("BackOff: Back-off restarting web-2")
    page.locator("#detail").get_by_label("Only app a0").click()
    expect_query(page, **{"metadata.labels.app": "a0"})
    expect(rows(page)).to_have_count(60)
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
    rows(page).nth(3).click()
    expect(page.locator("#detail h2")).to_be_visible()
    page.locator("#detail").get_by_text("this object").click()
    expect(page.locator("tr[aria-current]")).to_have_count(1)
    around = query(page)
    assert datetime.fromisoformat(around["until"]) - datetime.fromisoformat(around["since"]) == timedelta(minutes=10)
    assert around["object_name"] == "web-1"
    page.locator("#detail").get_by_role("link", name="Pod web-1").click()
    expect_query(page, event=None, object_kind="Pod", object_name="web-1")


EXACT = '{"b":12345678901234567890,"a":1.10,"1":{"z":[1.0,-0,1e2],"text":"\\u003cb\\u003e \\"x\\""},"empty":{}}'


def test_metadata_is_shown_as_it_is_stored(empty, browse):
    body = '{"id":"x","event_type":"a","severity":"info","title":"t","description":"one\\n two","metadata":%s}' % EXACT
    assert empty.request("POST", "/events", body.encode()).status == 201
    page = browse(empty, "/?event=x")
    stored = empty.request("GET", "/events/x").body.decode().strip()
    assert EXACT in stored
    expect(page.locator(".raw pre")).to_have_text(stored)
    page.locator("details.raw summary").click()
    assert page.locator(".raw pre").inner_text() == stored
    keys = page.locator(".tree .key").all_text_contents()
    assert keys == ["b", "a", "1", "z", "0", "1", "2", "text", "empty"]
    values = page.locator(".tree .value").all_text_contents()
    assert values == ["12345678901234567890", "1.10", "1.0", "-0", "1e2", '"\\u003cb\\u003e \\"x\\""', "{}"]
    page.locator(".tree li").filter(has_text="text").last.hover()
    page.get_by_title("Copy text").click()
    page.wait_for_function("""() => navigator.clipboard.readText().then(text => text === '<b> "x"')""")
    page.get_by_text("Copy JSON").click()
    page.wait_for_function("stored => navigator.clipboard.readText().then(text => text === stored)", arg=stored)


def test_live_rows_never_move_what_is_read(filled, browse):
    page = browse(filled)
    expect(rows(page)).to_have_count(120)
    page.keyboard.press("f")
    expect(page.locator("#livestate")).to_have_text("Live.")
    store(filled, {"id": "new-1", "event_type": "a", "severity": "info", "title": "New one"})
    expect(rows(page).first).to_contain_text("New one")
    expect(total(page)).to_contain_text("121 events")
    page.keyboard.press("j")
    expect(page.locator("#livestate")).to_have_text("Paused: an event is selected.")
    store(filled, [{"id": f"new-{n}", "event_type": "a", "severity": "error", "title": f"Number {n}"} for n in range(2, 5)])
    expect(page.locator("#pill")).to_have_text("3 new, 3 errors")
    expect(rows(page).first).to_contain_text("New one")
    page.keyboard.press("g")
    expect(rows(page)).to_have_count(124)
    expect(rows(page).first).to_contain_text("Number 4")
    expect(page.locator("#livestate")).to_have_text("Live.")
    page.locator("#main").evaluate("element => element.scrollTop = 400")
    expect(page.locator("#livestate")).to_have_text("Paused: you scrolled.")
    before = rows(page).nth(20).bounding_box()
    store(filled, {"event_type": "a", "severity": "info", "title": "Later"})
    expect(page.locator("#pill")).to_have_text("1 new")
    assert rows(page).nth(20).bounding_box() == before
    page.locator("#pill").click()
    expect(rows(page).first).to_contain_text("Later")
    page.keyboard.press("f")
    expect(page.locator("#livestate")).to_be_empty()


def test_a_lost_stream_comes_back_without_a_gap(start, browse):
    program = start()
    store(program, {"id": "first", "event_type": "a", "severity": "info", "title": "First"})
    page = browse(program, "/?since=24h&live=1")
    expect(page.locator("#livestate")).to_have_text("Live.")
    port = program.port
    program.stop()
    expect(page.locator("#livestate")).to_have_text("reconnecting…")
    meanwhile = start()
    store(meanwhile, {"id": "second", "event_type": "a", "severity": "info", "title": "Meanwhile"})
    meanwhile.stop()
    store(start(port=port), {"id": "third", "event_type": "a", "severity": "info", "title": "Third"})
    expect(page.locator("#livestate")).to_have_text("Live.")
    expect(rows(page)).to_have_count(3)
    assert [row.split("\n")[-1].split("\t")[-1] for row in rows(page).all_inner_texts()] == ["Third", "Meanwhile", "First"]


def test_what_was_removed_is_said(start, browse):
    program = start()
    store(program, {"id": "one", "event_type": "a", "severity": "info", "title": "One"})
    page = browse(program, "/?since=24h&live=1")
    expect(page.locator("#livestate")).to_have_text("Live.")
    port = program.port
    program.stop()
    meanwhile = start()
    store(meanwhile, {"id": "two", "event_type": "a", "severity": "info", "title": "Two"})
    assert meanwhile.request("DELETE", "/events/two").status == 204
    meanwhile.stop()
    start(port=port)
    expect(page.locator("#livestate")).to_contain_text("Some events were removed")


def test_what_comes_while_the_list_loads_is_not_lost(filled, browse):
    page = browse(filled)
    expect(rows(page)).to_have_count(120)
    waiting = []
    # The list's answer is from before the event, and comes after it.
    page.route("**/events?*", lambda route: waiting.append((route, route.fetch())))
    page.keyboard.press("f")
    expect(page.locator("#livestate")).to_have_text("Live.")
    while not waiting:
        page.wait_for_timeout(1)
    store(filled, {"event_type": "a", "severity": "info", "title": "Meanwhile"})
    expect(page.locator("#levels .info b")).to_have_text("61")
    route, answer = waiting[0]
    route.fulfill(response=answer)
    expect(rows(page).first).to_contain_text("Meanwhile")


def test_a_flood_replaces_the_list_and_leaves_no_hole(filled, browse):
    page = browse(filled, "/?since=24h&live=1")
    expect(page.locator("#livestate")).to_have_text("Live.")
    store(filled, [{"event_type": "a", "severity": "info", "title": f"Flood {number}", "created_at": f"{ago(seconds=3)[:-4]}{number:03}Z"} for number in range(900)])
    expect(rows(page).first).to_contain_text("Flood 899")
    while page.locator("#end").is_hidden():
        last = rows(page).last.text_content()
        page.locator("#main").evaluate("main => { main.scrollTop = main.scrollHeight }")
        expect(rows(page).last).not_to_have_text(last)
    expect(rows(page)).to_have_count(1000)
    titles = page.locator("#list tbody th").all_text_contents()
    assert titles[:880] == [f"Flood {number}" for number in range(879, -1, -1)]


def streams(program):
    return int(re.search(r"^logbook_streams (\d+)", program.request("GET", "/metrics").body.decode(), re.MULTILINE)[1])


def test_hidden_tabs_let_go_of_their_streams(filled, browse):
    page = browse(filled, "/?since=24h&live=1")
    expect(page.locator("#livestate")).to_have_text("Live.")
    assert streams(filled) == 1
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true}); document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(hide % "true")
    while streams(filled):
        pass  # There is nothing that tells of a connection's end but its figure.
    store(filled, {"event_type": "a", "severity": "info", "title": "While hidden"})
    page.evaluate(hide % "false")
    expect(rows(page).first).to_contain_text("While hidden")


def test_seven_visible_tabs_do_not_wait_for_each_other(filled, browse):
    """HTTP/1.1 gives a browser six connections to a host, for all its tabs."""
    first = browse(filled, "/?since=24h&live=1")
    pages = [first] + [first.context.new_page() for _ in range(6)]
    for page in pages[1:]:
        page.goto(first.url)
    for page in pages:
        expect(page.locator("#livestate")).to_have_text("Live.")
    for number in range(2):  # Those that ask by turns go on where they were.
        store(filled, {"event_type": "a", "severity": "info", "title": f"For all {number}"})
        for page in pages:
            expect(rows(page).first).to_contain_text(f"For all {number}")
    for page in pages:
        expect(rows(page)).to_have_count(122)
        expect(page.locator("#livestate")).to_have_text("Live.")
    while streams(filled) > 4:
        pass  # Turns end, which only the figure tells.
    for page in pages[:4]:
        page.close()
    while streams(filled) < 3:
        pass  # The others take the places of those that are gone.


def test_many_events_are_loaded_as_they_are_scrolled_to(empty, browse):
    events = [event | {"id": f"{event['id']}-{copy}"} for copy in range(10) for event in night(130)]
    store(empty, events)
    page = browse(empty)
    expect(rows(page)).to_have_count(200)
    newest = rows(page).first.inner_text()
    while page.locator("#end").is_hidden():
        last = rows(page).last.text_content()
        page.locator("#main").evaluate("main => { main.scrollTop = main.scrollHeight }")
        expect(rows(page).last).not_to_have_text(last)
    # More than that are too many for a table; those at the far end went.
    expect(rows(page)).to_have_count(1000)
    assert len(set(page.locator("#list tbody tr").evaluate_all("rows => rows.map(row => row.dataset.id)"))) == 1000
    page.keyboard.press("g")
    expect(rows(page)).to_have_count(200)
    assert rows(page).first.inner_text() == newest


def test_objects_and_changes(filled, browse):
    store(filled, [{"event_type": "a", "severity": "error", "title": "t", "reason": "Evicted", "object_kind": "Node", "object_name": "node-1", "created_at": ago(minutes=number % 9 + 1)} for number in range(50)])
    page = browse(filled, "/?since=10m")
    page.get_by_role("link", name="Objects").click()
    expect_query(page, tab="objects")
    lanes = page.locator("#objects tbody").first.locator("tr")
    expect(lanes.first).to_have_text("Most errors")
    expect(lanes.nth(1)).to_contain_text("Node node-1")
    page.get_by_role("link", name="Changes").click()
    expect(page.locator("#changes .note")).to_contain_text("in the 40 min before")
    expect(page.locator("#changes tbody tr").filter(has_text="Evicted")).to_contain_text("new")
    page.locator("#changes tbody").get_by_role("link", name="Evicted").click()
    expect_query(page, reason="Evicted", tab=None)
    expect(rows(page)).to_have_count(50)


def dumps():
    """Real Kubernetes events, moved together in time so that the last one is a minute old."""
    lines = [json.loads(line) for line in (ROOT / "Tests/Data/kubernetes-events.ndjson").read_text().splitlines()]
    for number, line in enumerate(lines):
        line |= dict.fromkeys(("firstTimestamp", "eventTime", "series"), None) | {"lastTimestamp": ago(seconds=60 + len(lines) - number)}
    return "\n".join(map(json.dumps, lines)).encode()


def test_repeats_are_folded(empty, browse):
    assert empty.request("POST", "/events", dumps(), {"Content-Type": "application/x-ndjson"}).status == 200
    page = browse(empty)
    single = rows(page)
    folded = empty.request("GET", "/events?fold=true&limit=1000&fields=id,title,reason,fold_key").json["events"]
    stored = len(empty.export())
    assert len(folded) < min(stored, 200)
    expect(single).to_have_count(min(stored, 200))
    page.get_by_role("button", name="Fold").click()
    expect_query(page, fold="true")
    expect(page.get_by_role("button", name="Fold")).to_have_attribute("aria-pressed", "true")
    expect(rows(page)).to_have_count(len(folded))
    assert rows(page).evaluate_all("rows => rows.map(row => row.dataset.id)") == [event["id"] for event in folded]
    number, most = max(enumerate(folded), key=lambda pair: pair[1]["fold"]["events"])
    assert most["fold"]["events"] > 1
    times = rows(page).nth(number).locator(".times")
    expect(times).to_have_text(f"×{most['fold']['occurrences']:,}")
    expect(times).to_have_attribute("title", re.compile(rf"^{most['fold']['events']} events\nfirst 20.*\nlast 20"))
    rows(page).nth(number).click()
    page.locator("#detail").get_by_role("link", name="all of the same").click()
    expect_query(page, fold=None, fold_key=most["fold_key"])
    expect(rows(page)).to_have_count(most["fold"]["events"])
    expect(page.locator("#active")).to_contain_text("all of the same")
    page.go_back()
    expect(rows(page)).to_have_count(len(folded))


def test_folded_rows_count_what_arrives(filled, browse):
    again = {"event_type": "a", "severity": "warning", "title": "Backup failed", "occurrences": 2}
    store(filled, again)
    page = browse(filled, "/?since=24h&fold=true&live=1")
    expect(page.locator("#livestate")).to_have_text("Live.")
    expect(rows(page).first.locator(".times")).to_have_text("×2")
    count = rows(page).count()
    store(filled, [again, again])
    expect(rows(page).first.locator(".times")).to_have_text("×6")
    page.keyboard.press("r")
    expect(page.locator("#livestate")).to_have_text("Live.")
    expect(rows(page).first.locator(".times")).to_have_text("×6")
    expect(rows(page)).to_have_count(count)


@pytest.fixture
def api_server():
    """An API server as Logbook asks it: the namespace `shop` has events, and no others come; the rest is forbidden."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            is_allowed, is_watch = "/shop/" in self.path, "watch=" in self.path
            self.send_response(200 if is_allowed else 403)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            items = [json.loads(line) for line in dumps().splitlines()[:3]]
            if not is_allowed:
                self.wfile.write(json.dumps({"kind": "Status", "code": 403, "message": "events is forbidden: cannot list"}).encode())
            elif is_watch:
                self.rfile.read(1)  # Until the watch ends.
            else:
                self.wfile.write(json.dumps({"kind": "EventList", "metadata": {"resourceVersion": "9"}, "items": items}).encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_sources_say_how_they_are(start, empty, browse, api_server):
    page = browse(empty)
    expect(page.locator("#nothing h2")).to_be_visible()
    expect(page.locator("#sources-button")).to_be_hidden()
    empty.stop()
    program = start("--kubernetes-server", api_server, "--kubernetes-namespace", "shop,other")
    while not all(source["connected"] or source["last_error"] for source in program.request("GET", "/sources").json["sources"]):
        pass  # There is nothing to wait for but the answer.
    page = browse(program)
    button = page.get_by_role("button", name="Sources")
    expect(button).to_have_attribute("data-state", "bad")
    button.click()
    expect(page.locator("#sources li").first).to_contain_text(re.compile("kubernetes/other waiting, 0 stored.*events is forbidden"))
    expect(page.locator("#sources li").last).to_contain_text("kubernetes/shop connected, 3 stored")
    assert not Axe().run(page).response["violations"]


def test_columns_density_and_time_zone(filled, browse):
    page = browse(filled)
    expect(rows(page)).to_have_count(120)
    local = rows(page).first.locator("time").inner_text()
    page.get_by_role("button", name="View").click()
    page.get_by_role("checkbox", name="Cluster").check()
    page.get_by_role("checkbox", name="Reason").uncheck()
    page.get_by_label("UTC").check()
    page.get_by_label("Dense").check()
    heads = page.locator("#list thead th")
    expect(heads).to_have_text(["Time", "Severity", "Cluster", "Object", "Title"])
    expect(rows(page).first.locator("th")).to_have_text("BackOff: Back-off restarting web-0")
    assert rows(page).first.locator("time").inner_text() != local
    page.reload()
    expect(heads).to_have_text(["Time", "Severity", "Cluster", "Object", "Title"])
    assert page.evaluate("document.body.dataset.density") == "dense"


def test_take_it_away(filled, browse):
    page = browse(filled, "/?since=24h&reason=BackOff&object_name=web-*,!web-0")
    expect(rows(page)).to_have_count(48)
    take = page.get_by_role("button", name="Take away")
    take.click()
    page.get_by_text("Copy as curl").click()
    page.wait_for_function("() => navigator.clipboard.readText().then(text => text.startsWith('curl '))")
    command = page.evaluate("navigator.clipboard.readText()")
    answer = subprocess.run(["sh", "-c", f"{command} -s"], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert len(json.loads(answer.stdout)["events"]) == 48
    for kind, lines in (("NDJSON", 48), ("CSV", 49)):
        if not page.locator("#take").is_visible():
            take.click()
        with page.expect_download() as download:
            page.get_by_text(f"Download {kind}").click()
        assert len(download.value.path().read_bytes().splitlines()) == lines
    take.click()
    page.get_by_text("Copy the command").click()
    page.wait_for_function("() => navigator.clipboard.readText().then(text => text.startsWith('logbook '))")
    command = page.evaluate("navigator.clipboard.readText()")
    script = f'logbook() {{ {BINARY} "$@"; }}; {command}; wc -l <events.ndjson'
    counted = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=PATIENCE_SECONDS, cwd=filled.database.parent)
    assert counted.stdout.split()[-1] == "48", counted.stderr


def test_a_hundred_megabytes_are_the_most_a_browser_takes(empty, browse):
    """So many events that they would be more, by their usual size: the command stands in place of the downloads."""
    for batch in range(9):
        lines = [json.dumps({"id": f"{batch}-{number}", "event_type": "a", "severity": "info", "title": "t"}) for number in range(9_300)]
        assert empty.request("POST", "/events", "\n".join(lines).encode(), {"Content-Type": "application/x-ndjson"}).status == 200
    page = browse(empty)
    expect(total(page)).to_contain_text("83,700 events")
    take = page.get_by_role("button", name="Take away")
    take.click()
    expect(page.locator("#take")).to_contain_text("More than a browser should take")
    expect(page.get_by_text("Download")).to_have_count(0)
    expect(page.get_by_text("Copy the command")).to_be_visible()
    # 83,333 × 1200 bytes are just below.
    assert empty.request("DELETE", "/events/0-1").status == 204
    for number in range(2, 369):
        assert empty.request("DELETE", f"/events/0-{number}").status == 204
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    expect(total(page)).to_contain_text("83,332 events")
    take.click()
    expect(page.get_by_text("Download")).to_have_count(2)


def test_a_download_through_memory_ends_at_a_hundred_megabytes(start, browse, tmp_path):
    """With a token a download goes through memory, so the real bytes count, whatever their estimate was."""
    tokens = {scope: run("token", "create", "--name", scope, "--scope", scope, "--file", tmp_path / "access").stdout.strip() for scope in ("read", "write")}
    program = start("--access-file", tmp_path / "access")
    for _ in range(7):
        store(program, [{"event_type": "a", "severity": "info", "title": "t", "metadata": {"note": "x" * 250_000}}] * 60, {"Authorization": f"Bearer {tokens['write']}"})
    page = browse(program)
    page.get_by_role("textbox", name="Token").fill(tokens["read"])
    page.keyboard.press("Enter")
    expect(total(page)).to_contain_text("420 events")
    page.get_by_role("button", name="Take away").click()
    page.get_by_text("Download NDJSON").click()
    expect(page.locator("#toast")).to_have_text("Over 100 MB: the command for it is copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("logbook events export --server 'http://127.0.0.1:")


MARKUP = '<img src=x onerror="alert(1)"><script>alert(2)</script><a href="javascript:alert(3)">x</a>'


def test_events_are_text_whatever_they_say(empty, browse):
    """Any violation of the policy, script error or dialog fails `browse`."""
    store(empty, [{
        "id": f"m{number}", "event_type": "a", "severity": "error", "title": MARKUP, "description": MARKUP, "object_kind": MARKUP, "object_namespace": MARKUP,
        "object_name": MARKUP, "cluster": MARKUP, "reason": MARKUP, "metadata": {MARKUP: {MARKUP: [MARKUP, {"__proto__": MARKUP}]}, "javascript:alert(4)": "javascript:alert(5)"},
    } for number in range(3)])  # fmt: skip
    page = browse(empty, "/?since=24h&q=alert&live=1")
    expect(rows(page)).to_have_count(3)
    rows(page).first.click()
    expect(page.locator("#detail h2")).to_have_text(MARKUP)
    expect(page.locator("#f-object_name .name")).to_have_text(MARKUP)
    page.locator("#f-object_name a").first.click()
    expect(page.locator("#active")).to_contain_text(MARKUP)
    expect(rows(page)).to_have_count(3)
    for tab in ("Objects", "Changes", "Events"):
        page.get_by_role("link", name=tab, exact=True).click()
        expect(page.locator(f"#{tab.lower()}")).to_be_visible()
        expect(page.locator(f"#{tab.lower()}")).not_to_have_attribute("aria-busy", "true")
    store(empty, {"event_type": "a", "severity": "info", "title": MARKUP, "object_name": MARKUP})
    # No image, script or link of theirs came to be.
    assert page.locator("img, [onerror], a[href^='javascript']").count() == 0
    assert page.locator("script").count() == 1


def test_a_token_is_asked_for_and_stays_in_the_tab(start, browse, tmp_path):
    tokens = {scope: run("token", "create", "--name", scope, "--scope", scope, "--file", tmp_path / "access").stdout.strip() for scope in ("read", "write")}
    program = start("--access-file", tmp_path / "access")
    store(program, night(5), {"Authorization": f"Bearer {tokens['write']}"})
    page = browse(program, "/?since=24h&reason=BackOff")
    field = page.get_by_role("textbox", name="Token")
    expect(field).to_be_focused()
    field.fill("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#why")).to_contain_text("token")
    expect(field).to_be_visible()
    field.fill(tokens["write"])
    page.keyboard.press("Enter")
    expect(page.locator("#why")).to_contain_text("read")
    field.fill(tokens["read"])
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(3)
    assert query(page) == {"since": "24h", "reason": "BackOff"}
    assert page.context.cookies() == [] and page.evaluate("Object.values({...localStorage}).join()").count("lbk") == 0
    page.keyboard.press("f")
    expect(page.locator("#livestate")).to_have_text("Live.")
    page.reload()
    expect(rows(page)).to_have_count(3)
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_role("textbox", name="Token")).to_be_visible()


def test_each_part_fails_alone_and_tries_again(filled, browse):
    page = browse(filled, "/?since=24h")
    expect(rows(page)).to_have_count(120)
    failing = {"status": 503, "headers": {"Retry-After": "1"}, "content_type": "application/problem+json", "body": json.dumps({"status": 503, "detail": "Too much is waiting."})}
    page.route("**/events/stats*", lambda route: route.fulfill(**failing))
    page.locator("#levels .info").click()
    expect(page.locator("#histogram .trouble")).to_have_text("Too much is waiting. Trying again in 1 s.")
    expect(rows(page)).to_have_count(60)
    expect(page.locator("#plot path.bar").first).to_be_visible()
    page.unroute("**/events/stats*")
    expect(page.locator("#histogram .trouble")).to_be_empty()
    page.context.set_offline(True)
    page.locator("#reload").click()
    expect(page.locator("#events > .trouble")).to_contain_text("Logbook does not answer.")
    expect(rows(page)).to_have_count(60)
    page.context.set_offline(False)
    expect(page.locator("#events > .trouble")).to_be_empty()


def test_an_empty_database_tells_how_to_fill_it(empty, browse):
    page = browse(empty)
    expect(page.locator("#nothing h2")).to_have_text("No events yet")
    command = page.locator("#nothing code").last.inner_text()
    assert subprocess.run(["sh", "-c", command], capture_output=True, timeout=PATIENCE_SECONDS).returncode == 0
    page.keyboard.press("r")
    expect(rows(page)).to_have_count(1)
    page.goto(page.url.split("?")[0] + "?since=24h&q=nothing")
    expect(page.locator("#nothing h2")).to_have_text("Nothing here")
    page.get_by_role("link", name="Without filters").click()
    expect(rows(page)).to_have_count(1)


def test_keys_can_be_switched_off_and_leave_boxes_alone(filled, browse):
    page = browse(filled)
    expect(rows(page)).to_have_count(120)
    page.locator("#q").fill("j")
    page.locator("#q").fill("")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_hidden()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+j")
    assert page.locator("tr[aria-current]").count() == 0
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.get_by_label("Single-key shortcuts").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    assert page.locator("tr[aria-current]").count() == 0
    page.keyboard.press("ArrowDown")
    assert page.locator("tr[aria-current]").count() == 1


def test_everything_is_reached_by_tab(filled, browse):
    page = browse(filled)
    expect(rows(page)).to_have_count(120)
    names = []
    for _ in range(60):
        page.keyboard.press("Tab")
        name = page.evaluate("(document.activeElement.id || document.activeElement.textContent.trim()) + (document.activeElement.checkVisibility() ? '' : ' hidden')")
        names.append(name)
    assert names[0] == "Skip to the events"
    assert {"q", "earlier", "when", "live", "reload", "plot"} <= set(names)
    assert not [name for name in names if name.endswith(" hidden")]


def test_everything_is_reached_at_twice_the_size(filled, browse):
    """A window of 1280 × 800 at 200%: each control that Tab reaches is in sight, and nothing lies over it."""
    page = browse(filled, "/?since=24h&severity_min=warning&object_name=web-*", width=640, height=400, device_scale_factor=2)
    expect(rows(page)).to_have_count(60)
    reached = {}
    for _ in range(60):
        page.keyboard.press("Tab")
        name, seen = page.evaluate("""() => {
            const it = document.activeElement, { left, top, right, bottom } = it.getBoundingClientRect();
            const isInside = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
            const over = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
            const box = `${Math.round(left)} ${Math.round(top)} ${Math.round(right)} ${Math.round(bottom)}`;
            return [it.id || it.title || it.textContent.trim(), isInside && (it.contains(over) || over.contains(it)) || `${box}, under ${over?.outerHTML}`];
        }""")
        reached[name] = seen
    assert {name: seen for name, seen in reached.items() if seen is not True} == {}
    assert {"q", "when", "live", "filters"} <= reached.keys()
    for menu in ("#when", "[popovertarget=looks]", "[popovertarget=take]", "[data-action=help]"):
        page.locator(menu).click()
        for control in page.locator(".menu:popover-open, dialog[open]").locator("a, button, input").all():
            control.scroll_into_view_if_needed()
            expect(control).to_be_in_viewport(ratio=0.9)
        page.keyboard.press("Escape")


def test_below_a_prefix(nginx, browse):
    assert ask("POST", nginx + "events", json.dumps(night(3))).status == 200
    page = browse(nginx.rstrip("/"), "/?since=24h")
    expect(rows(page)).to_have_count(3)
    rows(page).first.click()
    expect(page.locator("#detail h2")).to_be_visible()
    page.keyboard.press("f")
    expect(page.locator("#livestate")).to_contain_text("Paused")
    assert urllib.parse.urlsplit(page.url).path == "/logbook/"


@pytest.mark.parametrize("width, height, scale", [(320, 700, 1), (390, 700, 3), (640, 400, 2), (1024, 700, 1)])
def test_nothing_is_cut_off(filled, browse, width, height, scale):
    page = browse(filled, "/?since=24h&event=e-4", width=width, height=height, device_scale_factor=scale)
    expect(page.locator("#detail h2")).to_be_visible()
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert page.evaluate(fits)
    page.keyboard.press("Escape")
    expect(rows(page)).to_have_count(120)
    assert page.evaluate(fits)
    for tab in ("objects", "changes"):
        page.goto(page.url.split("?")[0] + f"?since=30m&tab={tab}")
        expect(page.locator(f"#{tab} tbody th").last).to_be_visible()
        assert page.evaluate(fits)
    page.locator("#when").click()
    box = page.locator("#times").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width


def answer(page, path, status, detail, **headers):
    body = json.dumps({"status": status, "detail": detail})
    page.route(f"**/{path}", lambda route: route.fulfill(status=status, headers=headers, content_type="application/problem+json", body=body))


def no_token(page):
    answer(page, "events?*", 401, "A token is needed.", **{"WWW-Authenticate": 'Bearer realm="logbook"'})
    page.keyboard.press("r")
    expect(page.get_by_role("textbox", name="Token")).to_be_focused()


def no_scope(page):
    answer(page, "events?*", 403, "The token has not the scope read.", **{"WWW-Authenticate": 'Bearer error="insufficient_scope", scope="read"'})
    page.keyboard.press("r")
    expect(page.locator("#why")).to_contain_text("read")


def busy(page):
    answer(page, "events*", 503, "Too much is waiting.", **{"Retry-After": "60"})
    page.keyboard.press("r")
    expect(page.locator(".trouble", has_text="60 s").first).to_be_visible()


def loading(page):
    page.route("**/events*", lambda route: None)
    page.keyboard.press("r")
    expect(page.locator("#events")).to_have_attribute("aria-busy", "true")


def offline(page):
    page.context.set_offline(True)
    page.keyboard.press("r")
    expect(page.locator("#events > .trouble")).to_contain_text("does not answer")


def lost_stream(page):
    page.context.set_offline(True)
    page.keyboard.press("f")
    expect(page.locator("#livestate")).to_have_text("reconnecting…")


def missing_events(page):
    # A position that the database never had: it has been replaced by an older backup.
    page.route("**/events/stream*", lambda route: route.continue_(headers=route.request.headers | {"last-event-id": "9999"}))
    page.keyboard.press("f")
    expect(page.locator("#livestate")).to_have_text("Live. Some events were removed before they could be shown.")


def empty_database(page):
    page.route("**/events?*", lambda route: route.fulfill(json={"events": [], "pagination": {"next_cursor": None}}))
    page.keyboard.press("r")
    expect(page.locator("#nothing h2")).to_have_text("No events yet")


def opened(selector):
    return lambda page: (page.locator(selector).first.click(), expect(page.locator(".menu:popover-open, dialog[open], #detail h2").first).to_be_visible())


STATES = {
    "rows": ("", None),
    "nothing": ("&q=nothing", None),
    "empty": ("", empty_database),
    "filters": ("&severity_min=error&object_name=!x,web*&metadata.a=1&fold=true&unknown=1", None),
    "detail": ("", opened("#list tbody tr")),
    "objects": ("&tab=objects", None),
    "changes": ("&tab=changes", None),
    "live": ("&live=1", None),
    "wrong query": ("&q=-web", None),
    "times": ("", opened("#when")),
    "view": ("", opened("[popovertarget=looks]")),
    "take away": ("", opened("[popovertarget=take]")),
    "keys": ("", opened("[data-action=help]")),
    "401": ("", no_token), "403": ("", no_scope), "503": ("", busy), "loading": ("", loading), "offline": ("", offline), "lost stream": ("", lost_stream), "missing events": ("", missing_events),
}  # fmt: skip


def show(browse, program, state, **options):
    search, prepare = STATES[state]
    page = browse(program, "/?since=24h" + search, **options)
    for part in ("events", "histogram", "facets"):
        expect(page.locator(f"#{part}")).to_have_attribute("aria-busy", "false")
    if prepare:
        prepare(page)
    return page


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(filled, browse, state):
    for name, options in {"light": {}, "dark": {"color_scheme": "dark", "width": 390}}.items():
        page = show(browse, filled, state, **options)
        if folder := os.environ.get("LOGBOOK_SCREENSHOTS"):
            page.screenshot(path=f"{folder}/{state} {name}.png")
        found = Axe().run(page)
        assert not found.response["violations"], found.generate_report()


# What a screen reader is told, by state.
TOLD = {
    "rows": """
    - link "Skip to the events"
    - banner:
      - heading "Logbook" [level=1]
      - search:
        - searchbox "Search"
      - group "Time":
        - button /Half a window earlier/
        - button "Last 24 hours"
      - button "Live"
    - navigation "Filters":
      - group "Severities":
        - button "critical 20" [pressed]
    - complementary "Values"
    - main:
      - region "Events over time":
        - slider "Events over time"
      - group "Show":
        - link "Events"
      - region "Events":
        - table "Events":
          - rowgroup:
            - row:
              - columnheader "Time"
              - columnheader "Severity"
          - rowgroup:
            - row:
              - cell
              - cell "info"
              - cell "BackOff"
              - cell "Pod web-0"
              - rowheader "Back-off restarting web-0":
                - link "Back-off restarting web-0"
    - status
    """,
    "detail": """
    - complementary "Event":
      - button /Previous event/
      - button /Next event/
      - button "Copy link"
      - button "Copy JSON"
      - button /Close/
      - 'heading "BackOff: Back-off restarting web-0" [level=2]'
      - term: Time
      - definition:
        - time
        - text: 1 min ago
      - term: Severity
      - definition:
        - text: info
        - link "Only info"
        - link "Not info"
        - button "Copy severity"
      - term: Reason
      - definition
      - heading "Five minutes around it" [level=3]
      - paragraph:
        - link "everything"
        - link "this object"
      - heading "Its history" [level=3]
      - paragraph:
        - link "Pod web-0"
        - link "all of the same"
      - heading "Metadata" [level=3]
      - list:
        - listitem:
          - text: number0
          - link "Only number 0"
          - button "Copy number"
      - group: JSON, byte for byte
    """,
    "empty": """
    - region "Events":
      - heading "No events yet" [level=2]
      - paragraph: "Bring in what the cluster still remembers:"
      - code: /^kubectl get events/
      - button "Copy the command"
      - paragraph: "Or store one by hand:"
      - code: /^curl/
      - button "Copy the command"
      - paragraph:
        - link "Follow what comes"
    """,
    "401": """
    - dialog "A token, please":
      - heading "A token, please" [level=2]
      - paragraph: Events are shown to those who have one.
      - text: Token
      - textbox "Token"
      - paragraph: It stays in this tab, and goes with it.
      - paragraph:
        - button "Not now"
        - button "Use it"
    """,
    "missing events": """
    - main:
      - paragraph: Live. Some events were removed before they could be shown.
    """,
}


@pytest.mark.parametrize("state", TOLD)
def test_a_screen_reader_is_told_what_is_shown(filled, browse, state):
    expect(show(browse, filled, state).locator("body")).to_match_aria_snapshot(TOLD[state])


def test_a_screen_reader_is_told_of_all_rows_and_of_news(filled, browse):
    page = browse(filled)
    expect(rows(page)).to_have_count(120)
    # Chromium's own tree has all of them, in sight or not.
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    roles = [node.get("role", {}).get("value") for node in tree]
    assert {role: roles.count(role) for role in ("row", "cell", "rowheader")} == {"row": 121, "cell": 480, "rowheader": 120}
    page.keyboard.press("f")
    expect(page.locator("#livestate")).to_have_text("Live.")
    store(filled, [{"event_type": "a", "severity": severity, "title": "t"} for severity in ("info", "error")])
    expect(page.get_by_role("status")).to_have_text("2 new events, 1 error")
