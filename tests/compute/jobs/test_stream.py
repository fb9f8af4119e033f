import asyncio
import json

from perdure.base.messages import Finished, ModelResponse, Text
from perdure.base.usage import Usage
from perdure.testing import breaks

ANSWER = ModelResponse((Text("one two three"),), usage=Usage(10, 3))
USAGE = {"input_tokens": 10, "output_tokens": 3, "total_tokens": 13}


async def chunks(watch):
    async with asyncio.timeout(10):
        return [(change.seq, json.loads(change.data)) async for change in watch]


async def test_pieces_come_as_they_are_said_and_the_last_one_has_the_reason(house, chat):
    async with house() as here:
        jobs = here.jobs([ANSWER])
        id = json.loads(await jobs.submit("ada", chat(stream=True)))["job_id"]
        assert await chunks(await jobs.watch("ada", id)) == [
            (1, {"job_id": id, "delta": "one "}),
            (2, {"job_id": id, "delta": "two "}),
            (3, {"job_id": id, "delta": "three"}),
            (4, {"job_id": id, "delta": "", "finish_reason": "complete", "usage": USAGE}),
        ]


async def test_who_comes_late_is_told_what_was_said_and_then_the_rest(house, chat):
    async with house() as here:
        jobs = here.jobs([ANSWER])
        id = json.loads(await jobs.submit("ada", chat(stream=True)))["job_id"]
        first = await jobs.watch("ada", id)
        early = [await anext(first), await anext(first)]
        late = await chunks(await jobs.watch("ada", id))
        assert [seq for seq, _ in late] == [1, 2, 3, 4]
        behind = await chunks(await jobs.watch("ada", id, early[-1].seq))
        assert [seq for seq, _ in behind] == [3, 4]
        assert [seq for seq, _ in await chunks(first)] == [3, 4]


async def test_without_streaming_there_is_exactly_one_chunk(house, chat):
    async with house() as here:
        jobs = here.jobs(lambda _: ANSWER)
        for stream in (False, True):
            id = json.loads(await jobs.submit("ada", chat(stream=stream)))["job_id"]
            told = await chunks(await jobs.watch("ada", id))
            assert len(told) == (4 if stream else 1)
        assert await chunks(await here.jobs(worker="wrk_2").watch("ada", id)) == [
            (1, {"job_id": id, "delta": "one two three", "finish_reason": "complete", "usage": USAGE})
        ]


async def test_a_provider_that_cannot_stream_gives_its_answer_in_one_chunk(house, chat):
    async with house() as here:

        class Whole:
            name = "scripted/a"

            async def stream(self, request):
                yield Finished(ANSWER)

        jobs = here.jobs(model=Whole())
        id = json.loads(await jobs.submit("ada", chat(stream=True)))["job_id"]
        assert await chunks(await jobs.watch("ada", id)) == [
            (1, {"job_id": id, "delta": "one two three", "finish_reason": "complete", "usage": USAGE})
        ]


async def test_a_stream_that_breaks_ends_with_the_error(house, chat):
    async with house() as here:
        jobs = here.jobs([breaks("one ")])
        id = json.loads(await jobs.submit("ada", chat(stream=True)))["job_id"]
        told = [chunk for _, chunk in await chunks(await jobs.watch("ada", id))]
        assert told[0]["delta"] == "one "
        assert (told[-1]["finish_reason"], told[-1]["error"]["code"]) == ("failed", "model.broken_stream")


async def test_the_end_says_why_an_answer_was_cut(house, chat):
    async with house() as here:
        jobs = here.jobs([ModelResponse((Text("one"),), stop="length", usage=Usage(1, 1))])
        id = json.loads(await jobs.submit("ada", chat()))["job_id"]
        ((_, told),) = await chunks(await jobs.watch("ada", id))
        assert (told["delta"], told["finish_reason"]) == ("one", "length")
