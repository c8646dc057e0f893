"""The smallest pieces of markup, as functions that every template sees without importing anything."""

from __future__ import annotations

from functools import lru_cache

from markupsafe import Markup

from ..record import KINDS

#: Kinds that borrow the icon and hue of another until they have their own.
_DRAWN_AS = {"prompt": "chain", "memory": "retriever", "mcp": "tool"}

_MOST_DRAWN = 500


class Elements:
    """Draws icons and badges from the sprite that is served at *url*."""

    def __init__(self, url: str) -> None:
        self._sprite = url
        # A page has a hundred of them, and few different ones.
        self.icon = lru_cache(_MOST_DRAWN)(self._icon)
        self.kind = lru_cache(_MOST_DRAWN)(self._kind)

    def _icon(self, name: str, classes: str = "") -> Markup:
        """Return an icon of ``icons.svg``; it says nothing to a screen reader."""
        more = f" {classes}" if classes else ""
        return Markup('<svg class="i{}" aria-hidden="true"><use href="{}#{}"/></svg>').format(more, self._sprite, name)

    def _kind(self, kind: str) -> Markup:
        """Return the tinted icon of a span kind, with the kind's name for those who do not see it.

        It is a background (:mod:`.kind_icons`): a list has hundreds, and each is one element to a browser.
        """
        return Markup('<span class="kind" data-kind="{}" role="img" aria-label="{}" title="{}"></span>').format(
            drawn_as(kind), kind, kind
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
