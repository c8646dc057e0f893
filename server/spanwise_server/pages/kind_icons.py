"""Icons of span kinds as backgrounds, for trees and lists of very many rows: each costs one element, or none."""

from __future__ import annotations

import re
from typing import Final

_SYMBOL: Final = re.compile(r'<symbol id="k-([a-z]+)" viewBox="[\d ]+"><path d="([^"]+)"/></symbol>')
_HUE: Final = re.compile(r"--k-([a-z]+): light-dark\((oklch\([^)]*\)), (oklch\([^)]*\))\)")
#: From one icon to the next: more than a row is high, which shows one of them.
_APART: Final = 40
#: As ``.kind`` in the stylesheet draws them: 13 of 18 px, on a tint of their hue.
_ICON: Final = (
    "<g transform='translate(0 {at})' color='{light}' class='{kind}'><rect width='18' height='18' rx='5'/>"
    "<path transform='translate(2.5 2.5)scale(.8125)' d='{path}'/></g>"
)
_IMAGE: Final = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='18' height='{high}' fill='none' stroke-width='1.5' "
    "stroke-linecap='round' stroke-linejoin='round'><style>path{{stroke:currentColor}}"
    "rect{{fill:currentColor;fill-opacity:.13}}@media(prefers-color-scheme:dark){{{dark}}}</style>{icons}</svg>"
)


def kind_icons(sprite: str, tokens: str) -> str:
    """Return the rules that give ``--icons`` and, for each ``[data-kind]``, ``--icon-at``: where in them its icon is.

    The shapes are of the sprite, the hues of the tokens: an image sees the theme of the element it is drawn for, but
    none of its variables. It is one image, since to a browser each is a document of its own.
    """
    shapes = dict(_SYMBOL.findall(sprite))
    hues = _HUE.findall(tokens)
    dark = "".join(f".{kind}{{color:{hue}}}" for kind, _, hue in hues)
    icons = "".join(
        _ICON.format(at=n * _APART, light=light, kind=kind, path=shapes[kind])
        for n, (kind, light, _) in enumerate(hues)
    )
    image = _IMAGE.format(high=len(hues) * _APART, dark=dark, icons=icons)
    places = [f'[data-kind="{kind}"]{{--icon-at:{-n * _APART}px}}' for n, (kind, *_) in enumerate(hues)]
    return "\n".join(["@layer tokens{", f':root{{--icons:url("data:image/svg+xml,{image}")}}', *places, "}"])
