"""``python -m matrix``: list the cases, lock their versions anew, make their environments."""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor

from .case import EDGES, Case, Edge
from .environment import environment, lock, lock_path, uv_path
from .groups import cases_of


def _problem(case: Case, edge: Edge) -> str:
    try:
        lock(case, edge)
    except AssertionError as error:
        return f"{case.name} {edge}: {error}\n"
    return ""


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="matrix")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--group", type=int, help="only the group whose turn it is")
    parser.add_argument("--lock", action="store_true", help="find the oldest and the newest versions anew")
    parser.add_argument("--make", action="store_true", help="make the environments")
    said = parser.parse_args()
    cases = cases_of(said.group)
    chosen = [(case, edge) for case in cases if not said.names or case.name in said.names for edge in EDGES]
    uv_path()
    with ThreadPoolExecutor(4) as pool:
        if said.lock:
            for problem in pool.map(lambda pair: _problem(*pair), chosen):
                print(problem, end="")
        if said.make:
            list(pool.map(lambda pair: environment(*pair), chosen))
    if not (said.lock or said.make):
        for case, edge in chosen:
            print(case.group, case.name, edge, lock_path(case, edge).exists())


if __name__ == "__main__":
    main()
