"""What a market analyst looks at, and rules for when nobody can be asked."""

import csv
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from perdure import tool

HERE = Path(__file__).parent
GOOD, BAD = {"raises", "strong", "praise", "wins", "new"}, {"warn", "strike", "delays", "rising", "falls"}


@tool(effect="read")
def read_prices(file: str, days: int) -> list[dict[str, Any]]:
    """Read the last days of a price series: `{date, close, volume}`.

    Args:
        file: Its path, seen from this file.
        days: How many.
    """
    with (HERE / file).open(newline="") as lines:
        rows = [
            {"date": row["date"], "close": float(row["close"]), "volume": int(row["volume"])}
            for row in csv.DictReader(lines)
        ]
    return rows[-days:]


@tool(effect="read")
def trend(prices: list[dict[str, Any]]) -> dict[str, Any]:
    """Say where prices go: `{direction, change}` in per cent.

    Args:
        prices: The series, the oldest first.
    """
    first, last = prices[0]["close"], prices[-1]["close"]
    change = round((last - first) / first * 100, 2)
    return {"direction": "up" if change > 1 else "down" if change < -1 else "flat", "change": change}


@tool(effect="read")
def risk(prices: list[dict[str, Any]]) -> dict[str, Any]:
    """Say how much prices jump: `{level, swing}`, the largest move of a day in per cent.

    Args:
        prices: The series, the oldest first.
    """
    closes = [row["close"] for row in prices]
    swing = max((abs(b - a) / a * 100 for a, b in pairwise(closes)), default=0.0)
    return {"level": "high" if swing > 5 else "medium" if swing > 2 else "low", "swing": round(swing, 2)}


@tool(effect="read")
def sentiment(file: str) -> dict[str, Any]:
    """Say how headlines sound: `{mood, score}`.

    Args:
        file: Their path, seen from this file; one in a line.
    """
    words = re.findall("[a-z]+", (HERE / file).read_text().lower())
    score = sum((word in GOOD) - (word in BAD) for word in words)
    return {"mood": "good" if score > 0 else "bad" if score < 0 else "mixed", "score": score}


@tool(effect="read")
def plan_by_rules(direction: str | None = None, level: str | None = None, mood: str | None = None) -> str:
    """Decide by fixed rules, for when no model can be asked.

    Args:
        direction: up, down or flat.
        level: low, medium or high.
        mood: good, bad or mixed.
    """
    if level == "high" or direction is None:
        return "hold"
    return {"up": "sell" if mood == "bad" else "buy", "down": "sell"}.get(direction, "hold")
