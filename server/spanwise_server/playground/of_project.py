"""What calls of the playground need of a project: a connection, a place for spans, the prompt that is in use."""

from __future__ import annotations

from collections.abc import Sequence

from ..auth.current import Server
from ..prompts.content import template_hash
from ..record import Record, Span
from ..store.prompts import Prompts
from ..store.prompts_keys import ProviderKeys
from .call import BadCall, Connection, Message
from .secrets import Vault, from_environment
from .trace import Prompted


def connection_of(server: Server, project: str, provider: str) -> Connection:
    """Return the project's own connection, else the one of the server's environment; refused where there is neither."""
    stored = ProviderKeys(server.store).find(project, provider)
    if stored is not None:
        base_url, secret = stored
        return Connection(provider, Vault(server.settings.data).unlock(secret), base_url, stored=True)
    found = from_environment(provider)
    if found is None:
        raise BadCall(f"There is no key for {provider}.", "Store one at the top of the playground.")
    return found


def keep_span(server: Server, project: str, span: Span) -> Record:
    """Keep a span of the playground like any other, and return it as it was read."""
    record = server.pipeline.record(span, project)
    server.writer.submit([record]).result(30)
    return record


def prompted_with(
    server: Server, project: str, name: str, version: int | None, messages: Sequence[Message], form: str
) -> Prompted | None:
    """Return the version of a prompt that these are the messages of, ``None`` where they were changed."""
    if not name or version is None:
        return None
    found = Prompts(server.store).version(project, name, str(version))
    said = [(message["role"], message.get("content")) for message in found.content.messages]
    now = [(message.role, message.content) for message in messages]
    if now[: len(said)] != said or form != found.content.format:
        return None
    template = found.content.template
    return Prompted(name, found.said_as, template_hash(template), template, {})
