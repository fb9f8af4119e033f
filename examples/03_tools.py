"""Tools of your own: typed functions. Each says what a crash in its middle means.

$ python examples/03_tools.py
done: Booked 2 tickets: order-1
orders in the shop: 1
"""

import asyncio
from tempfile import TemporaryDirectory

import perdure
from perdure import NotDone, tool

SHOP: dict[str, str] = {}  # stands for another system; it remembers the key of each order


@tool(effect="read")
def seats_left(show: str) -> int:
    """How many seats a show has left.

    Args:
        show: Name of the show.
    """
    return 40


def was_booked(key: str) -> str | NotDone:
    return SHOP.get(key, NotDone())


@tool(reconcile=was_booked, timeout="10s")  # asked after a crash whether the booking had happened: `checkable`
async def book(show: str, seats: int, *, key: str) -> str:
    """Book seats.

    Args:
        show: Name of the show.
        seats: How many.
    """
    return SHOP.setdefault(key, f"order-{len(SHOP) + 1}")


BOX_OFFICE = {
    "name": "box-office",
    "model": "demo/planner",  # or "openai/gpt-5-mini", and instructions in words
    "instructions": """
        1. call seats_left {"show": "Hamlet"}
        2. call book {"show": "Hamlet", "seats": 2}
        3. say Booked 2 tickets: {{2}}
    """,
    "tools": [seats_left, book],
}


async def main() -> None:
    with TemporaryDirectory() as folder:
        async with perdure.open(folder) as runtime:
            result = await runtime.run(BOX_OFFICE, "Two for Hamlet, please.")
    print(f"{result.status}: {result.output}")
    print(f"orders in the shop: {len(SHOP)}")


if __name__ == "__main__":
    asyncio.run(main())
