"""Capabilities of programs as an agent's tools: what each is, is found out when a run begins, and holds to its end."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.namespace.context import Context
from perdure.tools.capability import CapabilityTool, Offer
from perdure.tools.port import Tool

from .loop import converse
from .setup import Setup


class Found(msgspec.Struct, frozen=True):
    offer: Offer | None


async def converse_with_offers(ctx: Context, setup: Setup) -> Any:
    tools = {name: await _known(ctx, tool) for name, tool in setup.tools.items()}
    return await converse(ctx, msgspec.structs.replace(setup, tools=tools))


async def _known(ctx: Context, tool: Tool) -> Tool:
    if not isinstance(tool, CapabilityTool):
        return tool

    async def look(_: str) -> Found:
        return Found(await tool.offered())

    found: Found = await ctx.effect("offer", tool.definition.name, look, effect="read", type=Found)
    return tool if found.offer is None else tool.as_offered(found.offer)
