"""Run the shop's week: ``python -m support_bot --endpoint http://127.0.0.1:4318 --project acme-support``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import datetime, timedelta, timezone

from anthropic import Anthropic
from openai import OpenAI

import spanwise
from fake_provider import FakeProvider

from . import plan
from .bot import Clients, SupportBot
from .clock import Clock
from .knowledge import Knowledge
from .script import GIVEN_UP_S, Script
from .shop import Shop
from .tools import Tools
from .traffic import Stage

FLUSH_S = 30.0


def main() -> int:
    """Send a week of the shop's traces and return 0 when the server has all of them."""
    asked = _parser().parse_args()
    began = time.monotonic()
    clock, script, shop = Clock(), Script(asked.seed), Shop()
    spanwise.init(
        endpoint=asked.endpoint,
        project=asked.project,
        api_key=os.environ.get("SPANWISE_API_KEY", ""),
        service="support-bot",
        release="2026.11.3",
        before_send=clock.before_send,
    )
    now = datetime.now(timezone.utc)
    sessions = plan.sessions(now, count=asked.sessions, days=asked.days, seed=asked.seed)
    with FakeProvider(script.answer) as provider:
        clients = Clients(
            openai=OpenAI(base_url=provider.openai_url, api_key="sk-demo", max_retries=1, timeout=GIVEN_UP_S),
            anthropic=Anthropic(base_url=provider.url, api_key="sk-demo", max_retries=1),
            local=OpenAI(base_url=provider.openai_url, api_key="none", max_retries=0),
        )
        knowledge = Knowledge(clients.openai)
        clock.set_back("index", now - timedelta(days=asked.days))
        with spanwise.context(tags=["job"], metadata={"request": "index"}, environment="prod"):
            knowledge.index("")
        bot = SupportBot(clients, knowledge, Tools(shop))
        Stage(bot, script, shop, clock, knowledge, provider.openai_url, provider.url).play(sessions, now)
    spanwise.flush(FLUSH_S)
    status = spanwise.status()
    print(f"{len(sessions)} sessions, {status.sent} spans sent in {time.monotonic() - began:.0f} s")
    if status.dropped or status.failed or status.queued:
        print(f"not all of them arrived: {status}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m support_bot", description="Send a week of an outdoor shop's traces."
    )
    parser.add_argument("--endpoint", default="http://127.0.0.1:4318", help="root of the Spanwise server")
    parser.add_argument("--project", default="acme-support", help="project to file the traces under")
    parser.add_argument("--sessions", type=int, default=plan.SESSIONS, help="how many conversations take place")
    parser.add_argument("--days", type=int, default=plan.DAYS, help="over how many days, up to now")
    parser.add_argument("--seed", type=int, default=7, help="another number makes another week")
    return parser


if __name__ == "__main__":
    sys.exit(main())
