"""A graph of LangGraph whose nodes ask OpenAI's client themselves: ``python langgraph_run.py``."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Annotated, TypedDict

import openai
import said
import tracing
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from opentelemetry import trace


class State(TypedDict, total=False):
    """What goes from node to node."""

    question: str
    answers: Annotated[list[str], lambda one, other: one + other]


class Atlas(BaseRetriever):
    """Finds one page."""

    def _get_relevant_documents(self, query, *, run_manager):
        return [Document("Oslo lies by a fjord.", metadata={"page": 7})]


def message(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def find(state: State) -> State:
    """Look it up."""
    return {"answers": [Atlas().invoke(state["question"])[0].page_content]}


def ask(state: State) -> State:
    """Ask, in a thread of the graph's."""
    client = openai.OpenAI(max_retries=0)
    answer = client.chat.completions.create(model=said.MODEL, messages=message(state["question"]))
    return {"answers": [answer.choices[0].message.content]}


async def ask_in_a_task(state: State) -> State:
    """Ask, in a task of the graph's."""
    client = openai.AsyncOpenAI(max_retries=0)
    answer = await client.chat.completions.create(model=said.MODEL, messages=message(said.MANUAL))
    return {"answers": [answer.choices[0].message.content]}


def wait(state: State) -> State:
    """Wait for somebody's word."""
    return {"answers": [str(interrupt("Go on?"))]}


def graph(name: str, *nodes, saver=None):
    """Return a graph of nodes one after the other."""
    made = StateGraph(State)
    before = START
    for node in nodes:
        made.add_node(node.__name__, node)
        made.add_edge(before, node.__name__)
        before = node.__name__
    made.add_edge(before, END)
    return made.compile(name=name, checkpointer=saver)


def outside() -> bool:
    """Say whether the program is in no span, as it has to be between its calls."""
    return not trace.get_current_span().get_span_context().is_valid


def main() -> None:
    """Invoke, stream, leave a stream, run in a loop, wait and go on."""
    spans = tracing.start()
    researcher = graph("researcher", find, ask)
    researcher.invoke({"question": said.PLAIN})
    assert outside()
    for _ in researcher.stream({"question": said.PLAIN}):
        pass
    assert outside()
    context = contextvars.copy_context()
    for _ in context.run(researcher.stream, {"question": said.PLAIN}):
        break
    assert outside()
    asyncio.run(graph("hurried", ask_in_a_task).ainvoke({"question": said.PLAIN}))
    patient = graph("patient", wait, saver=InMemorySaver())
    thread = {"configurable": {"thread_id": said.SESSION}, "tags": ["red"], "metadata": {"plan": said.PLAN}}
    patient.invoke({"question": said.PLAIN}, thread)
    patient.invoke(Command(resume="yes"), thread)
    spans.shutdown()


main()
