import asyncio
import json

import pytest

from perdure.base.errors import (
    AgentNotFound,
    ApprovalRequired,
    BudgetExceeded,
    FileNotReady,
    IdempotencyRequired,
    InputError,
    JobCancelled,
    JobInterrupted,
    JobNotFound,
    MaxCostRequired,
    ModelTimeout,
    NoProviderAvailable,
    Overloaded,
    UnpricedModel,
    UnsupportedKind,
    WrongState,
)
from perdure.base.messages import ModelResponse, Text
from perdure.base.usage import Usage
from perdure.compute.jobs.port import Done, Latency, ProviderInfo
from perdure.compute.routing import Candidate
from perdure.compute.spec import Price
from perdure.kernel.budgets import BudgetRules
from perdure.kernel.store.ops import DeleteAgent, Heartbeat, ScopeLimit, SetLimit
from perdure.kernel.store.rows import RecordFilter, WorkerRow

ANSWER = ModelResponse((Text("Hello"),), usage=Usage(10, 2))
COST = 10 * 3 + 2 * 15
DAY = "agent:ada:day"


def patient(gate):
    async def answer(_):
        await gate.wait()
        return ANSWER

    return answer


async def under_way(jobs, job_id):
    """Let the job come as far as its call."""
    async with asyncio.timeout(10):
        while (await jobs.find("ada", job_id)).status == "pending":
            await asyncio.sleep(0)


# -- from the request to the result -----------------------------------------------------------------------------------


async def test_a_job_is_accepted_at_once_and_its_result_can_be_read_when_it_is_done(house, chat, over):
    async with house() as here:
        gate = asyncio.Event()
        jobs = here.jobs(patient(gate))
        receipt = json.loads(await jobs.submit("ada", chat()))
        place = f"/compute/jobs/{receipt['job_id']}"
        assert receipt == {
            "job_id": receipt["job_id"],
            "status": "pending",
            "status_path": f"{place}/status",
            "stream_path": f"{place}/stream",
            "result_path": f"{place}/result",
        }
        await under_way(jobs, receipt["job_id"])
        with pytest.raises(FileNotReady, match="the job is running"):
            _ = (await jobs.find("ada", receipt["job_id"])).result
        gate.set()
        job = await over(jobs, json.dumps(receipt))
        assert job.result == {
            "job_id": job.id,
            "output": {"role": "assistant", "content": "Hello", "finish_reason": "complete"},
            "usage": {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12},
            "cost_microusd": COST,
            "latency_ms": job.latency_ms,
            "provider_id": "scripted",
            "model": "scripted/a",
        }


async def test_the_result_is_on_disk_for_another_process_and_the_journal_tells_of_it(house, chat, over):
    async with house() as here:
        jobs = here.jobs([ANSWER])
        job = await over(jobs, await jobs.submit("ada", chat()))
        other = here.jobs(worker="wrk_2")
        assert (await other.find("ada", job.id)).result == job.result
        records = await here.store.records(RecordFilter("ada"))
        assert [record.type for record in records] == [
            "budget.reserved",
            "effect.intended",
            "effect.done",
            "budget.settled",
        ]
        assert {record.key for record in records} == {f"compute/jobs/{job.id}"}
        assert await here.store.verify("ada") == []


async def test_completion_is_a_kind_too_and_asks_with_the_settings_given(house, over):
    async with house() as here:
        jobs = here.jobs([ANSWER])
        said = {"prompt": "Say hello", "system": "Be short", "temperature": 0.5, "max_tokens": 7}
        job = await over(
            jobs, await jobs.submit("ada", json.dumps({"model": "a", "kind": "complete", "input": said}).encode())
        )
        assert job.output == {"text": "Hello", "finish_reason": "complete"}
        (asked,) = here.asked
        assert (asked.system, asked.messages[0].text) == ("Be short", "Say hello")
        assert (asked.temperature, asked.max_tokens, asked.timeout_ms) == (0.5, 7, 120_000)


