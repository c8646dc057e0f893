"""Context, spans by hand and prompts."""

from __future__ import annotations

import asyncio
import pickle

import pytest

import spanwise
from fake_provider import Answer

USER = [{"role": "user", "content": "Go on"}]


def test_context_is_on_every_span_inside(spans, openai_client):
    with spanwise.context(session_id="s1", user_id="u1", tags=["a"], metadata={"plan": "pro"}, environment="test"):
        with spanwise.context(tags=["b", "a"], metadata={"trial": False}, user_id="u2"):
            openai_client.chat.completions.create(model="m", messages=USER)
        with spanwise.span("work"):
            pass
    with spanwise.span("outside"):
        pass
    inner = spans.named("chat m").attributes
    assert inner["session.id"] == inner["gen_ai.conversation.id"] == "s1"
    assert inner["user.id"] == "u2"
    assert inner["spanwise.tags"] == ("a", "b")
    assert inner["spanwise.metadata"] == '{"plan":"pro","trial":false}'
    assert inner["deployment.environment.name"] == "test"
    work = spans.named("work").attributes
    assert work["user.id"] == "u1"
    assert work["spanwise.tags"] == ("a",)
    assert "session.id" not in spans.named("outside").attributes


def test_context_follows_tasks_and_stays_apart_between_them(spans):
    async def request(name):
        async with spanwise.context(session_id=name, tags="x"):
            await asyncio.sleep(0)
            async with spanwise.span(name):
                await asyncio.sleep(0)

    async def go():
        await asyncio.gather(request("one"), request("two"))

    asyncio.run(go())
    assert spans.named("one").attributes["session.id"] == "one"
    assert spans.named("two").attributes["session.id"] == "two"
    assert spans.named("two").attributes["spanwise.tags"] == ("x",)


def test_one_prompt_and_one_context_can_be_used_by_many_tasks_at_once(spans, openai_client):
    shared = spanwise.prompt("shared", "Hi")
    around = spanwise.context(tags=["shared"])

    async def request(number):
        with spanwise.prompt(f"outer {number}", "Hi"), spanwise.context(session_id=f"s{number}"):
            with around, shared:
                await asyncio.sleep(0.001 * number)
            with spanwise.span(f"after {number}"):
                await asyncio.to_thread(openai_client.chat.completions.create, model="m", messages=USER)

    async def go():
        await asyncio.gather(*(request(number) for number in range(3)))

    asyncio.run(go())
    calls = [span.attributes for span in spans.all() if span.name == "chat m"]
    assert {(a["gen_ai.prompt.name"], a["session.id"]) for a in calls} == {(f"outer {n}", f"s{n}") for n in range(3)}
    assert not any("spanwise.tags" in a for a in calls)


def test_context_is_on_spans_of_other_libraries_too(spans):
    from opentelemetry import trace

    with spanwise.context(session_id="s1"):
        trace.get_tracer("openinference.other").start_span("theirs").end()
    assert spans.one().attributes["session.id"] == "s1"


def test_a_span_says_what_it_is_told(spans):
    with spanwise.span("rerank", kind="reranker", input={"q": 1}, attributes={"mine": 7}) as span:
        span.set_output([1]).set_model("rerank-3", provider="cohere")
        span.set_usage(input_tokens=5, output_tokens=0, cache_read_tokens=1, cache_write_tokens=2, reasoning_tokens=3)
        span.set("flag", True).set("list", [1, {"a": 2}])
        assert spanwise.current_span().trace_id == span.trace_id
    said = spans.attributes()
    assert said["spanwise.kind"] == "reranker"
    assert said["mine"] == 7
    assert said["spanwise.input"] == '{"q":1}'
    assert said["spanwise.output"] == "[1]"
    assert said["gen_ai.request.model"] == "rerank-3"
    assert said["gen_ai.provider.name"] == "cohere"
    assert said["gen_ai.usage.output_tokens"] == 0, "0 is said"
    assert said["gen_ai.usage.cache_write.input_tokens"] == 2
    assert said["flag"] is True
    assert said["list"] == '[1,{"a":2}]'


def test_an_agent_span_has_its_name(spans):
    with spanwise.span("planner", kind="agent") as span:
        span.set_documents("no list")
    assert spans.attributes()["gen_ai.agent.name"] == "planner"
    assert spans.attributes()["gen_ai.operation.name"] == "invoke_agent"
    assert spans.json("gen_ai.retrieval.documents") == "no list"


def test_a_failing_block_says_so_and_raises_the_same(spans):
    mine = KeyError("x")
    with pytest.raises(KeyError) as raised, spanwise.span("work"):
        raise mine
    assert raised.value is mine
    assert spans.one().attributes["error.type"] == "KeyError"


def test_a_failure_that_is_handled_can_be_told(spans):
    with spanwise.span("work") as span:
        span.fail(ValueError())
    assert spans.one().status.description == "ValueError"


