"""Nothing on the labelling page tells who answered, or what others thought."""

from __future__ import annotations

import pytest

from spanwise_server.labelling.blind import unbiased
from spanwise_server.labelling.queue import Queue


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("prompt:support@7", "prompt:…"),
        ('env:prod model:"my model"', "env:prod model:…"),
        ("-label.x", "-label.x"),
        ("cost>0.01 status:ok", "cost:… status:ok"),
        ("(model:a OR model:b) kind:llm", "model:… kind:llm"),
        ("", ""),
    ],
)
def test_telling_values_are_hidden_in_a_blind_queue(text, seen):
    queue = unbiased(Queue(f"{text}, newest", filter=text, reason=f"The newest of {text}, last 7 days"))
    assert queue.name == f"{seen}, newest"
    assert queue.reason == f"The newest of {seen}, last 7 days"


def test_an_open_queue_says_it_all():
    queue = Queue("prompt:support@7", filter="prompt:support@7", blind=False)
    assert unbiased(queue) == queue
