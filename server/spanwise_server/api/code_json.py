"""Codes and what they come to, as the API writes them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..exports.coded import coded_row
from ..exports.contract import rfc3339
from ..labelling.codes import Code, Counted
from ..labelling.codes_desk import Analysis, Steps
from ..labelling.codes_groups import Suggested
from ..labelling.rates import Rate
from ..store.code_change import CodeEvent


def code_json(code: Code) -> dict[str, Any]:
    """Return a code as JSON."""
    return {
        "id": code.id,
        "name": code.name,
        "description": code.description,
        "created_by": code.created_by,
        "created_at": rfc3339(code.created_ns),
    }


def analysis_json(analysis: Analysis) -> dict[str, Any]:
    """Return the codes with counts and rates, the meter, and how many critiques there are."""
    rates = analysis.rates
    body = asdict(analysis.saturation)
    return {
        "items": [_counted(one, rates.by_code.get(one.code.id)) for one in analysis.counted],
        "critiques": {
            "total": len(analysis.critiques),
            "coded": sum(bool(one.code_ids) for one in analysis.critiques),
            "name_no_failure": analysis.aside,
            "open": analysis.open,
        },
        "rates": {
            "refused": rates.refused or None,
            "items_used": rates.used,
            "items_left_out": rates.left_out,
            "no_code": _rate(rates.none),
        },
        "saturation": {**body, "says": analysis.saturation.words},
    }


def critique_json(analysis: Analysis, at: int) -> dict[str, Any]:
    """Return one critique as JSON, its codes as objects with who gave them and when."""
    critique = analysis.critiques[at]
    names = analysis.names
    codes = [
        {"id": mark.code_id, "name": names[mark.code_id], "by": mark.by, "at": rfc3339(mark.at_ns)}
        for mark in critique.marks
        if mark.code_id is not None and mark.code_id in names
    ]
    return {**coded_row(analysis, critique), "codes": codes, "written_anew": critique.reworded}


def groups_json(found: Suggested) -> dict[str, Any]:
    """Return suggested groups as JSON."""
    return {
        "items": [
            {
                "name": group.name,
                "code_id": group.code_id,
                "critiques": [{"id": one.id, "critique": one.text} for one in group.critiques],
            }
            for group in found.groups
        ],
        "alone": found.alone,
        "left_out": found.left_out,
    }


def steps_json(steps: Steps) -> dict[str, Any]:
    """Return the matrix of transitions and what goes with it; a row's name is ``null`` at the start of a trace."""
    matrix = steps.matrix
    cells = [
        {"after": before or None, "step": step, "times": cell.times, "first_bad": cell.bad}
        for before in matrix.before
        for step in matrix.steps
        if (cell := matrix.cell(before, step)).times
    ]
    rates = steps.rates
    return {
        "traces": matrix.walks,
        "traces_with_bad_step": matrix.bad,
        "traces_gone": steps.gone,
        "traces_left_out": steps.left_out,
        "transitions": cells,
        "failed_with_every_step_good": {"failed": steps.gap.failed, "of": steps.gap.good_steps},
        "rates": None
        if rates is None
        else {"refused": rates.refused or None, "items": [{"step": r.answer, **_bounds(r)} for r in rates.rates]},
    }


def event_json(event: CodeEvent) -> dict[str, Any]:
    """Return one act as JSON."""
    body = asdict(event)
    return {**body, "names": list(event.names), "at": rfc3339(body.pop("at_ns"))}


def _counted(one: Counted, rate: Rate | None) -> dict[str, Any]:
    return {**code_json(one.code), "critiques": one.critiques, "targets": one.targets, "rate": _rate(rate)}


def _rate(rate: Rate | None) -> dict[str, float] | None:
    return None if rate is None else _bounds(rate)


def _bounds(rate: Rate) -> dict[str, float]:
    return {"share": rate.share, "low": rate.low, "high": rate.high}
