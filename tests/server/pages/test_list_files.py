"""Every list is had whole as a file in every format, from a link on its page."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import time
from dataclasses import replace
from html import unescape

import pytest
from pyarrow import parquet

from shop_traces import shop_trace
from spanwise_server.jobs.alerting import look
from spanwise_server.pages import list_files, list_rows
from spanwise_server.pages.list_files import LISTS
from spanwise_server.store.alerts import Alerts
from store_model.spans import record

RUNS = "=cmd()"
KEYS = (f"list-key-{n:06d}" for n in itertools.count())
READ = {
    "jsonl": lambda body: [json.loads(line) for line in body.splitlines()],
    "csv": lambda body: list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""))),
    "parquet": lambda body: parquet.read_table(io.BytesIO(body)).to_pylist(),
}
#: Where the menu of each list is; {queue}, {rule} and {run} stand for one that there is.
PAGES = {
    "alerts": "/dashboard/alerts",
    "alert-rules": "/dashboard/alerts",
    "queues": "/label",
    "label-acts": "/label/{queue}/events",
    "code-acts": "/label/codes/history",
    "rubrics": "/rubrics",
    "prompts": "/prompts",
    "datasets": "/datasets",
    "experiments": "/experiments",
    "results": "/experiments/{run}",
    "steps": "/steps?range=all",
}


def post(client, path, **body):
    answer = client.post(path, json=body)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


@pytest.fixture(scope="module", autouse=True)
def _one_at_a_time():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(list_files, "AT_ONCE", 1)
        patch.setattr(list_rows, "AT_ONCE", 1)
        yield


@pytest.fixture(scope="module")
def shop(shared_client):
    return stocked(shared_client)


def stocked(client):
    """Give a server at least two rows in every list."""
    store = client.app.state.server.store
    store.write([span for n in range(4) for span in shop_trace(n)])
    now, one = time.time_ns(), record("9" * 32, "9" * 16, project="default")
    store.write([replace(one, span=replace(one.span, start_ns=now - 60 * 10**9, end_ns=now - 59 * 10**9))])
    queue = {}
    for name in (RUNS, "Orders"):
        queue = post(client, "/api/v1/queues", name=name, filter="", limit=1, people={"overlap": 2})
    items = client.get(f"/api/v1/queues/{queue['id']}").json()["items"]
    for who, label in (("ana", "pass"), ("bo", "fail")):
        said = {"annotator": who, "label": label, "explanation": "Said <b>why</b>.", "key": next(KEYS)}
        post(client, f"/api/v1/queues/{queue['id']}/items/{items[0]['id']}/label", **said)
        post(client, "/api/v1/prompts", name=who, template="Be brief.")
    dataset = post(client, "/api/v1/datasets", name="Orders", examples={"queue_id": queue["id"]})
    post(client, "/api/v1/datasets", name=RUNS)
    rows = client.get(f"/api/v1/datasets/{dataset['id']}/examples").json()["items"]
    run = {}
    for passed in (True, False):
        results = [{"example_id": row["id"], "passed": passed, "output": "Sent."} for row in rows]
        run = post(client, "/api/v1/experiments", name="nightly", dataset="Orders", results=results)
    for text in ("late", "rude"):
        post(client, "/api/v1/codes", name=text, annotator="ana", key=next(KEYS))
    question = {"name": "polite", "kind": "binary", "text": "Is it polite?"}
    post(client, "/api/v1/rubrics", name="Tone", questions=[question])
    rule = 0
    for n in (1, 2):
        asked = {"name": f"Calls {n}", "measure": "spans", "threshold": 0, "window": "24h", "calm_minutes": 0}
        rule = post(client, "/api/v1/alerts/rules", **asked)["id"]
    for at in (0, 1):  # fires, and is resolved a year on, where there are no data any more
        for one in Alerts(store).rules("default"):
            look(store, one, now + at * 366 * 86_400 * 10**9, "http://127.0.0.1")
    client.of = {"queue": queue["id"], "run": run["id"], "rule": rule}
    return client


def links(shop, page, name, form):
    html = shop.get(page.format(**shop.of)).text
    found = [unescape(href) for href in re.findall(r'href="(/lists/[^"]+)"', html)]
    return [href for href in found if href.startswith(f"/lists/{name}/export?format={form}")]


def test_every_list_has_its_page_here():
    assert PAGES.keys() == LISTS.keys()


@pytest.mark.parametrize("name", LISTS)
def test_the_whole_list_is_the_same_in_each_format_and_says_how_far_it_is(shop, name):
    found = {}
    for form, read in READ.items():
        (href,) = links(shop, PAGES[name], name, form)
        answer = shop.get(f"{href}&progress=mine-{form}")
        assert answer.status_code == 200, answer.text[:300]
        assert f'filename="{name}.{form}"' in answer.headers["content-disposition"]
        found[form] = read(answer.content)
        run = shop.get(f"/api/v1/traces/export/progress/mine-{form}").json()
        assert (run["state"], run["done"], run["of"]) == ("done", len(found[form]), len(found[form]))
    lines, cells, table = found.values()
    least = 1 if name == "results" else 2
    assert len(lines) == len(cells) == len(table) >= least
    for line, row, typed in zip(lines, cells, table, strict=True):
        assert list(line) == list(row) == list(typed) == list(LISTS[name].columns)
        for column, kind in LISTS[name].columns.items():
            if kind in {"number", "real"} and line[column] is not None:
                assert typed[column] == line[column] == pytest.approx(float(row[column]))
            if kind == "text":
                assert typed[column] == line[column]
                assert row[column].lstrip("'") == (line[column] or "").lstrip("'")


def test_who_labelled_what_when_is_in_the_file_of_acts(shop):
    (href,) = links(shop, PAGES["label-acts"], "label-acts", "jsonl")
    newest, oldest = READ["jsonl"](shop.get(href).content)
    assert (oldest["annotator"], oldest["action"], oldest["said"]) == ("ana", "set", ["correct: pass"])
    assert (newest["annotator"], newest["said"]) == ("bo", ["correct: fail"])
    assert newest["critiques"] == ["correct: Said <b>why</b>."]
    assert newest["at"] > oldest["at"]
    assert newest["trace_id"] == oldest["trace_id"]
    page = PAGES["label-acts"] + "?who=bo"
    (href,) = links(shop, page, "label-acts", "jsonl")
    assert [row["annotator"] for row in READ["jsonl"](shop.get(href).content)] == ["bo"]


def test_answers_of_others_are_left_out_of_the_file_too_while_one_labels_blind(client):
    shop = stocked(client)
    more = next(t for t in shop.get("/api/v1/traces").json()["items"] if t["trace_id"] != "9" * 32)
    post(shop, f"/api/v1/queues/{shop.of['queue']}/traces", trace_ids=["9" * 32, more["trace_id"]])
    token = re.search(r'name="csrf_token" value="([^"]+)"', shop.get("/label").text)[1]
    shop.post("/label/name", data={"csrf_token": token, "name": "bo", "back": "/label"})
    (href,) = links(shop, PAGES["label-acts"], "label-acts", "jsonl")
    told = {row["annotator"]: row for row in READ["jsonl"](shop.get(href).content)}
    assert told["bo"]["said"] == ["correct: fail"]
    assert (told["ana"]["hidden"], told["ana"]["said"], told["ana"]["answers"]) == (True, [], None)


def test_no_cell_of_a_list_is_a_formula(shop):
    (href,) = links(shop, PAGES["queues"], "queues", "csv")
    assert {row["name"] for row in READ["csv"](shop.get(href).content)} == {f"'{RUNS}", "Orders"}


def test_what_one_rule_fired_is_a_file_of_its_own(shop):
    (href,) = links(shop, "/dashboard/alerts/rules/{rule}", "alerts", "jsonl")
    (fired,) = READ["jsonl"](shop.get(href).content)
    assert (fired["rule"], fired["state"]) == ("Calls 2", "resolved")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/lists/nothing/export", 404),
        ("/lists/queues/export?format=pdf", 400),
        ("/lists/alerts/export?rule=first", 400),
        ("/lists/alerts/export?rule=999", 404),
        ("/lists/label-acts/export", 400),
        ("/lists/label-acts/export?queue=99999999999999999999", 400),
        ("/lists/label-acts/export?queue=999", 404),
        ("/lists/results/export?experiment=999", 404),
    ],
)
def test_what_is_no_list_is_refused(shared_client, path, status):
    assert shared_client.get(path).status_code == status
