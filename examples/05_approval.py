"""A person decides. The run waits, for seconds or for weeks, and holds no process while it does.

On the command line the same is `perdure run`, which ends with exit code 3, and later `perdure approve RUN`.

$ python examples/05_approval.py
waiting for approval: May clerk call pay?
done: The rent is paid.
waiting for approval: May clerk call pay?
done: Step 1 of the plan failed. The tool pay reported an error: Error: pay was not approved. …
"""

import asyncio
from tempfile import TemporaryDirectory

import perdure
from perdure import tool


@tool(effect="idempotent")
def pay(amount: int, *, key: str) -> str:
    """Pay an amount.

    Args:
        amount: Dollars.
    """
    return "Paid."


CLERK = {
    "name": "clerk",
    "model": "demo/planner",
    "instructions": """
        1. call pay {"amount": 100}
        2. say The rent is paid.
    """,
    "tools": [pay],
    "approve": ["pay"],
}


async def main() -> None:
    with TemporaryDirectory() as folder:
        for decision in ("approve", "deny"):
            async with perdure.open(folder) as runtime:
                run = await runtime.run(CLERK, "Pay the rent.", agent="clerk")
                print(f"{run.status} for {run.waiting_for}: {run.waits[0].about['question']}")
            # The process could end here. Whoever opens the project next goes on.
            async with perdure.open(folder) as runtime:
                await (runtime.approve(run.run_id) if decision == "approve" else runtime.deny(run.run_id))
                result = await runtime.wait(run.run_id)
                print(f"{result.status}: {result.output}")


if __name__ == "__main__":
    asyncio.run(main())
