"""The errors the server answers with: each says what happened and what to do."""

from __future__ import annotations


class SpanwiseError(Exception):
    """A refusal with a code for programs, a sentence for people and a hint of what would work."""

    status = 400
    code = "bad_request"

    def __init__(self, message: str, hint: str = "", *, position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.position = position
        """Where in the text that was given the error lies, counted from 0; ``None`` where it lies nowhere."""


def without_frames(error: BaseException) -> None:
    """Let go of all that *error* and its causes came through, once it was said: their bodies, spans and pages.

    Whoever handed the error over to another thread is among the frames, and holds the error: a circle, which only the
    garbage collector breaks, and that comes seldom (`serving.py`).
    """
    seen: BaseException | None = error
    while seen is not None:
        seen.__traceback__ = None
        seen = seen.__cause__ or seen.__context__


class TooLargeNumber(SpanwiseError):
    """A number that no row has room for."""

    def __init__(self) -> None:
        super().__init__(
            "A number in this request is too large.",
            "Reload the page, or take the number from a list.",
        )


class NotFound(SpanwiseError):
    """Nothing has the name or id that was asked for."""

    status = 404
    code = "not_found"


class Unauthorized(SpanwiseError):
    """The caller has not said who they are, or not convincingly."""

    status = 401
    code = "unauthorized"


class Forbidden(SpanwiseError):
    """The caller may not do this."""

    status = 403
    code = "forbidden"


class Conflict(SpanwiseError):
    """What was asked for clashes with what is there."""

    status = 409
    code = "conflict"


class TooLarge(SpanwiseError):
    """The body, packed or unpacked, is over the limit."""

    status = 413
    code = "too_large"


class UnsupportedMedia(SpanwiseError):
    """The body is of a type or encoding that the server does not read."""

    status = 415
    code = "unsupported_media_type"


class Overloaded(SpanwiseError):
    """More is queued for writing than the server will hold; the same request will do later."""

    status = 503
    code = "overloaded"
    retry_after_s = 1


class FilterError(SpanwiseError):
    """A filter text that cannot be read, or names a field that does not exist."""

    code = "bad_filter"

    def __init__(
        self, message: str, hint: str = "", *, position: int | None = None, wrong: str = "", right: str = ""
    ) -> None:
        super().__init__(message, hint, position=position)
        self._wrong = wrong
        self._right = right

    def mended(self, text: str) -> str | None:
        """Return the filter *text* with the word that was meant in the wrong one's place, ``None`` if none is known."""
        if self.position is None or not self._right or not text.startswith(self._wrong, self.position):
            return None
        return text[: self.position] + self._right + text[self.position + len(self._wrong) :]


class ConfigError(SpanwiseError):
    """A setting that the server refuses to start with."""

    status = 500
    code = "bad_configuration"
