"""People with accounts: they log in, do what their role lets them, and their labels carry who they are."""

from __future__ import annotations

import dataclasses
import io
import re

import pytest
from starlette.testclient import TestClient

from shop_traces import shop_trace, span_id, trace_id
from spanwise_server.app import create_app
from spanwise_server.auth.passwords import hashed
from spanwise_server.auth.roles import RIGHTS, WORDS, needed
from spanwise_server.cli import access
from spanwise_server.cli.entry import main
from spanwise_server.errors import Conflict, NotFound, SpanwiseError
from spanwise_server.labelling.desk import Desk
from spanwise_server.labelling.queue import NewQueue, People, Target
from spanwise_server.store.users import EVERYWHERE, ROLES, Users

PASSWORD = "correct horse battery"
HASHED = hashed(PASSWORD)
PEOPLE = {"vi": "viewer", "ana": "labeller", "ed": "editor", "root": "admin"}


@pytest.fixture
def app(settings):
    made = create_app(settings)
    with TestClient(made):
        store = made.state.server.store
        store.write([record for n in range(4) for record in shop_trace(n)])
        store.write([record for n in range(4, 6) for record in shop_trace(n, project="other")])
        for name, role in PEOPLE.items():
            Users(store).add(name, HASHED, role)
        yield made


@pytest.fixture
def store(app):
    return app.state.server.store


@pytest.fixture
def queue(store):
    targets = [Target(trace_id(n), span_id(n)) for n in range(4)]
    return Desk(store).queues.create("default", NewQueue("Orders"), targets)


def browser(app):
    return TestClient(app, base_url="http://127.0.0.1:4318", follow_redirects=False)


def token_in(page):
    return re.search(r'name="csrf_token" value="([^"]+)"', page.text).group(1)


def logged_in(app, name, password=PASSWORD):
    client = browser(app)
    form = {"csrf_token": token_in(client.get("/login")), "name": name, "password": password, "next": "/label"}
    client.answer = client.post("/login", data=form)
    client.token = form["csrf_token"]
    return client


def post(client, path, **fields):
    return client.post(path, data={"csrf_token": client.token, **fields})


def test_an_account_closes_the_server_and_opens_it_to_that_person(app):
    assert browser(app).get("/traces").headers["location"].startswith("/login")
    assert browser(app).get("/api/v1/traces").status_code == 401
    assert 'name="name"' in browser(app).get("/login").text
    ana = logged_in(app, "ana")
    assert ana.answer.headers["location"] == "/label"
    assert "Log out" in ana.get("/label").text
    assert post(ana, "/logout").status_code == 303
    assert ana.get("/label").status_code == 303


@pytest.mark.parametrize(("name", "password"), [("ana", "wrong horse"), ("nobody", PASSWORD), ("", PASSWORD)])
def test_a_wrong_name_and_a_wrong_password_are_told_the_same(app, name, password):
    answer = logged_in(app, name, password).answer
    assert answer.status_code == 401
    assert "do not go together" in answer.text


def test_a_labeller_labels_under_their_own_name_and_does_no_more(app, store, queue):
    ana = logged_in(app, "ana")
    page = ana.get(f"/label/{queue.id}")
    assert "You label as" not in page.text  # a name of an account is not chosen
    item = Desk(store).queues.items(queue.id)[0]
    saved = post(ana, f"/label/{queue.id}/items/{item.id}", key="k" * 16, a0="fail")
    assert saved.status_code == 303, saved.text
    (label,) = store.annotations("default", [item.target.trace_id])[item.target.trace_id]
    assert (label.annotator.kind, label.annotator.id) == ("human", "ana")
    (event,) = Desk(store).history.of_queue(queue.id)
    assert event.annotator_id == "ana"
    for path in (f"/label/{queue.id}/delete", "/label/from-traces", "/traces/delete", "/datasets/from-queue"):
        refused = post(ana, path, trace_id=trace_id(1), queue_id=str(queue.id))
        assert refused.status_code == 403, path
        assert "A labeller may not make, change and delete" in refused.text
    assert "New queue" not in ana.get("/label").text
    assert Desk(store).queues.find(queue.id) is not None


def test_a_viewer_looks_and_takes_no_item_in_hand(app, store, queue):
    vi = logged_in(app, "vi")
    assert vi.get("/traces").status_code == 200
    assert vi.get("/label").status_code == 200
    refused = vi.get(f"/label/{queue.id}")
    assert refused.status_code == 403
    assert "A viewer may not label" in refused.text
    held = Desk(store).slots.of_items([i.id for i in Desk(store).queues.items(queue.id)])
    assert all(slot.annotator is None for slots in held.values() for slot in slots)


