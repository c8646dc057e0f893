"""A notebook in a kernel of Jupyter's, whose cells are run one after the other, one of them twice."""

from __future__ import annotations

import nbformat
import said
from nbclient import NotebookClient

SETUP = f"""
import asyncio, openai, spanwise
spanwise.init()
spanwise.init()
client, later = openai.OpenAI(max_retries=0), openai.AsyncOpenAI(max_retries=0)
asked = dict(model={said.MODEL!r}, messages=[{{"role": "user", "content": {said.PLAIN!r}}}])
"""
ASK = "print(client.chat.completions.create(**asked).choices[0].message.content)"
AWAIT = "await later.chat.completions.create(**asked)"  # at the top, as notebooks may
BLOCK = """
with spanwise.span("cell", kind="chain"):
    await asyncio.gather(*(later.chat.completions.create(**asked) for _ in range(2)))
assert spanwise.flush(30)
"""

cells = [nbformat.v4.new_code_cell(source) for source in (SETUP, ASK, ASK, AWAIT, BLOCK)]
notebook = nbformat.v4.new_notebook(cells=cells)
NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
print(notebook.cells[1].outputs)
