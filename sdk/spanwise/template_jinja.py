"""Jinja in a cage: a template sees the values it was given, and neither attributes, calls, files nor the network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from .template_error import TemplateError

try:
    from jinja2 import StrictUndefined, TemplateSyntaxError, meta, nodes, pass_context
    from jinja2.exceptions import SecurityError
    from jinja2.exceptions import TemplateError as JinjaError
    from jinja2.runtime import Context, LoopContext
    from jinja2.sandbox import ImmutableSandboxedEnvironment
except ImportError as missing:
    raise TemplateError('Jinja templates with logic need jinja2: pip install "spanwise[jinja]".') from missing

#: Filters that take values and return values: none reads attributes, formats objects or makes anything huge.
FILTERS: Final = (
    "capitalize", "count", "d", "default", "e", "escape", "first", "float", "int", "join", "last", "length", "lower",
    "max", "min", "reverse", "round", "sort", "string", "sum", "title", "trim", "truncate", "unique",
    "upper", "wordcount",
)  # fmt: skip
TESTS: Final = (
    "defined", "undefined", "none", "boolean", "false", "true", "integer", "float", "number", "string", "mapping",
    "sequence", "iterable", "in", "even", "odd", "divisibleby", "eq", "==", "ne", "!=", "lt", "<", "le", "<=", "gt",
    ">", "ge", ">=", "equalto", "sameas", "lessthan", "greaterthan",
)  # fmt: skip
LONGEST: Final = 4_000_000
"""Characters that a template may come to."""
MOST_TURNS: Final = 100_000
"""Turns that all its loops may take together."""
_LOOP_FIELDS: Final = frozenset({"index", "index0", "first", "last", "length", "revindex", "revindex0"})
_FORBIDDEN: Final = (
    nodes.Call, nodes.CallBlock, nodes.Macro, nodes.Import, nodes.FromImport, nodes.Include, nodes.Extends,
    nodes.Block, nodes.FilterBlock, nodes.Pow, nodes.Assign, nodes.AssignBlock, nodes.With, nodes.Concat,
)  # fmt: skip


class _Cage(ImmutableSandboxedEnvironment):
    """Looks up keys of mappings and places of lists, never attributes of objects; multiplies numbers alone."""

    intercepted_binops = frozenset({"*", "%", "+"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
        self.globals = {}
        self.filters = {name: self.filters[name] for name in FILTERS}
        self.filters |= {"join": _join, "replace": _replace, _TURNS: _counted}
        self.tests = {name: self.tests[name] for name in TESTS}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a key of a mapping, or what a loop says of itself."""
        if isinstance(obj, LoopContext) and attribute in _LOOP_FIELDS:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return a key of a mapping or a place of a list."""
        if isinstance(obj, Mapping):
            if isinstance(argument, (str, int)) and argument in obj:
                return obj[argument]
        elif isinstance(obj, (Sequence)) and isinstance(argument, (int, slice)):
            try:
                return obj[argument]
            except IndexError:
                pass
        elif not isinstance(obj, (str, list, tuple, dict)):
            raise SecurityError(f"A template may not look into {type(obj).__name__}.")
        return self.undefined(obj=obj, name=str(argument))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002 - the interface
        """Allow none."""
        return False

    def is_safe_callable(self, obj: Any) -> bool:  # noqa: ARG002 - the interface
        """Allow none."""
        return False

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Reckon with numbers alone: texts and lists would grow without end."""
        if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
            raise SecurityError(f"A template may use {operator} on numbers alone.")
        return super().call_binop(context, operator, left, right)


#: Name of the filter that every loop goes through, and of the count it keeps; no template can say either.
_TURNS: Final = "turns of loops"


@pass_context
def _counted(context: Context, things: Iterable[Any]) -> Iterator[Any]:
    """Yield *things* until the loops of this rendering have taken all the turns they may."""
    turns = context[_TURNS]
    for thing in things:
        turns[0] += 1
        if turns[0] > MOST_TURNS:
            raise SecurityError(f"its loops take more than {MOST_TURNS:,} turns")
        yield thing


def _join(things: Iterable[Any], between: str = "") -> str:
    texts = [str(thing) for thing in things]
    _bounded(sum(map(len, texts)) + len(str(between)) * len(texts))
    return str(between).join(texts)


def _replace(text: Any, old: str, new: str) -> str:
    said, old, new = str(text), str(old), str(new)
    if not old:
        raise SecurityError("nothing cannot be replaced")
    _bounded(len(said) + said.count(old) * len(new))
    return said.replace(old, new)


def _bounded(size: int) -> None:
    if size > LONGEST:
        raise SecurityError(f"it comes to more than {LONGEST:,} characters")


_CAGE: Final = _Cage()


def names(text: str) -> list[str]:
    """Return the variables that *text* asks for, in the order they first appear.

    Raises TemplateError where the template cannot be read or holds what a template may not.
    """
    tree = _parsed(text)
    unset = meta.find_undeclared_variables(tree)
    ordered = dict.fromkeys(node.name for node in tree.find_all(nodes.Name) if node.name in unset)
    return list(ordered)


def render(text: str, values: Mapping[str, Any], of: str) -> str:
    """Return *text* with *values* put in.

    Raises TemplateError where a variable has no value, or the template does what it may not.
    """
    template = _compiled(text)
    pieces: list[str] = []
    size = 0
    try:
        for piece in template({**values, _TURNS: [0]}):
            size += len(piece)
            if size > LONGEST:
                raise TemplateError(f"The prompt {of!r} comes to more than {LONGEST:,} characters.")
            pieces.append(piece)
    except (JinjaError, ArithmeticError, TypeError, LookupError) as error:
        raise TemplateError(f"The prompt {of!r} cannot be filled in: {error}.") from error
    return "".join(pieces)


@lru_cache(maxsize=256)
def _compiled(text: str) -> Callable[[dict[str, Any]], Any]:
    return _CAGE.from_string(_parsed(text)).generate


def _parsed(text: str) -> nodes.Template:
    try:
        tree = _CAGE.parse(text)
    except TemplateSyntaxError as error:
        raise TemplateError(f"This is no Jinja template: {error.message} (line {error.lineno}).") from error
    for kind in _FORBIDDEN:
        found = next(tree.find_all(kind), None)
        if found is not None:
            raise TemplateError(f"A template may not {_WORDS.get(kind, 'do that')} (line {found.lineno}).")
    for node in tree.find_all((nodes.Filter, nodes.Test)):
        known = _CAGE.filters if isinstance(node, nodes.Filter) else TESTS
        if node.name not in known:
            raise TemplateError(f"A template has no {type(node).__name__.lower()} {node.name!r} (line {node.lineno}).")
    for loop in tree.find_all(nodes.For):
        loop.iter = nodes.Filter(loop.iter, _TURNS, [], [], None, None, lineno=loop.lineno, environment=_CAGE)
    return tree


_WORDS: Final[Mapping[type[nodes.Node], str]] = {
    nodes.Call: "call anything",
    nodes.Pow: "raise to a power",
    nodes.Include: "include files; include a prompt with {{> name@label}}",
    nodes.Import: "import",
    nodes.FromImport: "import",
    nodes.Extends: "extend another",
    nodes.Assign: "set names",
    nodes.With: "set names",
    nodes.AssignBlock: "set names",
    nodes.Concat: "use ~; write the values one after the other",
}
