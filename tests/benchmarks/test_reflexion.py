"""A team that is told its lessons gets better from task to task; one that is not stays what it was."""

from __future__ import annotations

from reflexion import measure


async def test_scores_rise_with_lessons_and_only_with_them() -> None:
    found = await measure(5)
    assert found["without"] == [0.0] * 5
    scores = found["with lessons"]
    assert scores == sorted(scores)
    assert (scores[0], scores[-1]) == (0.0, 1.0)