async def test_a_job_belongs_to_its_agent(house, chat, over):
    async with house() as here:
        await here.begin("bob")
        jobs = here.jobs([ANSWER])
        job = await over(jobs, await jobs.submit("ada", chat()))
        for question in (jobs.find, jobs.cancel, jobs.watch, jobs.remove):
            with pytest.raises(JobNotFound):
                await question("bob", job.id)
        assert (await jobs.ids("ada"), await jobs.ids("bob")) == ([job.id], [])


async def test_an_agent_that_is_not_there_has_no_jobs(house, chat):
    async with house() as here:
        with pytest.raises(AgentNotFound):
            await here.jobs([ANSWER]).submit("nobody", chat())


async def test_one_that_is_over_can_be_forgotten_and_its_cost_stays(house, chat, over):
    async with house() as here:
        gate = asyncio.Event()
        jobs = here.jobs(patient(gate))
        receipt = await jobs.submit("ada", chat())
        job_id = json.loads(receipt)["job_id"]
        with pytest.raises(WrongState):
            await jobs.remove("ada", job_id)
        gate.set()
        await over(jobs, receipt)
        await jobs.remove("ada", job_id)
        assert await jobs.ids("ada") == []
        assert await here.money() == [(0, COST)]


# -- money ------------------------------------------------------------------------------------------------------------


async def test_money_is_set_aside_before_the_call_and_settled_when_the_job_ends_whoever_looks(house, chat):
    async with house() as here:
        here.limits = (ScopeLimit(DAY, 1_000),)
        gate = asyncio.Event()
        jobs = here.jobs(patient(gate))
        await jobs.submit("ada", chat())
        ((reserved, spent), of_agent) = await here.money("agent:ada:compute:day", DAY)
        assert reserved > 10 * 15 and spent == 0
        assert of_agent == (reserved, 0)
        gate.set()
        await jobs.close(10_000)
        assert await here.money("agent:ada:compute:day", DAY) == [(0, COST), (0, COST)]


async def test_usage_adds_up_over_ticks_and_the_day(house, chat, over):
    async with house() as here:
        here.limits = (ScopeLimit("run:r", 500), ScopeLimit(DAY, 1_000))
        jobs = here.jobs(lambda _: ANSWER)
        for tick in (1, 2, 2):
            here.tick = tick
            await over(jobs, await jobs.submit("ada", chat()))
        usage = await jobs.usage("ada")
        assert usage["tick"] == {
            "reserved_microusd": 0,
            "spent_microusd": 2 * COST,
            "limit_microusd": 500,
            "remaining_microusd": 500 - 3 * COST,
        }
        assert usage["day"] == {
            "reserved_microusd": 0,
            "spent_microusd": 3 * COST,
            "limit_microusd": 1_000,
            "remaining_microusd": 1_000 - 3 * COST,
        }


async def test_a_job_that_does_not_fit_into_the_budget_is_refused_and_asks_nobody(house, chat):
    async with house() as here:
        here.limits = (ScopeLimit(DAY, 100),)
        jobs = here.jobs([ANSWER])
        with pytest.raises(BudgetExceeded, match=DAY):
            await jobs.submit("ada", chat())
        assert here.asked == []
        assert await jobs.ids("ada") == []


async def test_fifty_at_once_against_a_budget_for_seven(house, chat):
    async with house() as here:
        jobs = here.jobs(lambda _: ANSWER)
        await jobs.submit("ada", chat())
        await jobs.close(10_000)
        ((_, spent),) = await here.money()
        one = (await jobs.find("ada", (await jobs.ids("ada"))[0])).reserved
        await jobs.policies.put("ada", json.dumps({"max_cost_per_day_microusd": spent + 7 * one}).encode())
        gate = asyncio.Event()
        many = here.jobs(patient(gate))
        told = await asyncio.gather(*(many.submit("ada", chat()) for _ in range(50)), return_exceptions=True)
        assert sum(isinstance(one, bytes) for one in told) == 7
        assert all(isinstance(one, (bytes, BudgetExceeded)) for one in told)
        gate.set()
        await many.close(10_000)
        assert await here.money() == [(0, spent + 7 * COST)]


