"""Processes forked and spawned, and a handler as a cloud calls it, frozen between its calls."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time

import openai
import said


def ask(_number: int) -> str:
    """Ask once, of a client of its own: a connection may not be shared by processes."""
    client = openai.OpenAI(max_retries=0)
    answer = client.chat.completions.create(model=said.MODEL, messages=[{"role": "user", "content": said.PLAIN}])
    return answer.choices[0].message.content


def handler(event: dict, _context: object) -> str:
    """Do as one does in a function of a cloud: flush before it is frozen."""
    import spanwise

    try:
        return ask(event["number"])
    finally:
        spanwise.flush(30)


def cloud() -> None:
    """Call the handler twice, then die as an environment does that is thrown away: without a word."""
    for number in range(2):
        handler({"number": number}, None)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Ask here, then in processes of every sort."""
    ask(0)
    for how in ("fork", "spawn"):
        context = multiprocessing.get_context(how)
        with context.Pool(2) as pool:
            assert set(pool.map(ask, range(4), chunksize=1)) == {"Oslo is the capital of Norway."}
            pool.close()
            pool.join()
        process = context.Process(target=ask, args=(5,))
        process.start()
        process.join(60)
        assert process.exitcode == 0
    lived = multiprocessing.get_context("spawn").Process(target=cloud)
    lived.start()
    lived.join(60)
    assert lived.exitcode == -signal.SIGKILL
    time.sleep(0)


if __name__ == "__main__":
    main()
