"""The smallest pieces of markup, as functions that every template sees without importing anything."""

from __future__ import annotations

import re
from functools import lru_cache

from markupsafe import Markup

from ..record import KINDS

#: Kinds that borrow the icon and hue of another until they have their own.
_DRAWN_AS = {"prompt": "chain", "memory": "retriever", "mcp": "tool"}

_MOST_DRAWN = 500

_SYMBOL = re.compile(r'<symbol id="(k-[a-z]+)" viewBox="([\d ]+)">(.*?)</symbol>')


class Elements:
    """Draws icons and badges from the sprite that is served at *url*."""

    def __init__(self, url: str, sprite: str) -> None:
        self._sprite = url
        self._kinds = {
            name: (box, Markup(shapes))  # noqa: S704 - of our own file
            for name, box, shapes in _SYMBOL.findall(sprite)
        }
        # A page has a hundred of them, and few different ones.
        self.icon = lru_cache(_MOST_DRAWN)(self._icon)
        self.kind = lru_cache(_MOST_DRAWN)(self._kind)

    def _icon(self, name: str, classes: str = "") -> Markup:
        """Return an icon of ``icons.svg``; it says nothing to a screen reader."""
        more = f" {classes}" if classes else ""
        return Markup('<svg class="i{}" aria-hidden="true"><use href="{}#{}"/></svg>').format(more, self._sprite, name)

    def _kind(self, kind: str) -> Markup:
        """Return the tinted icon of a span kind, with the kind's name for those who do not see it.

        It is drawn in place: a tree has hundreds, and to draw from the sprite is three times the work for a browser.
        """
        box, shapes = self._kinds[f"k-{drawn_as(kind)}"]
        return Markup('<svg class="i kind" data-kind="{}" viewBox="{}" role="img"><title>{}</title>{}</svg>').format(
            drawn_as(kind), box, kind, shapes
        )

    def copy(self, text: str, name: str, classes: str = "btn quiet icon") -> Markup:
        """Return a button that copies *text*; *name* says what is copied."""
        return Markup(
            '<button class="{}" type="button" data-copy="{}" aria-label="Copy {}" title="Copy {}">{}</button>'
        ).format(classes, text, name, name, self.icon("copy"))


def drawn_as(kind: str) -> str:
    """Return the kind whose icon and hue *kind* is drawn with; ``span`` for one nobody knows."""
    if kind not in KINDS:
        return "span"
    return _DRAWN_AS.get(kind, kind)