async def test_the_policys_caps_hold_on_their_own(house, chat, over):
    async with house() as here:
        jobs = here.jobs(lambda _: ANSWER)
        await jobs.policies.put("ada", json.dumps({"max_cost_per_tick_microusd": 240}).encode())
        await over(jobs, await jobs.submit("ada", chat()))
        with pytest.raises(BudgetExceeded, match="agent:ada:compute:tick"):
            await jobs.submit("ada", chat())
        here.tick = 2
        await over(jobs, await jobs.submit("ada", chat()))
        await jobs.policies.put("ada", json.dumps({"max_cost_per_day_microusd": 240}).encode())
        with pytest.raises(BudgetExceeded, match="agent:ada:compute:day"):
            await jobs.submit("ada", chat())


async def test_usage_that_nobody_reports_costs_what_was_reserved(house, chat, over):
    async with house() as here:
        plugged = Odd(Done("?", "?"))
        jobs = here.jobs(plugged=[plugged])
        job = await over(jobs, await jobs.submit("ada", chat(model="odd/one", max_cost_microusd=700)))
        assert (job.reserved, job.cost) == (700, 700)
        assert await here.money() == [(0, 700)]


async def test_an_agent_may_say_that_unknown_usage_costs_nothing(house, chat, over):
    async with house() as here:
        here.rules = BudgetRules(unknown_usage="zero")
        jobs = here.jobs(plugged=[Odd(Done("?", "?"))])
        job = await over(jobs, await jobs.submit("ada", chat(model="odd/one", max_cost_microusd=700)))
        assert (job.reserved, job.cost) == (700, 0)
        assert await here.money() == [(0, 0)]


async def test_what_a_person_has_to_agree_to_is_not_for_jobs(house, chat):
    async with house() as here:
        here.rules = BudgetRules(approval_threshold=100)
        with pytest.raises(ApprovalRequired, match=r"more than \$0\.0001 takes a person"):
            await here.jobs([ANSWER]).submit("ada", chat())
        assert await here.money() == []


async def test_a_limit_that_a_person_set_holds_over_the_policys(house, chat, over):
    async with house() as here:
        jobs = here.jobs(lambda _: ANSWER)
        await over(jobs, await jobs.submit("ada", chat()))
        await here.store.commit([SetLimit("agent:ada:compute:day", 200)])
        assert (await jobs.usage("ada"))["day"]["remaining_microusd"] == 200 - COST
        with pytest.raises(BudgetExceeded):
            await jobs.submit("ada", chat())


async def test_where_only_the_bill_tells_all_that_is_left_is_set_aside(house, chat, over):
    async with house() as here:
        here.limits = (ScopeLimit(DAY, 900),)
        jobs = here.jobs(plugged=[Odd(Done("!", "!", Usage(1, 1), 40))])
        job = await over(jobs, await jobs.submit("ada", chat(model="odd/one")))
        assert (job.reserved, job.cost) == (900, 40)
        assert await here.money(DAY) == [(0, 40)]


async def test_a_failure_gives_the_money_back(house, chat, over):
    async with house() as here:
        jobs = here.jobs([Overloaded("busy")])
        job = await over(jobs, await jobs.submit("ada", chat()))
        assert job.standing == {"status": "failed", "error": job.error}
        with pytest.raises(Overloaded, match="busy"):
            _ = job.result
        assert await here.money() == [(0, 0)]


async def test_a_model_without_a_price_fails_closed_where_money_counts(house, chat, over):
    async with house() as here:
        jobs = here.jobs(lambda _: ANSWER, prices={}, models=("a",), environment={"OPENAI_API_KEY": "k"})
        here.limits = (ScopeLimit(DAY, 900),)
        with pytest.raises(UnpricedModel, match="no known price"):
            await jobs.submit("ada", chat(model="openai/nobody-knows-this-one"))
        here.limits = ()
        with pytest.raises(UnpricedModel):
            await jobs.submit("ada", chat(model="openai/nobody-knows-this-one", max_cost_microusd=5))
        assert here.http.posts == []


