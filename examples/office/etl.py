"""From a CSV file to a SQLite table."""

import csv
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

from perdure import tool

HERE = Path(__file__).parent


@tool(effect="read")
def read_rows(file: str) -> list[dict[str, str]]:
    """Read the rows of a CSV file as mappings.

    Args:
        file: Its path, seen from this file.
    """
    with (HERE / file).open(newline="") as lines:
        return list(csv.DictReader(lines))


@tool(effect="read")
def clean_row(row: dict[str, str]) -> dict[str, Any]:
    """Turn the texts of a row into what they mean; one that means nothing is an error.

    Args:
        row: As it was read.
    """
    quantity, price = int(row["quantity"]), float(row["unit_price"])
    return {
        "number": int(row["order"]),
        "day": date.fromisoformat(row["date"]).isoformat(),
        "customer": row["customer"].strip(),
        "country": row["country"],
        "product": row["product"],
        "quantity": quantity,
        "cents": round(quantity * price * 100),
    }


@tool(effect="idempotent")
def load_rows(database: str, batch: str, rows: list[dict[str, Any]], *, key: str) -> int:
    """Put rows into the table `sales`; the same rows again change nothing. Gives how many there are of this batch.

    Args:
        database: Path of the SQLite file.
        batch: What the rows belong to, so that they can be taken out again.
        rows: Clean rows.
    """
    Path(database).parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS sales (number INTEGER PRIMARY KEY, batch TEXT, day TEXT, customer TEXT, "
            "country TEXT, product TEXT, quantity INTEGER, cents INTEGER)"
        )
        connection.executemany(
            "INSERT OR REPLACE INTO sales VALUES (:number, :batch, :day, :customer, :country, :product, :quantity, "
            ":cents)",
            [{**row, "batch": batch} for row in rows],
        )
        (count,) = connection.execute("SELECT count(*) FROM sales WHERE batch = ?", (batch,)).fetchone()
    return int(count)


@tool(effect="idempotent")
def unload_rows(database: str, batch: str, *, key: str) -> str:
    """Take all rows of a batch out of the table `sales`.

    Args:
        database: Path of the SQLite file.
        batch: What the rows belong to.
    """
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM sales WHERE batch = ?", (batch,))
    return f"{batch} is out"


@tool(effect="read")
def totals(database: str, batch: str) -> list[dict[str, Any]]:
    """The turnover of each country in cents, the largest first.

    Args:
        database: Path of the SQLite file.
        batch: Which rows count.
    """
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute(
            "SELECT country, sum(cents) FROM sales WHERE batch = ? GROUP BY country ORDER BY 2 DESC, 1", (batch,)
        ).fetchall()
    return [{"country": country, "cents": cents} for country, cents in found]
