"""Testing an agent: a scripted model says what the test tells it to, and remembers what it was asked.

$ python -m pytest -q -p no:cacheprovider examples/10_testing.py
…
2 passed …
"""

import asyncio
from pathlib import Path

import perdure
from perdure.testing import Scripted, call

AGENT = {
    "name": "helper",
    "model": "openai/gpt-5-mini",  # what runs in production; the tests put a scripted model in its place
    "instructions": "You help with sums.",
    "tools": ["calculator"],
}


def run(folder: Path, model: Scripted, question: str) -> perdure.RunResult:
    async def main() -> perdure.RunResult:
        async with perdure.open(folder, models={"openai/gpt-5-mini": model}) as runtime:
            return await runtime.run(AGENT, question)

    return asyncio.run(main())


def told(model: Scripted) -> str:
    """The last tool result that the model was shown."""
    (result,) = model.requests[-1].messages[-1].parts
    return "".join(part.text for part in result.parts)


def test_the_answer_uses_what_the_calculator_gave(tmp_path: Path) -> None:
    model = Scripted([call("calculator", expression="25 * 47"), "It is 1175."])
    result = run(tmp_path, model, "What's 25 * 47?")
    assert result.output == "It is 1175."
    assert told(model) == "1175"


def test_wrong_arguments_are_told_to_the_model(tmp_path: Path) -> None:
    model = Scripted([call("calculator", sum="25 * 47"), "I cannot."])
    result = run(tmp_path, model, "What's 25 * 47?")
    assert result.ok
    assert "expression" in told(model)