async def test_one_that_may_cost_more_than_the_caller_said_is_not_asked(house, chat):
    async with house() as here:
        with pytest.raises(NoProviderAvailable, match=r"\$0\.00005 is the most"):
            await here.jobs([ANSWER]).submit("ada", chat(max_cost_microusd=50))


# -- the same request again -------------------------------------------------------------------------------------------


async def test_the_same_key_gives_the_same_receipt_and_reserves_nothing(house, chat, over):
    async with house() as here:
        jobs = here.jobs([ANSWER])
        first = await jobs.submit("ada", chat(idempotency_key="k"))
        await over(jobs, first)
        assert await jobs.submit("ada", chat(idempotency_key="k")) == first
        assert await here.jobs(worker="wrk_2").submit("ada", chat(idempotency_key="k")) == first
        assert len(here.asked) == 0 and len(await jobs.ids("ada")) == 1
        assert await here.money() == [(0, COST)]


async def test_of_many_at_once_with_the_same_key_one_is_a_job(house, chat):
    async with house() as here:
        both = here.jobs(lambda _: ANSWER), here.jobs(lambda _: ANSWER, worker="wrk_2")
        receipts = await asyncio.gather(
            *(jobs.submit("ada", chat(idempotency_key="k")) for jobs in both for _ in range(10))
        )
        assert len(set(receipts)) == 1
        for jobs in both:
            await jobs.close(10_000)
        assert await here.money() == [(0, COST)]
        assert len(await both[0].ids("ada")) == 1


async def test_a_key_is_the_agents_own(house, chat):
    async with house() as here:
        await here.begin("bob")
        jobs = here.jobs(lambda _: ANSWER)
        one, other = [await jobs.submit(agent, chat(idempotency_key="k")) for agent in ("ada", "bob")]
        assert one != other
        await jobs.close(10_000)


# -- the order of checks ----------------------------------------------------------------------------------------------


async def test_a_policy_may_want_keys_and_costs(house, chat):
    async with house() as here:
        jobs = here.jobs(lambda _: ANSWER)
        await jobs.policies.put("ada", b'{"require_idempotency": true, "require_max_cost": true}')
        with pytest.raises(IdempotencyRequired):
            await jobs.submit("ada", chat(model="nowhere/none"))
        with pytest.raises(MaxCostRequired):
            await jobs.submit("ada", chat(model="nowhere/none", idempotency_key="k"))
        with pytest.raises(NoProviderAvailable):
            await jobs.submit("ada", chat(model="nowhere/none", idempotency_key="k", max_cost_microusd=900))
        await jobs.policies.put("ada", b'{"require_max_cost": true, "default_max_cost_microusd": 900}')
        await jobs.submit("ada", chat())
        await jobs.close(10_000)


@pytest.mark.parametrize("kind", ["image_generate", "image_analyze", "transcribe", "speak", {"custom": "ocr"}])
async def test_a_kind_that_nobody_does_is_refused_with_what_it_would_take(house, kind):
    async with house() as here:
        with pytest.raises(UnsupportedKind, match="it takes a provider"):
            await here.jobs().submit("ada", json.dumps({"model": "a", "kind": kind, "input": {}}).encode())


@pytest.mark.parametrize("said", [{}, {"messages": []}, {"messages": [{"role": "user"}]}, {"prompt": "x"}, "text"])
async def test_an_input_that_is_not_of_its_kind_is_refused_at_once(house, said):
    async with house() as here:
        with pytest.raises(InputError, match="the input of a chat job"):
            await here.jobs().submit("ada", json.dumps({"model": "a", "kind": "chat", "input": said}).encode())


async def test_a_provider_that_is_plugged_in_does_its_kind(house, over):
    async with house() as here:
        jobs = here.jobs(plugged=[Odd(Done({"url": "x"}, "x", None, 5), kinds=("image_generate",))])
        request = {"model": "odd/one", "kind": "image_generate", "input": {"prompt": "a cat"}, "max_cost_microusd": 9}
        job = await over(jobs, await jobs.submit("ada", json.dumps(request).encode()))
        assert (job.output, job.provider, job.cost) == ({"url": "x"}, "odd", 5)


