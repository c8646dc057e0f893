"""Numbers that no row can have, in every address and form, on every engine: refused, and never a failure of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, get_args, get_origin

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.testclient import TestClient

from clickhouse_server import emptied
from postgres_cluster import running
from shop_traces import shop_trace
from spanwise_server.app import ROUTERS, create_app
from spanwise_server.settings import Settings
from spanwise_server.store.engine import STORES
from store_engines import with_tables

#: Beyond 64 bits; beyond the 32 of a column that holds milliseconds; more digits than Python reads.
LARGE = (str(2**70), str(2**40), "9" * 5_000)
#: Streams that end with their reader, and what is not for people to post.
LEFT_OUT = {"/live", "/api/v1/experiments/run"}


@pytest.fixture(scope="module", params=STORES)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server over one engine, with a few traces, a queue and a dataset."""
    data = tmp_path_factory.mktemp("data")
    with ExitStack() as ends:
        url = {
            "sqlite": lambda: "",
            "postgresql": lambda: ends.enter_context(running().database()),
            "clickhouse": lambda: ends.enter_context(emptied(with_tables)),
        }[request.param]()
        settings = Settings(data=data, store=url) if url else Settings(data=data)
        app = create_app(settings)
        made = TestClient(app, base_url="http://127.0.0.1:4318", follow_redirects=False, raise_server_exceptions=False)
        client = ends.enter_context(made)
        app.state.server.store.write([span for n in range(2) for span in shop_trace(n)])
        assert client.post("/api/v1/queues", json={"name": "All", "filter": ""}).status_code == 201
        assert client.post("/api/v1/datasets", json={"name": "All"}).status_code == 201
        yield client


def is_number(annotation: Any) -> bool:
    """Return whether a parameter is a whole number, or a list of them, or none."""
    if get_origin(annotation) is not None:
        return any(is_number(one) for one in get_args(annotation))
    return annotation is int


def numbers_of(model: type[BaseModel], large: str) -> dict[str, Any]:
    """Return a body of *model* with every number large, and something in what is needed."""
    said: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if is_number(field.annotation):
            said[field.alias or name] = [int(large)] if "list" in str(field.annotation) else int(large)
        elif field.is_required():
            said[field.alias or name] = ["x"] if "list" in str(field.annotation) else "long enough"
    return said


def routes_of(router: Any) -> Iterator[APIRoute]:
    """Yield the routes of a router and of those it holds."""
    for one in router.routes:
        if isinstance(one, APIRoute):
            yield one
        elif hasattr(one, "original_router"):
            yield from routes_of(one.original_router)


def wanted(dependant: Any, place: str) -> Iterator[Any]:
    """Yield what a route takes in its path, query or body, and what that depends on takes."""
    yield from getattr(dependant, f"{place}_params")
    for one in dependant.dependencies:
        yield from wanted(one, place)


def body_of(params: list[Any], large: str) -> tuple[str, dict[str, Any]]:
    """Return how a route is sent something, and what, with every number of it large."""
    sent: dict[str, Any] = {}
    for one in params:
        annotation = one.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            sent |= numbers_of(annotation, large)
        elif is_number(annotation):
            sent[one.alias] = large
        elif one.field_info.is_required():
            sent[one.alias] = "x"
    return "data" if any(type(one.field_info).__name__ == "Form" for one in params) else "json", sent


def requests_of(large: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and what is sent, for every route that takes a number."""
    for route in (one for router in ROUTERS for one in routes_of(router)):
        if route.path in LEFT_OUT:
            continue
        wants = route.dependant
        named = {one.alias: large if is_number(one.field_info.annotation) else "x" for one in wanted(wants, "path")}
        asked = {one.alias: large for one in wanted(wants, "query") if is_number(one.field_info.annotation)}
        kind, sent = body_of(list(wanted(wants, "body")), large)
        if large not in [*named.values(), *asked.values(), *(str(value).strip("[]") for value in sent.values())]:
            continue
        for method in route.methods:
            path = route.path.replace(":path}", "}").format(**named)
            yield method, path, {"params": asked, **({} if method == "GET" else {kind: sent})}


def token(client: TestClient) -> str:
    found = client.get("/label").text.partition('name="csrf_token" value="')[2]
    return found.partition('"')[0]


@pytest.mark.parametrize("large", LARGE, ids=["70-bits", "40-bits", "5000-digits"])
def test_no_route_fails_on_a_large_number(served: TestClient, large: str) -> None:
    csrf, failed, seen = token(served), [], 0
    if len(large) > 4_000:  # as text in an address or form alone: JSON readers refuse it themselves
        every = [one for one in requests_of("7") if "json" not in one[2]]
        every = [(m, p.replace("/7", f"/{large}"), k) for m, p, k in every]
    else:
        every = list(requests_of(large))
    for method, path, sent in every:
        if "data" in sent:
            sent["data"] = {**sent["data"], "csrf_token": csrf}
        answer = served.request(method, path, headers={"x-csrf-token": csrf}, **sent)
        seen += 1
        if answer.status_code >= 500:
            failed.append((method, path[:60], sent, answer.status_code))
    assert failed == []
    assert seen > 40


@pytest.mark.parametrize("large", [str(2**70), "9" * 5_000], ids=["70-bits", "5000-digits"])
def test_a_form_with_a_large_number_in_it_is_refused_in_words(served: TestClient, large: str) -> None:
    csrf = token(served)
    asked = {"csrf_token": csrf, "filter": "", "recipe": "newest", "question": "Is it good?", "limit": "5"}
    answer = served.post("/label/from-filter", data={**asked, "rubric": large})
    assert answer.status_code in {400, 404, 422}
    assert "large" in answer.text or "number" in answer.text or "integer" in answer.text
    for path, fields in (
        ("/label/1/items/1", {"label": "pass", "key": "a-long-key", "ms_on_item": large}),
        ("/label/1/hold", {"items": f"{large},{large}"}),
        ("/label/codes/acts", {"do": f"uncode:{large}:x", "key": "a-long-key"}),
        ("/label/codes/acts", {"do": "merge:1", "into": large, "key": "a-long-key"}),
        ("/rubrics/new", {"count": large, "do": f"drop:{large}"}),
        ("/datasets/1/splits", {"shares": f"train {large}"}),
        ("/traces/undo", {"act": "tag", "n": large}),
    ):
        assert served.post(path, data={"csrf_token": csrf, **fields}).status_code < 500, path
    for path in (
        f"/label?rubric={large}",
        f"/label/codes?view={large}&queue={large}&rubric={large}&offset={large}",
        f"/dashboard?calls={large}",
        f"/datasets/1?version={large}&page={large}",
        f"/datasets/1/diff?before={large}&after=v{large}",
        f"/prompts/x?v={large}&against={large}",
        f"/dashboard/steps?name=x&times={large}&page={large}",
        f"/traces?cursor={large}",
        f"/sessions?cursor={large}",
        f"/playground?dataset={large}&example={large}&prompt=x&version={large}",
    ):
        assert served.get(path).status_code < 500, path
