"""What a help desk does: sorts tickets, knows some answers, pays money back."""

import json
import re
from pathlib import Path
from typing import Any

from perdure import tool

HERE = Path(__file__).parent
SIGNS = {
    "refund": r"refund|charged|money back|my [\d.]+ back",
    "question": r"\?\s*$|^(how|when|where|what|which)\b",
}
ANSWERS = {"shipping": "Parcels within Europe take 3 to 5 working days.", "": "A colleague will write to you today."}


@tool(effect="read")
def read_tickets(file: str) -> list[dict[str, Any]]:
    """Read the tickets of a file.

    Args:
        file: Its path, seen from this file.
    """
    found: list[dict[str, Any]] = json.loads((HERE / file).read_text())
    return found


@tool(effect="read")
def classify(text: str) -> dict[str, Any]:
    """Say what a ticket is about: `{category, amount}`.

    Args:
        text: What the customer wrote.
    """
    category = next((name for name, sign in SIGNS.items() if re.search(sign, text, re.IGNORECASE)), "incident")
    amount = re.search(r"\d+\.\d\d", text)
    return {"category": category, "amount": float(amount[0]) if amount and category == "refund" else 0.0}


@tool(effect="read")
def look_up(text: str) -> str:
    """Look for an answer to a question of a customer.

    Args:
        text: What the customer wrote.
    """
    return next(answer for word, answer in ANSWERS.items() if word in text.lower())


@tool(effect="idempotent")
def pay_back(ticket: str, amount: float, ledger: str, *, key: str) -> str:
    """Pay money back: a line in the ledger, once for each call.

    Args:
        ticket: Which ticket it is for.
        amount: How much.
        ledger: Path of the ledger.
    """
    path = Path(ledger)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.read_text().splitlines() if path.exists() else []
    if not any(line.startswith(key) for line in lines):
        path.write_text("\n".join([*lines, f"{key} {ticket} {amount:.2f}"]) + "\n")
    return f"{amount:.2f} paid back"
