"""Jinja with less work for each value and each call: pages have thousands of the first and a thousand of the second.

What comes out is the same, letter for letter.
"""

from __future__ import annotations

import re
from functools import partial
from types import MethodType
from typing import Any, Final

from jinja2 import Environment, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Context, Macro
from markupsafe import Markup, escape

_special = re.compile("[&<>'\"]").search
#: Of a text longer than this, looking for special letters takes longer than replacing them.
_SHORT: Final = 48
_NUMBERS: Final = frozenset({int, float})
#: What never asks for the context that it is called in.
_PLAIN: Final = frozenset({MethodType, partial})


def said(value: Any) -> str:
    """Return *value* as a page says it: escaped, but for ``Markup``."""
    kind = type(value)
    if kind is str:
        return value if len(value) <= _SHORT and not _special(value) else escape(value)
    if kind is Markup:
        kept: Markup = value
        return kept
    return str(value) if kind in _NUMBERS else escape(value)


class _Context(Context):
    """Calls our macros and methods without asking first what each of them wants to be given."""

    def call(self, called: Any, /, *args: Any, **named: Any) -> Any:
        kind = type(called)
        if kind is Macro:
            named.pop("_loop_vars", None)
            named.pop("_block_vars", None)
            return called(self.eval_ctx, *args, **named)
        if kind in _PLAIN:
            named.pop("_loop_vars", None)
            named.pop("_block_vars", None)
            return called(*args, **named)
        return super().call(called, *args, **named)


class _Generator(CodeGenerator):
    """Writes ``said`` where Jinja writes ``escape``: all that a template says is joined to one text anyhow."""

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape or finalize.src is not None:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.said(")


class Templates(Environment):
    """The environment of our templates."""

    code_generator_class = _Generator
    context_class = _Context
    said = staticmethod(said)
