"""``spanwise eval``: a prompt, a model or a function over a dataset, against the run before; made for CI."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .. import api
from ..config import Config, read_config
from ..datasets import DatasetError, Example
from ..experiments import ExperimentClient
from ..function_run import ENVIRONMENT, load_function, run_over
from .eval_report import ALPHA, comparison_lines, estimate_lines, run_lines
from .setting_options import add_settings

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # the only name of the type

#: Exit codes: as good as before; worse, or below the threshold; refused; ended before its end.
GOOD: Final = 0
WORSE: Final = 1
REFUSED: Final = 2
UNFINISHED: Final = 3
_OPTIONS: Final = ("endpoint", "project")
_EXIT: Final = (
    "exit codes: 0 done, and not worse; 1 worse with --fail-on-regression, or below --threshold; "
    "2 refused, with a sentence; 3 the run ended before its end"
)


def add(commands: Commands) -> None:
    """Add the commands."""
    top = commands.add_parser("eval", help="run over a dataset, for CI", description=__doc__, allow_abbrev=False)
    verbs = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    run = verbs.add_parser(
        "run", help="run a prompt, a model or a function over a dataset", epilog=_EXIT, allow_abbrev=False
    )
    run.add_argument("dataset", metavar="NAME[@VERSION]", help="A version is a number, a tag or a content hash.")
    what = run.add_mutually_exclusive_group(required=True)
    what.add_argument("--prompt", metavar="NAME[@LABEL]", help="A prompt of the registry, run by the server.")
    what.add_argument("--function", metavar="MODULE:NAME", help="Your own function, run here: it gets the input.")
    run.add_argument("--model", default="", help="The model, in place of the prompt's own.")
    run.add_argument("--provider", default="openai", help="Whose model (default: openai).")
    run.add_argument("--split", default="", help="Only rows of this split.")
    run.add_argument("--check", action="append", default=[], metavar="KIND[:VALUE]", help="How answers are judged.")
    run.add_argument("--judge", metavar="MODULE:NAME", help="Your own judge of the answers of --function.")
    run.add_argument("--map", action="append", default=[], metavar="VARIABLE=COLUMN", help="What fills a variable.")
    run.add_argument("--repeats", type=int, default=1, help="How often each row is asked about.")
    run.add_argument("--at-once", type=int, default=None, help="Rows at the same time (prompt: 4, function: 1).")
    run.add_argument("--most-usd", type=float, help="Stop when it has cost so much.")
    run.add_argument("--name", default="", help="Runs of one name are compared (default: what is run).")
    run.add_argument("--against", default="last", metavar="RUN", help="A run's number, last (default), or none.")
    run.add_argument(
        "--fail-on-regression",
        nargs="?",
        const="any",
        choices=("any", "significant"),
        help="Exit with 1 where any row newly fails, or only where more newly fail than chance explains.",
    )
    run.add_argument("--threshold", type=float, help="Exit with 1 where the pass rate's lower bound is below this.")
    run.add_argument("--estimate", action="store_true", help="Say what it would cost, and run nothing.")
    run.add_argument("--json", action="store_true", help="Print the run and the comparison as JSON.")
    add_settings(run, _OPTIONS)
    run.set_defaults(run=_run, needs_server=False)


def _run(asked: argparse.Namespace) -> int:
    config = read_config({name: getattr(asked, name) for name in _OPTIONS})
    client = ExperimentClient(config)
    try:
        return _evaluate(client, config, asked)
    except (DatasetError, ValueError, ImportError, AttributeError, OSError) as refusal:
        print(f"spanwise: {refusal}", file=sys.stderr)
        return REFUSED
    finally:
        client.close()


def _evaluate(client: ExperimentClient, config: Config, asked: argparse.Namespace) -> int:
    if asked.estimate and asked.function:
        raise ValueError("Only a run of the server can be estimated: nobody knows what a function calls.")
    if asked.estimate:
        _say(estimate_lines(client.estimate(_body(asked))), asked)
        return GOOD
    run = _of_function(client, config, asked) if asked.function else _of_prompt(client, asked)
    before = _baseline(client, run, asked.against)
    found = None if before is None else client.compare(before, int(run["id"]))
    _report(client, run, found, asked)
    return _code(run, found, asked)


# --- what is run ------------------------------------------------------------------------------------------------------


def _of_prompt(client: ExperimentClient, asked: argparse.Namespace) -> Mapping[str, Any]:
    body = _body(asked)
    for line in estimate_lines(client.estimate(body)):
        print(line, file=sys.stderr)
    started = client.start(body)
    number = int(started["id"])
    try:
        return client.finished(number, _progress if sys.stderr.isatty() else None)
    except KeyboardInterrupt:
        client.stop(number)
        raise


def _body(asked: argparse.Namespace) -> dict[str, Any]:
    dataset, _, version = asked.dataset.partition("@")
    prompt, _, label = asked.prompt.partition("@")
    body: dict[str, Any] = {
        "dataset": dataset,
        "dataset_version": version,
        "split": asked.split,
        "name": asked.name or f"eval {prompt}",
        "provider": asked.provider,
        "model": asked.model,
        "prompt": prompt,
        "version": label or None,
        "checks": [_check(text) for text in asked.check],
        "mapping": dict(_pair(text) for text in asked.map),
        "repeats": asked.repeats,
        "at_once": asked.at_once or 4,
        "most_usd": asked.most_usd,
    }
    return {**body, **({"threshold": asked.threshold} if asked.threshold is not None else {})}


def _of_function(client: ExperimentClient, config: Config, asked: argparse.Namespace) -> Mapping[str, Any]:
    if asked.repeats != 1 or asked.map or asked.most_usd is not None:
        raise ValueError("--repeats, --map and --most-usd are for runs of the server.")
    api.init(endpoint=config.endpoint, project=config.project or None, environment=ENVIRONMENT)
    function = load_function(asked.function)
    judge = load_function(asked.judge) if asked.judge else None
    pulled = client.pull(asked.dataset)
    examples = [one for one in pulled.examples() if asked.split in {"", one.split}]
    if not examples:
        raise ValueError(f"{asked.dataset} has no row{f' in its split {asked.split!r}' if asked.split else ''}.")
    results = list(run_over(function, examples, at_once=asked.at_once or 1, judge=judge))
    api.flush()
    kept = client.record(
        {
            "name": asked.name or f"eval {asked.function}",
            "dataset": pulled.name,
            "version": pulled.version,
            "function": asked.function,
            "checks": [_check(text) for text in asked.check],
            "results": results,
            **({"threshold": asked.threshold} if asked.threshold is not None else {}),
        }
    )
    return client.experiment(int(kept["id"]))


def _check(text: str) -> dict[str, str]:
    """Return a check as the server takes it; a schema may be the name of a file."""
    kind, _, value = text.partition(":")
    if kind == "schema" and value and not value.lstrip().startswith("{"):
        value = Path(value).read_text(encoding="utf-8")
    return {"kind": kind, "value": value}


def _pair(text: str) -> tuple[str, str]:
    name, equals, column = text.partition("=")
    if not (name and equals and column):
        raise ValueError(f"--map {text} is not of the form VARIABLE=COLUMN.")
    return name, column


# --- what came of it --------------------------------------------------------------------------------------------------


def _baseline(client: ExperimentClient, run: Mapping[str, Any], against: str) -> int | None:
    if against == "none":
        return None
    if against == "last":
        before = client.before(run)
        return None if before is None else int(before["id"])
    if not against.isdecimal():
        raise ValueError(f"--against {against} is neither the number of a run, nor last, nor none.")
    return int(against)


def _report(
    client: ExperimentClient, run: Mapping[str, Any], found: Mapping[str, Any] | None, asked: argparse.Namespace
) -> None:
    if asked.json:
        print(json.dumps({"run": run, "comparison": found}, ensure_ascii=False, indent=2))
        return
    for line in run_lines(run):
        print(line)
    if run["state"] != "done":
        print(f"ended before its end: {run['state'].replace('_', ' ')}. {run['why']}".rstrip())
    if found is not None:
        print()
        for line in comparison_lines(found, _inputs(client, run, found)):
            print(line)
        ids = f"before={found['before']['id']}&after={found['after']['id']}"
        print(f"{client.endpoint}/experiments/compare?{ids}")
    else:
        if asked.against != "none":
            print("no run to compare with: this is the first of its name over this dataset")
        print(f"{client.endpoint}{run['url']}")


def _inputs(client: ExperimentClient, run: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, str]:
    """Return what was asked in the rows that changed."""
    wanted = {row["example_id"] for row in found["rows"]}
    if not wanted:
        return {}
    pulled = client.pull(f"{run['dataset']}@{run['version']}")
    return {one.id: _asked_in(one) for one in pulled.examples() if one.id in wanted}


def _asked_in(example: Example) -> str:
    if isinstance(example.input, str):
        return example.input
    return json.dumps(example.input, ensure_ascii=False)


def _code(run: Mapping[str, Any], found: Mapping[str, Any] | None, asked: argparse.Namespace) -> int:
    if run["state"] != "done":
        return UNFINISHED
    if asked.threshold is not None and not run["good"]:
        return WORSE
    if found is None or asked.fail_on_regression is None:
        return GOOD
    failing, passing = found["newly_failing"], found["newly_passing"]
    if asked.fail_on_regression == "any":
        return WORSE if failing else GOOD
    return WORSE if failing > passing and found["p_value"] < ALPHA else GOOD


def _progress(run: Mapping[str, Any]) -> None:
    cost = "" if run["cost_usd"] is None else f", ${run['cost_usd']:.4f}"
    print(f"\r{run['done']} of {run['planned']} rows{cost} ", end="", file=sys.stderr, flush=True)


def _say(lines: Iterable[str], asked: argparse.Namespace) -> None:
    if asked.json:
        print(json.dumps(list(lines), ensure_ascii=False))
        return
    for line in lines:
        print(line)
