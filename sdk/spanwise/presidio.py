"""A rule of redaction that asks Microsoft Presidio, for names, places and whatever else a model of language finds.

It needs the extra ``presidio``, and the model of spaCy that Presidio's engine is made for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any


class Presidio:
    """Hides what an ``AnalyzerEngine`` of Presidio finds: ``init(redact=["all", Presidio()])``.

    *entities* are Presidio's names of what is to be hidden (all that it knows where not given), *threshold* the least
    score from 0 to 1, *analyzer* an engine of one's own, else Presidio's default one, which is made when the first
    text is to be looked through.  Raises ValueError where Presidio, or the model of its default engine, is missing.
    """

    def __init__(
        self,
        *,
        entities: Sequence[str] | None = None,
        language: str = "en",
        threshold: float = 0.5,
        analyzer: Any = None,
        model: str = "en_core_web_lg",
    ) -> None:
        if find_spec("presidio_analyzer") is None:
            raise ValueError('Presidio is not installed: pip install "spanwise[presidio]".')
        if analyzer is None and find_spec(model) is None:
            # Left to itself it would fetch half a gigabyte from the network while the program runs.
            raise ValueError(f"The model {model!r} of spaCy is not installed: python -m spacy download {model}.")
        self._entities = None if entities is None else list(entities)
        self._language = language
        self._threshold = threshold
        self._analyzer = analyzer
        self._model = model
        self._lock = threading.Lock()

    def __call__(self, text: str) -> str:
        """Return *text* with each find replaced by its kind, such as ``[person]``; those that overlap as one."""
        found = self._analyze()(
            text=text, language=self._language, entities=self._entities, score_threshold=self._threshold
        )
        begin = len(text)
        for one in sorted(found, key=lambda one: (-one.end, one.start)):
            if one.end <= begin:
                text = f"{text[: one.start]}[{one.entity_type.lower()}]{text[one.end :]}"
            elif one.start < begin:  # it reaches into one that is hidden: so is the rest of it
                text = f"{text[: one.start]}{text[begin:]}"
            else:
                continue
            begin = one.start
        return text

    def _analyze(self) -> Callable[..., Any]:
        with self._lock:
            if self._analyzer is None:
                provider = import_module("presidio_analyzer.nlp_engine").NlpEngineProvider(
                    nlp_configuration={
                        "nlp_engine_name": "spacy",
                        "models": [{"lang_code": self._language, "model_name": self._model}],
                    }
                )
                self._analyzer = import_module("presidio_analyzer").AnalyzerEngine(
                    nlp_engine=provider.create_engine(), supported_languages=[self._language]
                )
            analyze: Callable[..., Any] = self._analyzer.analyze
            return analyze