# -- embeddings -------------------------------------------------------------------------------------------------------


async def test_embeddings_are_made_here_without_a_model(house, over):
    async with house() as here:
        jobs = here.jobs()
        request = {"model": "hashed-ngrams", "kind": "embeddings", "input": {"texts": ["a b", "c"], "dimensions": 8}}
        job = await over(jobs, await jobs.submit("ada", json.dumps(request).encode()))
        assert [len(one) for one in job.output["embeddings"]] == [8, 8]
        assert (job.provider, job.cost) == ("local", 0)


async def test_embeddings_over_http_are_priced_and_settled_by_what_the_server_counted(house, over):
    async with house() as here:
        here.limits = (ScopeLimit(DAY, 1_000),)
        here.reply = b'{"data": [{"index": 0, "embedding": [0.5, 0.5]}], "usage": {"prompt_tokens": 3}}'
        jobs = here.jobs(prices={"openai/e": Price(20, 0)}, environment={"OPENAI_API_KEY": "k"})
        request = {"model": "openai/e", "kind": "embeddings", "input": {"text": "some words"}}
        job = await over(jobs, await jobs.submit("ada", json.dumps(request).encode()))
        assert job.result["output"] == {"embeddings": [[0.5, 0.5]], "dimensions": 2}
        assert (job.cost, job.provider) == (60, "openai") and job.reserved > 60
        assert await here.money(DAY) == [(0, 60)]


async def test_a_provider_whose_key_is_missing_says_so_and_nothing_is_asked(house, chat):
    async with house() as here:
        jobs = here.jobs(prices={"openai/gpt": Price(1, 1)})
        with pytest.raises(NoProviderAvailable, match="OPENAI_API_KEY is not set"):
            await jobs.submit("ada", chat(model="openai/gpt"))
        assert here.http.posts == []


async def test_a_bare_name_goes_to_whichever_provider_has_it_as_the_policy_prefers(house, chat, over):
    async with house() as here:
        cheap = Odd(Done("cheap", "cheap", None, 1), id="cheap", cost=5, ttft=900)
        quick = Odd(Done("quick", "quick", None, 1), id="quick", cost=50, ttft=10)
        jobs = here.jobs(plugged=[cheap, quick])
        for prefer in ("cost", "latency"):
            await jobs.policies.put("ada", json.dumps({"prefer": prefer}).encode())
            job = await over(jobs, await jobs.submit("ada", chat(model="one")))
            assert job.provider == {"cost": "cheap", "latency": "quick"}[prefer]
        await jobs.policies.put("ada", b'{"prefer": "cost", "blocked_providers": ["cheap"]}')
        assert (await over(jobs, await jobs.submit("ada", chat(model="one")))).provider == "quick"


# -- cancelled, too late, left behind ---------------------------------------------------------------------------------


async def test_cancelling_ends_a_call_and_spends_what_it_may_have_cost(house, chat):
    async with house() as here:
        jobs = here.jobs(patient(asyncio.Event()))
        job_id = json.loads(await jobs.submit("ada", chat()))["job_id"]
        await under_way(jobs, job_id)
        await jobs.cancel("ada", job_id)
        job = await jobs.find("ada", job_id)
        with pytest.raises(JobCancelled):
            _ = job.result
        assert job.cost == job.reserved > 0
        assert await here.money() == [(0, job.reserved)]
        await jobs.cancel("ada", job_id)  # it is over: nothing more happens


async def test_cancelling_before_the_call_costs_nothing(house, chat):
    async with house() as here:
        jobs = here.jobs([ANSWER])
        job_id = json.loads(await jobs.submit("ada", chat()))["job_id"]
        await jobs.cancel("ada", job_id)
        assert (await jobs.find("ada", job_id)).error["code"] == "compute.cancelled"
        assert (here.asked, await here.money()) == ([], [(0, 0)])