def test_an_editor_makes_queues_and_keeps_no_keys_of_providers(app):
    ed = logged_in(app, "ed")
    assert post(ed, "/label/from-traces", trace_id=trace_id(1)).status_code == 303
    assert post(ed, "/playground/keys", provider="openai", key="sk-secret").status_code == 403
    assert "an admin stores them" in ed.get("/playground").text
    assert 'name="key"' not in ed.get("/playground").text
    assert 'name="key"' in logged_in(app, "root").get("/playground").text
    assert post(logged_in(app, "root"), "/playground/keys", provider="openai", key="sk-secret").status_code != 403


def test_a_protected_label_of_a_prompt_is_moved_by_admins_and_the_history_says_who(app):
    ed, root = logged_in(app, "ed"), logged_in(app, "root")
    for text in ("one", "two"):
        form = {"name": "support", "kind": "text", "text": text, "label": "production"}
        assert post(ed, "/prompt-edit", **form).status_code == 303
    assert post(ed, "/prompt-protect", label="production", on="1").status_code == 403
    assert post(root, "/prompt-protect", label="production", on="1").status_code == 303
    move = {"name": "support", "label": "production", "version": "1"}
    refused = post(ed, "/prompt-label", **move)
    assert refused.status_code == 403
    assert "Only an admin can move it" in refused.text
    assert post(ed, "/prompt-label", name="support", label="staging", version="1").status_code == 303
    assert "production is protected: an admin moves it" in ed.get("/prompts/support?v=1").text
    assert "Lift the protection" not in ed.get("/prompts").text
    assert post(root, "/prompt-label", **move).status_code == 303
    history = root.get("/api/v1/prompts/support/history").json()["items"]
    moves = [(one["by"], one["label"], one["from"], one["to"]) for one in history]
    assert moves == [
        ("root", "production", 2, 1),
        ("ed", "staging", None, 1),
        ("ed", "production", 1, 2),
        ("ed", "production", None, 1),
    ]
    vi = logged_in(app, "vi")
    assert "Promote" not in vi.get("/prompts/support").text
    assert "/prompt-label" not in vi.get("/prompts/support").text


def test_who_is_not_among_the_names_of_a_queue_labels_nothing_in_it(app, store):
    targets = [Target(trace_id(0), span_id(0))]
    queue = Desk(store).queues.create("default", NewQueue("Bo's", people=People(names=("bo",))), targets)
    ana = logged_in(app, "ana")
    assert "not for you" in ana.get(f"/label/{queue.id}").text
    (item,) = Desk(store).queues.items(queue.id)
    refused = post(ana, f"/label/{queue.id}/items/{item.id}", key="k" * 16, q0="pass")
    assert refused.status_code == 403
    Users(store).add("bo", HASHED, "labeller")
    bo = logged_in(app, "bo")
    assert "for you" in bo.get("/label").text
    assert 'id="desk"' in bo.get(f"/label/{queue.id}").text


def test_nobody_speaks_for_somebody_else_over_the_api(app, queue):
    ana = logged_in(app, "ana")
    lease = f"/api/v1/queues/{queue.id}/lease"
    refused = ana.post(lease, json={"annotator": "ed"})
    assert (refused.status_code, refused.json()["error"]["message"]) == (403, "You are ana, not ed.")
    assert len(ana.post(lease, json={"annotator": "ana"}).json()["items"]) == 1


def test_an_act_of_somebody_else_is_not_a_labellers_to_take_back(app, store):
    where = {"trace_id": trace_id(2), "span_id": span_id(2), "name": "correct"}
    post(logged_in(app, "ed"), "/annotate", **where, key="e" * 16, verdict="pass")
    ana = logged_in(app, "ana")
    post(ana, "/annotate", **where, key="a" * 16, verdict="fail")
    of_ed, of_ana = (1, 2)
    assert post(ana, f"/annotate/undo/{of_ed}").status_code == 403
    assert post(ana, f"/annotate/undo/{of_ana}").status_code == 204
    (left,) = store.annotations("default", [trace_id(2)])[trace_id(2)]
    assert left.annotator.id == "ed"


