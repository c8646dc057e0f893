"""Icons of span kinds as backgrounds, for a tree of very many rows: what a row has no elements for costs it nothing."""

from __future__ import annotations

import re
from typing import Final

_SYMBOL: Final = re.compile(r'<symbol id="k-([a-z]+)" viewBox="[\d ]+"><path d="([^"]+)"/></symbol>')
_HUE: Final = re.compile(r"--k-([a-z]+): light-dark\((oklch\([^)]*\)), (oklch\([^)]*\))\)")
#: As ``.kind`` in the stylesheet draws them: 13 of 18 px, on a tint of their hue.
_IMAGE: Final = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='18' height='18' fill='none' stroke-width='1.5' "
    "stroke-linecap='round' stroke-linejoin='round'><style>path{{stroke:{light}}}rect{{fill:{light};fill-opacity:.13}}"
    "@media(prefers-color-scheme:dark){{path{{stroke:{dark}}}rect{{fill:{dark}}}}}</style>"
    "<rect width='18' height='18' rx='5'/><path transform='translate(2.5 2.5)scale(.8125)' d='{path}'/></svg>"
)


def kind_icons(sprite: str, tokens: str) -> str:
    """Return the rules that give ``[data-kind]`` its ``--icon``: the shape from the sprite, the hues from the tokens.

    An image sees the theme of the element it is drawn for, but none of its variables.
    """
    shapes = dict(_SYMBOL.findall(sprite))
    rules = [
        f'[data-kind="{kind}"]{{--icon:url("data:image/svg+xml,{_image(shapes[kind], light, dark)}")}}'
        for kind, light, dark in _HUE.findall(tokens)
    ]
    return "@layer tokens{" + "\n".join(rules) + "}"


def _image(path: str, light: str, dark: str) -> str:
    return _IMAGE.format(light=light, dark=dark, path=path)
