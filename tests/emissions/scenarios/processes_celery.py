"""Celery with forked workers and a broker of files: ``python processes_celery.py``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import openai
import said
from celery import Celery

FOLDER = Path(os.environ.setdefault("QUEUE_FOLDER", tempfile.mkdtemp()))
for name in ("queue", "done", "control", "results"):
    (FOLDER / name).mkdir(exist_ok=True)
app = Celery("processes_celery", broker="filesystem://", backend=f"file://{FOLDER / 'results'}")
app.conf.broker_transport_options = {
    "data_folder_in": str(FOLDER / "queue"),
    "data_folder_out": str(FOLDER / "queue"),
    "processed_folder": str(FOLDER / "done"),
    "control_folder": str(FOLDER / "control"),
    "store_processed": True,
}


@app.task
def ask(question: str) -> str:
    """Ask in a worker."""
    client = openai.OpenAI(max_retries=0)
    answer = client.chat.completions.create(model=said.MODEL, messages=[{"role": "user", "content": question}])
    return answer.choices[0].message.content


def main() -> None:
    """Start the workers, give them work, end them."""
    command = [sys.executable, "-m", "celery", "-A", "processes_celery", "worker", "--pool", "prefork"]
    paths = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))
    environ = {**os.environ, "PYTHONPATH": paths, "C_FORCE_ROOT": "1"}
    worker = subprocess.Popen([*command, "--concurrency", "2", "--loglevel", "ERROR"], env=environ)
    try:
        for result in [ask.delay(said.PLAIN) for _ in range(4)]:
            assert result.get(timeout=120) == "Oslo is the capital of Norway."
    finally:
        worker.terminate()
        worker.wait(60)


if __name__ == "__main__":
    main()
