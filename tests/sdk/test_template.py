"""Templates ask for names and get values; nothing else of a program can be reached from one."""

from __future__ import annotations

import pytest

from spanwise.template import FORMATS, TemplateError, render_text, variables_of
from spanwise.template_jinja import LONGEST


class Account:
    """An object of an application, with something that no prompt is to see."""

    secret = "hunter2"

    def __str__(self) -> str:
        return "an account"


ESCAPES = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ account.secret }}",
    "{{ account['secret'] }}",
    "{{ account.__init__.__globals__['os'].environ }}",
    "{{ account|attr('secret') }}",
    "{{ accounts|map(attribute='secret')|list }}",
    "{{ accounts|join(',', attribute='secret') }}",
    "{{ accounts|sort(attribute='secret')|first }}{{ accounts|sum(attribute='secret') }}",
    "{{ self._TemplateReference__context }}",
    "{{ self.__init__.__globals__.__builtins__.open('/etc/passwd').read() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__['os'].system('id') }}",
    "{{ namespace.__init__ }}",
    "{{ ''.join.__self__ }}",
    "{{ 'x'.format.__globals__ }}",
    "{{ '{0.__class__}'.format(account) }}",
    "{{ '%s'|format(account) }}",
    "{{ names.append(1) }}",
    "{% for name in names %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "{% for name in names recursive %}{{ loop(names) }}{% endfor %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% extends '/etc/passwd' %}",
    "{% macro m() %}{{ caller.__globals__ }}{% endmacro %}",
    "{% set x = account.secret %}{{ x }}",
    "{% with x = account %}{{ x.secret }}{% endwith %}",
    "{% block a %}{{ super.__globals__ }}{% endblock %}",
    "{{ request.application.__globals__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ url_for.__globals__ }}",
    "{{ account ~ account }}",
)
BOMBS = (
    "{{ 'a' * 1000000000 }}",
    "{{ names * 100000000 }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ text|replace('a', text)|replace('a', text)|replace('a', text) }}",
    "{{ many|join(text) }}",
    "{% for a in many %}{% for b in many %}{% for c in many %}{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in many %}{{ text }}{% endfor %}",
    "{{ range(1000000000)|sum }}",
)
VALUES = {
    "account": Account(),
    "accounts": [Account()],
    "names": ["a", "b"],
    "text": "a" * 10_000,
    "many": list(range(1_000)),
}


@pytest.mark.parametrize("template", ESCAPES)
def test_a_template_cannot_leave_its_cage(template) -> None:
    with pytest.raises(TemplateError):
        render_text(template, VALUES, "jinja", of="p")


@pytest.mark.parametrize("template", BOMBS)
def test_a_template_cannot_grow_or_run_without_end(template) -> None:
    with pytest.raises(TemplateError):
        render_text(template, VALUES, "jinja", of="p")


def test_what_a_template_comes_to_is_bounded() -> None:
    assert LONGEST == 4_000_000


@pytest.mark.parametrize(
    "template",
    ["{account.secret}", "{account[secret]}", "{account!r}", "{text:>1000000000}", "{0}", "{}", "{text:{width}}", "{"],
)
def test_an_fstring_template_takes_bare_names_alone(template) -> None:
    with pytest.raises(TemplateError):
        render_text(template, VALUES, "fstring", of="p")


def test_each_format_puts_values_in() -> None:
    said = {"plain": "Dear {{name}}, {x}", "jinja": "Dear {{ name|upper }}", "fstring": "Dear {name}, {{x}}"}
    given = {form: render_text(said[form], {"name": "Ann"}, form, of="p") for form in FORMATS}
    assert given == {"plain": "Dear Ann, {x}", "jinja": "Dear ANN", "fstring": "Dear Ann, {x}"}


def test_jinja_walks_lists_and_mappings_of_plain_values() -> None:
    one = "[{{ loop.index }}] {{ d.text }}{% if not loop.last %}; {% endif %}"
    text = f"{{% for d in docs if d.score > 0.5 %}}{one}{{% else %}}none{{% endfor %}}"
    docs = [{"text": "a", "score": 0.9}, {"text": "b", "score": 0.1}, {"text": "c", "score": 0.6}]
    assert render_text(text, {"docs": docs}, "jinja", of="p") == "[1] a; [2] c"
    assert render_text(text, {"docs": []}, "jinja", of="p") == "none"


@pytest.mark.parametrize("form", FORMATS)
def test_a_value_that_is_not_given_is_named(form) -> None:
    with pytest.raises(TemplateError, match="name"):
        render_text("{name}" if form == "fstring" else "{{name}}", {}, form, of="p")


def test_a_plain_template_leaves_all_other_braces_alone() -> None:
    assert render_text('{{x}} {% if %} {{ "a": 1 }}', {"x": 1}, "plain", of="p") == '1 {% if %} {{ "a": 1 }}'


def test_variables_are_found_in_texts_messages_and_parts() -> None:
    messages = [
        {"role": "system", "content": "{{company}} {{tone}}"},
        {"role": "user", "content": [{"type": "text", "text": "{{question}} {{tone}}"}]},
    ]
    assert variables_of(messages) == ("company", "tone", "question")
    assert variables_of("{% for d in docs %}{{ d }}{{ loop.index }}{% endfor %}{{ q }}", "jinja") == ("docs", "q")
    assert variables_of("{a} {b} {a} {{c}}", "fstring") == ("a", "b")


def test_values_are_put_in_as_they_are_and_never_read_again() -> None:
    for form in ("plain", "jinja"):
        assert render_text("{{x}}", {"x": "{{y}} {% z %}"}, form, of="p") == "{{y}} {% z %}"
    assert render_text("{x}", {"x": "{y}"}, "fstring", of="p") == "{y}"
