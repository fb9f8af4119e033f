"""Three agents write a report, and none of them knows the others: they meet on topics.

The planner asks whoever researches, goes on with the first two answers, and publishes them; the writer hears that.

$ python examples/12_topics.py
the writer: Bees like lavender. Bees like thyme.
published: research.bees, report.draft, report.done
"""

import asyncio
from tempfile import TemporaryDirectory

import perdure
from perdure import Agent, AgentSpec, Context, Envelope
from perdure.agents.spec import Trigger
from perdure.bus.collaboration.fan_out import fan_out


class Planner(Agent):
    async def on_event(self, ctx: Context, event: Envelope) -> None:
        answers = await fan_out(ctx, ["research.bees"], event.payload, first=2, timeout_ms=10_000)
        ctx.topics.publish("report.draft", sorted(answer.payload for answer in answers))


class Researcher(Agent):
    async def on_message(self, ctx: Context, question: Envelope) -> str:
        return f"{question.payload} like {ctx.agent_id}."


class Writer(Agent):
    async def on_event(self, ctx: Context, event: Envelope) -> None:
        ctx.topics.publish("report.done", " ".join(event.payload))


async def main(folder: str) -> None:
    async with perdure.open(folder, recover=True) as runtime:
        for agent, cls, topic in (
            ("planner", Planner, "report.wanted"),
            ("lavender", Researcher, "research.>"),
            ("thyme", Researcher, "research.>"),
            ("writer", Writer, "report.draft"),
        ):
            await runtime.deploy(hearing(runtime.spec(cls), topic), agent=agent)
        done = await runtime.topics.subscribe("report.done")
        wanted = await runtime.publish("report.wanted", "Bees")
        print("the writer:", (await anext(done)).envelope.payload)

        log = await runtime.topics.events(after=wanted.seq)
        topics = [event.envelope.topic for event in log]
        print("published:", ", ".join(topic for topic in topics if not topic.startswith("reply.")))


def hearing(spec: AgentSpec, topic: str) -> AgentSpec:
    """The agent, woken by a topic: what `on` says in its file."""
    return AgentSpec(name=spec.name, handler=spec.handler, on=(Trigger(topic=topic),))


if __name__ == "__main__":
    with TemporaryDirectory() as home:
        asyncio.run(main(home))
