"""The promise that observing a program never breaks it."""

from __future__ import annotations

import logging
import os
from types import TracebackType
from typing import Final

logger = logging.getLogger("spanwise")

STRICT_VARIABLE: Final = "SPANWISE_STRICT"


class guard:  # noqa: N801  # used as a word: ``with guard():``
    """Swallow and log any error of ours; under ``SPANWISE_STRICT=1`` let it out.

    The test suite runs strict, so that a swallowed error can never hide there.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        return isinstance(error, Exception) and swallowed(error)


def swallowed(error: Exception) -> bool:
    """Log an error of ours and return whether it is to be forgotten.

    For the paths that every call takes, ``except Exception as error: if not swallowed(error): raise`` is a ``guard()``
    that costs nothing where nothing happens.
    """
    if os.environ.get(STRICT_VARIABLE):
        return False
    logger.debug("spanwise could not record something; the program itself is unaffected", exc_info=error)
    return True