def test_the_end_of_the_program_is_no_failure(spans):
    with pytest.raises(SystemExit), spanwise.span("main"):
        raise SystemExit(0)
    assert spans.one().status.is_unset


def test_the_current_span_answers_for_tools(spans):
    @spanwise.observe(kind="tool", name="t", capture_output=False)
    def tool():
        spanwise.current_span().set_output("mine")

    tool()
    assert spans.json("gen_ai.tool.call.result") == "mine"
    assert spanwise.current_span().trace_id == "0" * 32


# --- prompts ---------------------------------------------------------------------------------------


def test_a_prompt_is_text_that_knows_where_it_comes_from():
    made = spanwise.prompt("greet", "Hello {{ who }}, {{n}} {json} {{}}", who="Ann", n=2)
    assert made == "Hello Ann, 2 {json} {{}}"
    assert isinstance(made, str)
    assert made.prompt.name == "greet"
    assert made.prompt.version == made.prompt.hash[:12]
    assert spanwise.prompt("greet", "Hello {{ who }}", who="Bo").prompt.hash != made.prompt.hash
    assert spanwise.prompt("greet", "Hello", version=3).prompt.version == "3"
    assert pickle.loads(pickle.dumps(made)).prompt == made.prompt


def test_a_prompt_without_its_variables_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"The prompt 'greet' needs a value for \{\{who\}\}\."):
        spanwise.prompt("greet", "Hello {{who}}")


def test_variables_may_have_the_names_of_arguments():
    assert spanwise.prompt("p", "{{name}} {{version}}", variables={"name": "a", "version": "b"}) == "a b"
    assert spanwise.prompt("p", "{{name}}", name="a") == "a"


def check_prompt(spans, template) -> None:
    said = spans.attributes()
    assert said["gen_ai.prompt.name"] == "greet"
    assert said["spanwise.prompt.version"] == "7"
    assert len(said["spanwise.prompt.hash"]) == 64
    assert said["spanwise.prompt.template"] == template
    assert spans.json("spanwise.prompt.variables") == {"who": "Ann"}
    spans.clear()


def test_a_prompt_is_on_the_span_of_the_call_that_uses_it(spans, openai_client, anthropic_client):
    template = "Hello {{who}}"
    made = spanwise.prompt("greet", template, version=7, who="Ann")
    chat, claude = openai_client.chat.completions, anthropic_client.messages
    chat.create(model="m", messages=[{"role": "system", "content": made}, *USER])
    check_prompt(spans, template)
    chat.create(model="m", messages=[{"role": "user", "content": [{"type": "text", "text": made}]}])
    check_prompt(spans, template)
    list(chat.create(model="m", messages=[{"role": "user", "content": made}], stream=True))
    check_prompt(spans, template)
    openai_client.responses.create(model="m", input="Go on", instructions=made)
    check_prompt(spans, template)
    openai_client.responses.create(model="m", input=made)
    check_prompt(spans, template)
    openai_client.embeddings.create(model="m", input=[made])
    check_prompt(spans, template)
    claude.create(model="m", max_tokens=9, messages=USER, system=made)
    check_prompt(spans, template)
    claude.create(model="m", max_tokens=9, messages=USER, system=[{"type": "text", "text": made}])
    check_prompt(spans, template)
    claude.create(model="m", max_tokens=9, messages=[{"role": "user", "content": made}])
    check_prompt(spans, template)
    with made:
        claude.create(model="m", max_tokens=9, messages=[{"role": "user", "content": f"Say: {made}"}])
    check_prompt(spans, template)
    claude.create(model="m", max_tokens=9, messages=USER)
    assert "gen_ai.prompt.name" not in spans.attributes()


def test_messages_can_be_a_prompt(spans, openai_client):
    template = [
        {"role": "system", "content": "Be kind to {{who}}"},
        {"role": "user", "content": [{"type": "text", "text": "I am {{who}}"}, {"type": "image_url", "image_url": {}}]},
        {"role": "assistant", "content": None},
    ]
    made = spanwise.prompt("greet", template, version=7, who="Ann")
    assert made[0] == {"role": "system", "content": "Be kind to Ann"}
    assert made[1]["content"][0]["text"] == "I am Ann"
    assert template[0]["content"] == "Be kind to {{who}}"
    openai_client.chat.completions.create(model="m", messages=[*made[:1], *USER])
    assert spans.json("spanwise.prompt.template") == template
    assert spans.attributes()["spanwise.prompt.version"] == "7"
    spans.clear()
    with made:
        openai_client.chat.completions.create(model="m", messages=USER)
    assert spans.attributes()["gen_ai.prompt.name"] == "greet"


def test_what_goes_to_the_provider_is_plain_text(spans, provider, openai_client):
    provider.answer = lambda _: Answer(text="ok")
    made = spanwise.prompt("greet", "Hello {{who}}", who="Ann")
    openai_client.chat.completions.create(model="m", messages=[{"role": "user", "content": made}])
    assert provider.requests[0].body["messages"] == [{"role": "user", "content": "Hello Ann"}]
