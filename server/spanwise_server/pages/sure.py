"""What cannot be undone is asked for twice, with how many: the page that asks where no script did."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request
from fastapi.responses import Response

from . import format as fmt
from .render import render


def ask_whether_sure(request: Request, what: str, ids: Sequence[str], back: str) -> Response:
    """Return a page that asks whether as many traces or sessions as there are *ids* shall go for good."""
    unique = list(dict.fromkeys(ids))
    return render(
        request,
        "pages/sure.html",
        question=f"Delete {fmt.plural(len(unique), what)} for good?",
        action=f"{request.url.path}?{request.url.query}",
        field=f"{what}_id",
        ids=unique,
        back=back,
    )
