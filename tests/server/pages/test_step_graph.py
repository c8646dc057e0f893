from __future__ import annotations

from server.pages.made import record, span_id
from spanwise_server.pages.step_graph import MOST_NODES, has_graph, step_graph
from spanwise_server.pages.waterfall import lay_out

LOOP = (
    record(1, None, "assistant", 0, 100, kind="agent"),
    record(2, 1, "plan", 0, 10, kind="llm", cost_nusd=5),
    record(3, 1, "search", 10, 10, kind="tool", status="error"),
    record(4, 1, "plan", 20, 10, kind="llm", cost_nusd=7),
    record(5, 1, "search", 30, 10, kind="tool"),
    record(6, 1, "plan", 40, 10, kind="llm", cost_nusd=9),
    record(7, 1, "answer", 50, 10, kind="llm", cost_nusd=11),
)


def drawn(records, number=1):
    graph = step_graph(lay_out(records).rows, span_id(number))
    names = {node.number: node.name for node in graph.nodes}
    return graph, {(names[e.source], names[e.target]): e for e in graph.edges}


def test_steps_of_one_name_are_one_node_with_all_their_runs():
    graph, _ = drawn(LOOP)
    plan = next(node for node in graph.nodes if node.name == "plan")
    assert [node.name for node in graph.nodes] == ["assistant", "plan", "search", "answer"]
    assert (plan.runs, plan.ms, plan.cost_nusd, plan.span_id) == (3, 30, 21, span_id(2))
    assert next(node for node in graph.nodes if node.name == "search").errors == 1


def test_loops_and_branches_are_counted():
    graph, edges = drawn(LOOP)
    assert {pair: e.times for pair, e in edges.items()} == {
        ("assistant", "plan"): 1,
        ("plan", "search"): 2,
        ("search", "plan"): 2,
        ("plan", "answer"): 1,
    }
    assert edges["plan", "search"].share == 2 / 3
    assert edges["assistant", "plan"].within
    assert not edges["plan", "answer"].within
    assert edges["search", "plan"].again == 2
    assert edges["search", "plan"].cost_nusd == 16
    assert graph.turns == 3


def test_steps_side_by_side_follow_the_same_step():
    _, edges = drawn(
        (
            record(1, None, "flow", 0, 100, kind="chain"),
            record(2, 1, "split", 0, 10, kind="chain"),
            record(3, 1, "left", 10, 30, kind="tool"),
            record(4, 1, "right", 11, 10, kind="tool"),
            record(5, 1, "join", 41, 10, kind="llm"),
        )
    )
    assert set(edges) == {("flow", "split"), ("split", "left"), ("split", "right"), ("left", "join")}


def test_a_step_within_itself_is_apart_from_the_span_whose_graph_it_is():
    graph, edges = drawn((record(1, None, "solve", 0, 100, kind="agent"), record(2, 1, "solve", 0, 50, kind="agent")))
    assert len(graph.nodes) == 2
    assert edges["solve", "solve"].source != edges["solve", "solve"].target


def test_only_what_is_below_the_span_is_drawn():
    records = (*LOOP, record(8, None, "other", 200, 10, kind="agent"), record(9, 8, "plan", 200, 5, kind="llm"))
    graph, _ = drawn(records, 8)
    assert [node.name for node in graph.nodes] == ["other", "plan"]
    assert graph.nodes[1].runs == 1


def test_too_many_steps_are_named_by_their_number():
    records = [record(1, None, "big", 0, 10_000, kind="chain")]
    records += [record(n, 1, f"step {n}", n, 1, kind="tool") for n in range(2, 102)]
    graph, _ = drawn(records)
    assert len(graph.nodes) == MOST_NODES
    assert graph.left_out == 101 - MOST_NODES


def test_agents_and_chains_with_steps_have_a_graph():
    assert has_graph(LOOP[0], LOOP)
    assert not has_graph(LOOP[1], LOOP)
    assert not has_graph(record(1, None, "alone", 0, 1, kind="agent"), (record(1, None, "alone", 0, 1),))
    assert step_graph(lay_out(LOOP).rows, "f" * 16).nodes == ()
