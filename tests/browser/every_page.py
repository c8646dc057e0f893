"""Every page of the viewer by name, for what has to hold on each of them: pictures, and reading without scripts."""

from __future__ import annotations

from contextlib import closing
from typing import Any, Final

import httpx

from browser.conftest import PROJECT
from server_process import ServerProcess

#: Pages that an empty project has too.
PLACES: Final = {
    "traces": "/traces",
    "sessions": "/sessions",
    "dashboard": "/dashboard",
    "calls": "/dashboard/calls",
    "steps": "/steps",
    "alerts": "/dashboard/alerts",
    "alert-channels": "/dashboard/alerts/channels",
    "alert-new": "/dashboard/alerts/new",
    "search": "/search",
    "prompts": "/prompts",
    "playground": "/playground",
    "label": "/label",
    "rubrics": "/rubrics",
    "datasets": "/datasets",
    "experiments": "/experiments",
    "settings": "/settings",
    "help": "/help",
}
#: Places that have a range of time.
RANGED: Final = frozenset({"traces", "sessions", "dashboard", "calls", "steps"})


class World:
    """A server with the example app's project, and in it a queue, a dataset and two experiments, made as needed."""

    def __init__(self, server: ServerProcess) -> None:
        self._client = httpx.Client(base_url=server.url, params={"project": PROJECT}, timeout=60)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def asked(self, path: str, **params: str) -> Any:
        """Return what the API answers."""
        return self._client.get(path, params=params).raise_for_status().json()

    def made(self, path: str, body: dict[str, Any]) -> Any:
        """Return what the API answers to a post."""
        return self._client.post(path, json=body).raise_for_status().json()

    def queue(self) -> int:
        """Return the number of a queue with two items labelled."""
        queue = self.made("/api/v1/queues", {"name": "Answers of the week", "filter": "kind:llm prompt:support"})
        items = self.asked(f"/api/v1/queues/{queue['id']}")["items"]
        for item, label in zip(items, ("pass", "fail"), strict=False):
            given = {
                "annotator": "ana",
                "label": label,
                "explanation": "Promises what no tool said." if label == "fail" else "",
            }
            self.made(f"/api/v1/queues/{queue['id']}/items/{item['id']}/label", given)
        return int(queue["id"])

    def dataset(self, queue: int) -> tuple[int, list[int]]:
        """Return the number of a dataset with examples, and those of two experiments over it."""
        asked = {"name": "Support answers", "examples": {"queue_id": queue}}
        dataset = self.made("/api/v1/datasets", asked)
        rows = self.asked(f"/api/v1/datasets/{dataset['id']}/examples", limit="20")["items"]
        runs = []
        for name, failing in (("support 6", 4), ("support 7", 1)):
            results = [
                {"example_id": str(row["id"]), "passed": n >= failing, "output": f"An answer, {n}", "cost_usd": 0.0004}
                for n, row in enumerate(rows)
            ]
            run = {"name": name, "dataset": "Support answers", "results": results}
            runs.append(int(self.made("/api/v1/experiments", run)["id"]))
        return int(dataset["id"]), runs

    def alerts(self) -> None:
        """Keep a budget that is spent and tells nobody, and a rule that no span breaks and that has a channel."""
        hook = {"kind": "webhook", "name": "On call", "target": "https://hooks.example.com/support"}
        channel = self.made("/api/v1/alerts/channels", hook)["id"]
        spent = {"name": "Cost of the month", "measure": "cost_usd", "threshold": 0.25, "window": "month"}
        self.made("/api/v1/alerts/rules", spent)
        calm = {"name": "Failing answers", "measure": "error_rate", "threshold": 0.9, "window": "24h"}
        self.made("/api/v1/alerts/rules", {**calm, "channels": [channel]})


def every_page(server: ServerProcess) -> dict[str, str]:
    """Return the full pages by name: the places, and one of each thing that they lead to."""
    with closing(World(server)) as world:
        return _pages(world)


def _pages(world: World) -> dict[str, str]:
    agents = world.asked("/api/v1/traces", filter="root:kind:agent", limit="60")["items"]
    trace = max(agents, key=lambda one: one["span_count"])["trace_id"]
    other = next(one["trace_id"] for one in agents if one["trace_id"] != trace)
    spans = world.asked(f"/api/v1/traces/{trace}")["spans"]
    calls = [f"{s['trace_id']}:{s['span_id']}" for s in spans if s["kind"] == "llm"]
    tool = next(s["name"] for s in spans if s["kind"] == "tool")
    session = world.asked("/api/v1/sessions", limit="1")["items"][0]["session_id"]
    call = calls[-1].partition(":")[2]
    queue = world.queue()
    world.alerts()
    dataset, (before, after) = world.dataset(queue)
    example = world.asked(f"/api/v1/datasets/{dataset}/examples", limit="1")["items"][0]["id"]
    found = {name: f"{path}?range=all" if name in RANGED else path for name, path in PLACES.items()}
    tabs = ("io", "messages", "prompt", "attributes")
    return found | {
        "filtered": "/traces?range=all&filter=kind:tool",
        "nothing": "/traces?range=all&filter=user:nobody",
        "trace": f"/traces/{trace}",
        "graph": f"/traces/{trace}?tab=graph",
        "labels": f"/traces/{trace}?span={call}&tab=labels",
        **{f"span-{tab}": f"/traces/{trace}?span={call}&tab={tab}" for tab in tabs},
        "compare": f"/compare?a={trace}&b={other}",
        "compare-with": f"/compare?a={trace}",
        "compare-spans": f"/compare/spans?a={calls[0]}&b={calls[-1]}",
        "compare-prompts": "/compare/prompts?prompt=support",
        "session": f"/sessions/one?id={session}",
        "step": f"/steps/{tool}?range=all",
        "step-spans": f"/dashboard/steps?name={tool}&range=all",
        "prompt": "/prompts/support",
        "replay": f"/playground?trace={trace}&span={call}",
        "queue": f"/label/{queue}",
        "queue-events": f"/label/{queue}/events",
        "queue-agreement": f"/label/{queue}/agreement",
        "rubric-new": "/rubrics/new",
        "dataset": f"/datasets/{dataset}",
        "dataset-example": f"/datasets/{dataset}/examples/{example}",
        "experiment": f"/experiments/{after}",
        "experiment-compare": f"/experiments/compare?before={before}&after={after}",
        "found": "/search?q=refund",
        "help-page": "/help/viewer",
        "help-table": "/help/dialects",
        "not-found": f"/traces/{'f' * 32}",
    }