def test_a_role_in_one_project_opens_that_one_alone(app, store):
    Users(store).add("cy", HASHED, "labeller", "other")
    cy = logged_in(app, "cy")
    assert 'data-project="other"' in cy.get("/traces").text  # the only one there is for them
    found = cy.get("/api/v1/traces").json()["items"]
    assert {one["trace_id"] for one in found} == {trace_id(4), trace_id(5)}
    assert cy.get("/traces?project=default").status_code == 403
    page = cy.get("/traces?project=other")
    assert "project=default" not in page.text
    queue = Desk(store).queues.create("default", NewQueue("Not theirs"), [Target(trace_id(0), span_id(0))])
    assert cy.get(f"/label/{queue.id}").status_code == 403
    Users(store).give("cy", "editor", "default")
    assert post(cy, "/label/from-traces", trace_id=trace_id(1)).status_code == 303
    assert post(cy, "/label/from-traces?project=other", trace_id=trace_id(4)).status_code == 403
    Users(store).give("cy", None, "default")
    Users(store).give("cy", None, "other")
    assert cy.get("/traces").status_code == 403


def test_a_new_password_and_a_removed_account_end_what_was_open(app, store):
    ana, ed = logged_in(app, "ana"), logged_in(app, "ed")
    Users(store).set_password("ana", hashed("another password"))
    assert ana.get("/label").status_code == 303
    assert logged_in(app, "ana").answer.status_code == 401
    assert logged_in(app, "ana", "another password").get("/label").status_code == 200
    Users(store).remove("ed")
    assert ed.get("/label").status_code == 303


def test_the_shared_password_takes_no_name_of_an_account(settings):
    app = create_app(dataclasses.replace(settings, password="the shared one"))
    with TestClient(app):
        Users(app.state.server.store).add("ana", HASHED, "labeller")
        shared = logged_in(app, "", "the shared one")
        assert shared.get("/traces").status_code == 200
        assert post(shared, "/label/name", name="ana").status_code == 403
        assert post(shared, "/label/name", name="bo").status_code == 303


def test_names_and_roles_that_cannot_be_are_refused(store):
    users = Users(store)
    with pytest.raises(Conflict):
        users.add("ana", HASHED, "viewer")
    for name in ("", "a,b", "local", "x" * 81):
        with pytest.raises(SpanwiseError):
            users.add(name, HASHED, "viewer")
    with pytest.raises(SpanwiseError):
        users.add("dee", HASHED, "boss")
    with pytest.raises(NotFound):
        users.give("dee", "viewer")
    assert [user.name for user in users.all()] == ["ana", "ed", "root", "vi"]
    assert [user.name for user in users.members("default")] == ["ana", "ed", "root"]


def test_each_role_may_more_than_the_one_before():
    assert access.ROLES == ROLES == tuple(RIGHTS)
    assert access.EVERYWHERE == EVERYWHERE
    assert [len(RIGHTS[role]) for role in ROLES] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("method", "path", "right"),
    [
        ("GET", "/label", "read"),
        ("GET", "/label/3", "label"),
        ("GET", "/label/3/events", "read"),
        ("POST", "/label/3/items/4", "label"),
        ("POST", "/label/3/settle/4", "write"),
        ("POST", "/label/3/delete", "write"),
        ("POST", "/api/v1/queues/3/items/4/label", "label"),
        ("POST", "/api/v1/queues/3/extend", "write"),
        ("DELETE", "/api/v1/queues/3", "write"),
        ("POST", "/annotate/remove", "write"),
        ("GET", "/api/v1/codes", "read"),
        ("GET", "/label/codes", "read"),
        ("POST", "/label/codes/act", "label"),
        ("POST", "/label/codes/queue", "write"),
        ("PATCH", "/api/v1/codes/3", "label"),
        ("POST", "/api/v1/codes/critiques/code", "label"),
        ("POST", "/api/v1/codes/3/queue", "write"),
        ("PUT", "/api/v1/prompts/protected/production", "admin"),
        ("POST", "/logout", "read"),
    ],
)
def test_a_request_needs_the_right_to_what_it_does(method, path, right):
    assert needed(method, path) == right
    assert right in WORDS


def test_accounts_are_made_listed_changed_and_removed_by_command(tmp_path, monkeypatch, capsys):
    data = ["--data", str(tmp_path)]

    def users(*words, said=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
        code = main(["users", *words, *data])
        return code, capsys.readouterr().out

    assert "no accounts" in users("list")[1]
    code, out = users("add", "ana", "--project", "acme", said=f"{PASSWORD}\n")
    assert (code, "ana can log in: labeller in acme." in out, "asks everybody for a login" in out) == (0, True, True)
    assert users("role", "ana", "viewer")[1] == "ana: viewer in every project, labeller in acme.\n"
    assert users("role", "ana", "none", "--project", "acme")[1] == "ana: viewer in every project.\n"
    assert "is set" in users("password", "ana", said="another password\n")[1]
    assert users("list")[1] == "ana  viewer in every project\n"
    assert "the labels stay" in users("remove", "ana")[1]
