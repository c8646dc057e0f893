"""Processes that end without a word, as those of multiprocessing do, send what they recorded."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from .receiver import Receiver

PROGRAM = """
    import multiprocessing, sys
    import spanwise

    spanwise.init()


    def work(number):
        with spanwise.span(f"work {number}", kind="chain"):
            return number


    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        child = context.Process(target=work, args=(0,))
        child.start()
        child.join(60)
        with context.Pool(2) as pool:
            assert pool.map(work, range(1, 5), chunksize=1) == [1, 2, 3, 4]
            pool.close()
            pool.join()
"""


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_what_a_child_records_is_sent_before_it_ends(tmp_path, how):
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM), encoding="utf-8")
    with Receiver() as receiver:
        environ = {**os.environ, "SPANWISE_ENDPOINT": receiver.url}
        subprocess.run([sys.executable, str(program), how], env=environ, check=True, timeout=120)
        assert sorted(receiver.names()) == [f"work {number}" for number in range(5)]
