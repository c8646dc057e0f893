"""A client and a server of the Model Context Protocol, over pipes: ``python mcp_calls.py [MODULE:INSTRUMENTOR...]``.

The client starts the server, with ``server`` before the same instrumentors.
"""

from __future__ import annotations

import asyncio
import os
import sys

import openai
import said
import tracing
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

try:
    from mcp.server.fastmcp import FastMCP
except ImportError:  # as it is called from 2.0 on
    from mcp.server.mcpserver import MCPServer as FastMCP


def serve() -> None:
    """Be the server."""
    server = FastMCP("weather")

    @server.tool()
    def get_weather(city: str) -> str:
        """Says the weather in a city."""
        client = openai.OpenAI(max_retries=0)
        client.chat.completions.create(model=said.MODEL, messages=[{"role": "user", "content": said.PLAIN}])
        return said.TOOL_RESULT

    @server.tool()
    def fails() -> str:
        """Fails."""
        raise ValueError("no such city")

    @server.resource("weather://oslo")
    def oslo() -> str:
        """The weather in Oslo."""
        return said.TOOL_RESULT

    server.run("stdio")


async def ask(*instrumentors: str) -> None:
    """Be the client."""
    parameters = StdioServerParameters(
        command=sys.executable, args=[__file__, "server", *instrumentors], env=dict(os.environ)
    )
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        await session.list_tools()
        print(await session.call_tool("get_weather", {"city": "Oslo"}))
        print(await session.call_tool("fails", {}))
        print(await session.read_resource("weather://oslo"))


def main(*arguments: str) -> None:
    """Instrument, be one or the other, flush."""
    instrumentors = [argument for argument in arguments if argument != "server"]
    spans = tracing.start()
    tracing.instrument(*instrumentors)
    if "server" in arguments:
        serve()
    else:
        asyncio.run(ask(*instrumentors))
    spans.shutdown()


main(*sys.argv[1:])
