"""A store whose pages and figures are told from sets in memory wherever these can tell them, else by the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from ..query.filters import EVERYTHING, Not, Query
from . import set_figures, set_sessions
from .assemble import Make
from .base import Bar, FacetValue, Page, SessionSummary, Totals
from .candidates import candidates, foremost
from .compile import conjuncts, is_of_index
from .extremes import NUMBERS
from .find import MOST_LONGEST
from .matching import Matcher, UntoldError
from .proof import MOST_PROVED, MOST_PROVED_OF_PAGE, UnprovenError
from .set_keeper import SetKeeper
from .sql_store import SqlStore
from .trace_sets import TraceSets
from .words import WORD_FIELDS

T = TypeVar("T")


class SetStore(SqlStore):
    """The questions that sets answer."""

    matcher: Callable[[TraceSets, Any, int, Callable[[], bool]], Matcher]
    """How the engine's text index is asked."""
    _sets: SetKeeper

    def _page(self, query: Query, make: Make[T]) -> Page[T]:
        """Return one page of traces, each made by *make* of the project's name and its row."""
        found = None
        if query.filter != EVERYTHING:
            most_proved = MOST_PROVED_OF_PAGE if query.sort.removeprefix("-") == "time" else MOST_PROVED
            found = self._from_sets(query, lambda _, matcher: matcher.page(query, make), most_proved)
        elif self._sets.lacks():
            with self._reading(query.project) as (connection, _):
                self._sets.begin(connection)
        return super()._page(query, make) if found is None else found

    def find_sessions(self, query: Query) -> Page[SessionSummary]:
        """Return one page of sessions, the one with the newest trace that *query* finds first."""
        found = self._from_sets(query, lambda sets, matcher: set_sessions.session_page(sets, matcher, query))
        return super().find_sessions(query) if found is None else found

    def _traces_of(self, query: Query) -> Sequence[int] | None:
        """Return the rows of the traces that have the spans which *query* finds, where it says what these lack."""
        if not any(isinstance(part, Not) and is_of_index(part.of) for part in conjuncts(query.filter)):
            return None
        return self._from_sets(query, lambda _, matcher: matcher.lacking(query))

    def _nearest(self, query: Query, few_of_all: int | None = None) -> Iterable[tuple[float, int]] | None:
        """Return the traces that can have spans of a page, where its filter leaves few."""
        if query.sort.removeprefix("-") in NUMBERS:
            return self._from_sets(query, lambda sets, matcher: foremost(sets, matcher, query, MOST_LONGEST + 1))
        if query.filter == EVERYTHING or query.sort.removeprefix("-") != "time":
            return None
        return self._from_sets(query, lambda sets, matcher: candidates(sets, matcher, query, few_of_all))

    # --- figures -----------------------------------------------------------------------------------------------------

    def totals(self, query: Query) -> Totals:
        """Return the figures above the list; of the newest 10,000 where more match, and the count says so."""
        found = self._from_sets(query, lambda sets, matcher: set_figures.totals(sets, matcher, query))
        return super().totals(query) if found is None else found

    def histogram(self, query: Query, bars: int) -> tuple[Bar, ...]:
        """Return traces over time in *bars* equal steps, empty ones too."""
        found = self._from_sets(query, lambda sets, matcher: set_figures.histogram(sets, matcher, query, bars))
        return super().histogram(query, bars) if found is None else found

    def facets(self, query: Query, fields: Sequence[str], limit: int = 5) -> Mapping[str, tuple[FacetValue, ...]]:
        """Return the commonest values of *fields*; a field's own terms do not narrow its counts."""
        found = self._from_sets(query, lambda sets, matcher: set_figures.facets(sets, matcher, query, fields, limit))
        return super().facets(query, fields, limit) if found is None else found

    def values(self, project: str, field: str, prefix: str, limit: int = 10) -> tuple[FacetValue, ...]:
        """Return values that exist and begin with *prefix*, for completion; of attributes those of the newest spans."""
        found = None
        if field in WORD_FIELDS:
            found = self._from_sets(
                Query(project), lambda sets, matcher: set_figures.values(sets, matcher, field, prefix, limit)
            )
        return super().values(project, field, prefix, limit) if found is None else found

    def _from_sets(
        self, query: Query, ask: Callable[[TraceSets, Matcher], T], most_proved: int = MOST_PROVED
    ) -> T | None:
        """Return what the sets in memory tell, ``None`` where they do not tell it."""
        with self._proving(most_proved) as enough:
            found = self._asked_of_sets(query, ask, enough)
            while isinstance(found, UnprovenError):  # others have the sets meanwhile, and what is newer is asked next
                found = self._asked_of_sets(query, ask, enough) if self._prove(found) else None
            return found

    def _asked_of_sets(
        self, query: Query, ask: Callable[[TraceSets, Matcher], T], enough: Callable[[], bool]
    ) -> T | UnprovenError | None:
        with self._reading(query.project) as (connection, project_id):
            if project_id is None:
                return None
            with self._sets.lent(connection) as sets:
                try:
                    return None if sets is None else ask(sets, self.matcher(sets, connection, project_id, enough))
                except UntoldError:
                    return None
                except UnprovenError as unproven:
                    return unproven

    def _prove(self, unproven: UnprovenError) -> bool:
        """Prove spans, for ``matcher`` to know; return whether that could be done."""
        raise NotImplementedError
