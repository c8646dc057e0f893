"""Every sort of call under Logfire, which exports pending spans and log spans too."""

from __future__ import annotations

import sys

import logfire


def main(client: str, version: str = "") -> None:
    """Configure, instrument, call, flush."""
    logfire.configure(send_to_logfire=False, console=False, service_name="corpus", inspect_arguments=False)
    options = {"version": int(version)} if version else {}
    if client == "openai":
        import openai
        from openai_talk import chat, embeddings, responses

        logfire.instrument_openai(**options)
        made = openai.OpenAI(max_retries=0)
        for talk in (chat, responses, embeddings):
            talk(made)
    else:
        import anthropic
        from anthropic_talk import messages

        logfire.instrument_anthropic(**options)
        messages(anthropic.Anthropic(max_retries=0))
    logfire.shutdown()


main(*sys.argv[1:])
