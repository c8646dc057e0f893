"""A call tells its prompt whatever lies between: threads, tasks, generators, frameworks that copy texts."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

import spanwise
from spanwise.prompts import find_prompt

SYSTEM = "You are the support assistant of {{company}}. Be brief and kind."


def linked(spans) -> list[tuple[str, str, str]]:
    """Return prompt, version and company of each call."""
    found = []
    for span in spans.all():
        said = dict(span.attributes or {})
        if "spanwise.prompt.version" in said:
            values = json.loads(said["spanwise.prompt.variables"])
            found.append((said["gen_ai.prompt.name"], said["spanwise.prompt.version"], values["company"]))
    return found


def call(client, system) -> None:
    client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "system", "content": system}, {"role": "user", "content": "Hello"}]
    )


def system(company: str):
    return spanwise.prompt("support", SYSTEM, version=7, company=company)


def test_through_threads(spans, openai_client) -> None:
    made = system("Acme")
    thread = threading.Thread(target=call, args=(openai_client, made))
    thread.start()
    thread.join()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: call(openai_client, system(f"Acme {n}")), range(8)))
    assert sorted(linked(spans)) == sorted(
        [("support", "7", "Acme"), *(("support", "7", f"Acme {n}") for n in range(8))]
    )


def test_through_tasks_each_with_its_own(spans, provider) -> None:
    client = openai.AsyncOpenAI(api_key="k", base_url=provider.openai_url)

    async def ask(company: str) -> None:
        made = system(company)
        await asyncio.sleep(0)
        with made:
            await client.chat.completions.create(
                model="gpt-4o-mini", messages=[{"role": "user", "content": f"{made} Hello"}]
            )

    async def program() -> None:
        await asyncio.gather(*(asyncio.create_task(ask(f"Acme {n}")) for n in range(6)))
        await client.close()

    asyncio.run(program())
    assert sorted(linked(spans)) == [("support", "7", f"Acme {n}") for n in range(6)]


def test_through_a_generator_that_is_left_halfway(spans, openai_client) -> None:
    def conversation():
        with system("Acme") as made:
            while True:
                call(openai_client, str(made) + " ")
                yield

    steps = conversation()
    next(steps)
    next(steps)
    steps.close()
    call(openai_client, "Nothing of any prompt at all")
    assert linked(spans) == [("support", "7", "Acme")] * 2


def test_a_copied_text_is_known_and_one_that_merely_begins_so_is_not(spans, openai_client) -> None:
    made = system("Acme")
    call(openai_client, "".join(list(made)))
    call(openai_client, f"{made} And more.")
    assert linked(spans) == [("support", "7", "Acme")]


def test_a_text_that_is_all_variable_is_nobodys(spans) -> None:
    spanwise.prompt("echo", "{{question}}", question="Where is my order, please?")
    assert find_prompt("Where is my order, please?") is None


def test_through_langchain(spans, provider) -> None:
    from langchain_core.messages import HumanMessage, SystemMessage
    from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(model="gpt-4o-mini", base_url=provider.openai_url, api_key="sk-test")
    model.invoke([SystemMessage(content=system("Acme")), HumanMessage(content="Hello")])
    chain = ChatPromptTemplate.from_messages([MessagesPlaceholder("talk"), ("user", "{question}")]) | model
    chain.invoke({"talk": [SystemMessage(content=str(system("Bolt")))], "question": "Hello"})
    list(chain.stream({"talk": [SystemMessage(content=system("Cog"))], "question": "Hello"}))
    chain.batch([{"talk": [SystemMessage(content=system(f"D{n}"))], "question": "Hello"} for n in range(3)])
    asyncio.run(chain.ainvoke({"talk": [SystemMessage(content=system("Eve"))], "question": "Hello"}))
    companies = sorted(company for _, _, company in linked(spans))
    assert companies == ["Acme", "Bolt", "Cog", "D0", "D1", "D2", "Eve"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::ResourceWarning")
def test_through_litellm(spans, provider, monkeypatch) -> None:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # nothing is looked up elsewhere
    import litellm

    asked = {"model": "openai/gpt-4o-mini", "api_base": provider.openai_url, "api_key": "sk-test"}

    def messages(company: str) -> list[dict[str, str]]:
        return [{"role": "system", "content": system(company)}, {"role": "user", "content": "Hello"}]

    litellm.completion(messages=messages("Acme"), **asked)
    for _ in litellm.completion(messages=messages("Bolt"), stream=True, **asked):
        pass
    asyncio.run(litellm.acompletion(messages=messages("Cog"), **asked))
    assert sorted(company for _, _, company in linked(spans)) == ["Acme", "Bolt", "Cog"]


def test_through_a_span_of_the_application_itself(spans) -> None:
    text = spanwise.prompt("support", "You work for {{company}}. Be brief.", company="Acme")
    with text, spanwise.span("own client", kind="llm"):
        pass
    with spanwise.span("own client", kind="llm") as called:
        called.set_input([{"role": "system", "content": text}])
    with text, spanwise.span("look up", kind="tool"):
        pass
    said = [span.attributes.get("gen_ai.prompt.name") for span in spans.all()]
    assert said == ["support", "support", None]