async def test_a_job_that_takes_too_long_is_ended(house, chat, over):
    async with house() as here:
        jobs = here.jobs(patient(asyncio.Event()))
        job = await over(jobs, await jobs.submit("ada", chat(timeout_ms=1)))
        with pytest.raises(ModelTimeout):
            _ = job.result
        assert await here.money() == [(0, job.reserved)]


async def test_what_a_dead_process_left_behind_is_settled_by_whoever_comes_next(house, chat):
    async with house() as here:
        jobs = here.jobs(patient(asyncio.Event()))
        job_id = json.loads(await jobs.submit("ada", chat()))["job_id"]
        await under_way(jobs, job_id)
        ((reserved, _),) = await here.money()
        await here.clock.advance(60_000)  # its heartbeat lapses
        next_one = here.jobs(worker="wrk_2")
        assert await next_one.recover() == 1
        assert await here.money() == [(0, reserved)]
        job = await next_one.find("ada", job_id)
        with pytest.raises(JobInterrupted):
            _ = job.result
        # The one taken for dead was only slow: what it says now comes too late, and changes nothing.
        await jobs.cancel("ada", job_id)
        assert (await jobs.find("ada", job_id)).error["code"] == "compute.interrupted"
        assert await here.money() == [(0, reserved)]


async def test_usage_settles_what_was_left_behind_too(house, chat):
    async with house() as here:
        jobs = here.jobs(patient(asyncio.Event()))
        await jobs.submit("ada", chat())
        await here.clock.advance(60_000)
        usage = await here.jobs(worker="wrk_2").usage("ada")
        assert usage["day"]["reserved_microusd"] == 0 < usage["day"]["spent_microusd"]
        await jobs.close()


async def test_a_job_of_a_process_that_lives_is_running_and_is_its_own(house, chat):
    async with house() as here:
        jobs = here.jobs(patient(asyncio.Event()))
        job_id = json.loads(await jobs.submit("ada", chat()))["job_id"]
        await here.store.commit([Heartbeat(WorkerRow("wrk_1", here.clock.now()))])
        other = here.jobs(worker="wrk_2")
        assert await other.recover() == 1
        assert (await other.find("ada", job_id)).status == "running"
        for question in (other.watch, other.cancel):
            with pytest.raises(WrongState, match="another process"):
                await question("ada", job_id)
        await jobs.close()


async def test_closing_lets_jobs_finish_and_ends_those_that_do_not(house, chat):
    async with house() as here:
        gate = asyncio.Event()
        answers = iter([patient(asyncio.Event()), patient(gate)])
        jobs = here.jobs(lambda request: next(answers)(request))
        lost, finished = [json.loads(await jobs.submit("ada", chat()))["job_id"] for _ in range(2)]
        await under_way(jobs, finished)
        gate.set()
        await jobs.close(50)
        assert (await jobs.find("ada", finished)).status == "complete"
        assert (await jobs.find("ada", lost)).error["code"] == "compute.interrupted"


async def test_an_agent_that_is_deleted_meanwhile_leaves_no_reservation_behind(house, chat):
    async with house() as here:
        here.limits = (ScopeLimit("project:day", 1_000),)
        gate = asyncio.Event()
        jobs = here.jobs(patient(gate))
        await jobs.submit("ada", chat())
        await here.store.commit([DeleteAgent("ada")])
        gate.set()
        await jobs.close(10_000)
        assert await here.money("project:day") == [(0, COST)]


class Odd:
    """A provider that is plugged in; without a `cost` it cannot tell beforehand what it will be."""

    def __init__(self, done, kinds=("chat",), id="odd", cost=None, ttft=1):
        self.id = id
        self.kinds = kinds
        self._done = done
        self._offer = Candidate(provider=id, model=f"{id}/one", microusd=cost, ttft_ms=ttft)

    def offers(self, request):
        return [self._offer] if request.model in ("one", f"{self.id}/one") else []

    async def do(self, request, model, say):
        return self._done

    def info(self):
        return ProviderInfo(self.id, "Odd", (), tuple(self.kinds), Latency(1))
