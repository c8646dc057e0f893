"""The filter language: what is read, what is refused and where, and that a tree written is the tree read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanwise_server.errors import FilterError
from spanwise_server.query.filters import EVERYTHING, FIELDS, HELD, And, Filter, Not, OneSpan, Or, Term, Text
from spanwise_server.query.parse import DEEPEST, parse, spans
from spanwise_server.query.parse import format as written
from spanwise_server.query.values import distance


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_every_field_reads_its_own_example(field):
    tree = parse(field.example)
    assert isinstance(tree, Term)
    assert tree.field == field.name
    assert parse(written(tree)) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", EVERYTHING),
        ("kind:llm", Term("kind", "=", ("llm",))),
        ("model:gpt-4o,claude", Term("model", "=", ("gpt-4o", "claude"))),
        ("model:gpt-4o*", Term("model", "like", ("gpt-4o*",))),
        ("model:gpt-4o,claude*", Term("model", "like", ("gpt-4o", "claude*"))),
        ('name:"a*",b*', Or((Term("name", "like", ("b*",)), Term("name", "=", ("a*",))))),
        ('user:"ann b"', Term("user", "=", ("ann b",))),
        ('user:"say \\"hi\\""', Term("user", "=", ('say "hi"',))),
        ('user:""', Term("user", "=", ("",))),
        ('name:"answer the"*', Term("name", "like", ("answer the*",))),
        ("cost>0.01", Term("cost", ">", (0.01,))),
        ("cost<=$2", Term("cost", "<=", (2.0,))),
        ("latency>2s", Term("latency", ">", (2_000.0,))),
        ("latency>=1.5m", Term("latency", ">=", (90_000.0,))),
        ("latency<300ms", Term("latency", "<", (300.0,))),
        ("latency>1h", Term("latency", ">", (3_600_000.0,))),
        ("tokens>=100", Term("tokens", ">=", (100.0,))),
        ("tokens>10k", Term("tokens", ">", (10_000.0,))),
        ("tokens:0", Term("tokens", "=", (0.0,))),
        ("latency:1s..5s", And((Term("latency", ">=", (1_000.0,)), Term("latency", "<=", (5_000.0,))))),
        ("cost:..$0.01", Term("cost", "<=", (0.01,))),
        ("tokens:10k..", Term("tokens", ">=", (10_000.0,))),
        ("tokens:0,5..", Or((Term("tokens", ">=", (5.0,)), Term("tokens", "=", (0.0,))))),
        ("-tokens:1..2", Not(And((Term("tokens", ">=", (1.0,)), Term("tokens", "<=", (2.0,)))))),
        ("prompt:support@7", Term("prompt", "=", ("support@7",))),
        ("label.correct:fail", Term("label.correct", "=", ("fail",))),
        ("label.is-polite:pass,*x", Term("label.is-polite", "like", ("pass", "*x"))),
        ("label.quality>=4", Term("label.quality", ">=", (4.0,))),
        ("-label.correct:*", Not(Term("label.correct", "like", ("*",)))),
        ("attr.tenant:t7", Term("attr.tenant", "=", ("t7",))),
        ("attr.app/x-id@2:a*", Term("attr.app/x-id@2", "like", ("a*",))),
        ("meta.retries>3", Term("meta.retries", ">", (3.0,))),
        ("has:correction,label", Term("has", "=", ("correction", "label"))),
        ("has:user", Term("user", "like", ("*",))),
        ("has:cost,score", Or((Term("cost", ">=", (0.0,)), Term("has", "=", ("score",))))),
        ("refund", Text("refund")),
        ('"refund policy"', Text("refund policy")),
        ("refund policy", And((Text("refund"), Text("policy")))),
        ("root:kind:llm b", And((OneSpan("root", Term("kind", "=", ("llm",))), Text("b")))),
        ("any:(kind:llm b)", OneSpan("any", And((Term("kind", "=", ("llm",)), Text("b"))))),
        ("-any:-kind:llm", Not(OneSpan("any", Not(Term("kind", "=", ("llm",)))))),
        ("any:root:b", OneSpan("any", OneSpan("root", Text("b")))),
        ('"any:b"', Text("any:b")),
        ("-env:dev", Not(Term("env", "=", ("dev",)))),
        ("NOT env:dev", Not(Term("env", "=", ("dev",)))),
        ("well-known", Text("well-known")),
        ("a OR b c", Or((Text("a"), And((Text("b"), Text("c")))))),
        ("(a OR b) c", And((Or((Text("a"), Text("b"))), Text("c")))),
        ("a AND (b AND c)", And((Text("a"), Text("b"), Text("c")))),
        ("-(a OR b)", Not(Or((Text("a"), Text("b"))))),
        ("or and not", And((Text("or"), Text("and"), Text("not")))),
    ],
)
def test_a_text_means(text, tree):
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("modle:gpt", 0, "Did you mean model?"),
        ("kind:llm ussr:x", 9, "Did you mean user?"),
        ("zzzzzz:x", 0, "Fields are kind"),
        ("user:", 5, "needs a value"),
        ("user:a,", 7, "needs a value"),
        ("latency>2", 8, "needs a unit"),
        ("latency>2d", 8, "'d' is not a unit"),
        ("cost>cheap", 5, "is not a number"),
        ("tokens>$5", 7, "is not a number"),
        ("tokens>5,6", 9, "one value"),
        ("model>gpt", 5, "cannot be compared"),
        ("latency:1s..5", 12, "needs a unit"),
        ("tokens:5..1", 7, "tokens:1..5"),
        ("tokens:..", 7, "has no ends"),
        ("tokens>1..5", 7, "Write tokens:1..5."),
        ("has:labl", 4, "has:label?"),
        ("has:everything", 4, "There are label, correction"),
        ("has:la*", 4, "has:la*"),
        ("label.:x", 0, "Did you mean label?"),
        ("lable.correct:fail", 0, "Did you mean label.correct?"),
        ("kind:llm atrr.Tenant:t7", 9, "Did you mean attr.Tenant?"),
        ("metadata.plan:pro", 0, "Did you mean meta.plan?"),
        ("attr.:x", 0, "A key stands behind the dot, such as attr.tenant:t7."),
        ("zzzzzz.x:y", 0, "attr.tenant, meta.plan"),
        ("label.quality>good", 14, "is not a number"),
        ("label.quality>1,2", 16, "one value"),
        ("(a b", 0, "never closed"),
        ("a b)", 3, "closes nothing"),
        ("()", 1, "Nothing stands before this bracket"),
        ("a OR", 4, "missing at the end"),
        ("kind:llm any:", 13, "Something is missing at the end"),
        ("AND a", 0, "Nothing stands before this AND"),
        ('x "open', 2, "never closed"),
        ('user:"open', 5, "never closed"),
        ('""', 0, "empty"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, position, says):
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert caught.value.position == position
    assert says in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("kind:llm ussr:ana OR x", "kind:llm user:ana OR x"),
        ("modle:gpt", "model:gpt"),
        ("-(lable.correct:fail)", "-(label.correct:fail)"),
        ("kind:llm atrr.Tenant:t7", "kind:llm attr.Tenant:t7"),
        ("has:eror", "has:error"),
        ("zzzzzzzz:1", None),
        ("cost>>1", None),
    ],
)
def test_a_word_that_was_meant_can_be_put_in_the_wrong_ones_place(text, mended):
    with pytest.raises(FilterError) as refused:
        parse(text)
    assert refused.value.mended(text) == mended
    assert refused.value.mended("another text") is None


def test_a_filter_too_long_or_too_deep_is_refused():
    with pytest.raises(FilterError, match="longer"):
        parse("a" * 20_000)
    with pytest.raises(FilterError, match="deep"):
        parse("(" * (DEEPEST + 1) + "a" + ")" * (DEEPEST + 1))


def test_spans_are_the_terms_that_can_be_taken_out():
    text = ' kind:llm  -env:dev "a b" (x OR y) NOT z modle:q AND w'
    found = spans(text)
    assert [span.text for span in found] == ["kind:llm", "-env:dev", '"a b"', "(x OR y)", "NOT z", "modle:q", "w"]
    assert [span.negated for span in found] == [False, True, False, False, True, False, False]
    assert all(text[span.start : span.end] == span.text for span in found)
    assert [span.text for span in found if span.error] == ["modle:q"]
    assert found[5].position == text.index("modle")


def test_a_text_with_or_outside_brackets_is_one_span():
    assert [span.text for span in spans("a OR b c")] == ["a OR b c"]


def test_brackets_that_do_not_match_are_one_span_with_its_error():
    (span,) = spans("a (b")
    assert span.error
    assert span.position == 2


def test_a_swap_of_two_letters_is_one_mistake():
    assert distance("modle", "model") == 1
    assert distance("", "abc") == 3


VALUES = st.text(min_size=1, max_size=8)
PATTERNS = st.builds("{}*{}".format, st.text('ab "\\(),:é', max_size=4), st.text("ab ", max_size=3))
NUMBERS = st.one_of(st.integers(0, 10**7).map(float), st.floats(0, 1e7).map(lambda n: round(n, 6)))


def terms() -> st.SearchStrategy[Term]:
    names = st.sampled_from([*sorted(FIELDS), "label.correct", "label.is-polite", "attr.a/b", "meta.plan"])

    def of(name: str) -> st.SearchStrategy[Term]:
        if name == "has":
            return st.permutations(HELD).map(lambda held: Term("has", "=", tuple(held[:2])))
        if name not in FIELDS or FIELDS[name].type == "text":
            exact = st.lists(VALUES, min_size=1, max_size=3).map(lambda v: Term(name, "=", tuple(v)))
            return exact | st.lists(PATTERNS, min_size=1, max_size=3).map(lambda v: Term(name, "like", tuple(v)))
        compared = st.sampled_from((">", ">=", "<", "<="))
        return st.builds(lambda o, n: Term(name, o, (n,)), compared, NUMBERS) | st.lists(
            NUMBERS, min_size=1, max_size=3
        ).map(lambda v: Term(name, "=", tuple(v)))

    return names.flatmap(of)


def several(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[tuple[Filter, ...]]:
    return st.lists(inner, min_size=2, max_size=3).map(tuple)


def trees() -> st.SearchStrategy[Filter]:
    leaves = terms() | st.text(min_size=1, max_size=8).filter(str.strip).map(Text)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            inner.map(Not),
            st.builds(OneSpan, st.sampled_from(["root", "any"]), inner),
            several(inner.filter(lambda t: not isinstance(t, And))).map(And),
            several(inner.filter(lambda t: not isinstance(t, Or))).map(Or),
        ),
        max_leaves=8,
    )


@given(trees())
def test_a_tree_written_and_read_is_the_same_tree(tree):
    assert parse(written(tree)) == tree


@given(st.text(max_size=60) | st.text('ab:"()*,-<>= $12ms ORNTAD', max_size=40))
def test_no_text_breaks_the_parser_and_spans_cover_it(text):
    found = spans(text)
    assert all(text[span.start : span.end] == span.text for span in found)
    assert [span.start for span in found] == sorted(span.start for span in found)
    broken = [span for span in found if span.error]
    if broken:
        with pytest.raises(FilterError) as caught:
            parse(text)
        assert caught.value.position is not None
        assert 0 <= caught.value.position <= len(text)
        return
    tree = _tree(text)
    assert tree is None or parse(written(tree)) == tree


def _tree(text: str) -> Filter | None:
    """Return the tree, or ``None`` where terms that are right by themselves do not fit together."""
    try:
        return parse(text)
    except FilterError:
        return None
