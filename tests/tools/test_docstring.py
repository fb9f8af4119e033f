from __future__ import annotations

import pytest

from perdure.tools.docstring import parse_docstring

GOOGLE = """Look an order up.

    Only orders of this year: older ones are gone.

    Args:
        order_id (str): The order's number,
            as printed on the bill.
        *rest: Others.
        lines: How many lines: 3 or 4.

    Returns:
        The order.
    """

NUMPY = """Look an order up.

    Only orders of this year: older ones are gone.

    Parameters
    ----------
    order_id : str
        The order's number,
        as printed on the bill.
    lines, rest
        How many lines: 3 or 4.

    Returns
    -------
    Order
        The order.
    """

SPHINX = """Look an order up.

    Only orders of this year: older ones are gone.

    :param str order_id: The order's number,
        as printed on the bill.
    :param lines: How many lines: 3 or 4.
    :raises KeyError: never
    :returns: The order.
    """


@pytest.mark.parametrize("doc", [GOOGLE, NUMPY, SPHINX])
def test_text_and_parameters_are_found_in_every_style(doc: str) -> None:
    text, parameters = parse_docstring(doc)
    assert text == "Look an order up.\n\nOnly orders of this year: older ones are gone."
    assert parameters["order_id"] == "The order's number, as printed on the bill."
    assert parameters["lines"] == "How many lines: 3 or 4."
    assert "KeyError" not in parameters


def test_a_docstring_without_sections_is_text() -> None:
    assert parse_docstring("Do it.\n\nNote that it: hurts.") == ("Do it.\n\nNote that it: hurts.", {})
    assert parse_docstring(None) == ("", {})
    assert parse_docstring("Args") == ("Args", {})


def test_other_sections_are_left_out_and_blank_lines_part_paragraphs() -> None:
    doc = "Do it.\n\nRaises:\n    KeyError: x\n\nArgs:\n\n    a: one\n\n    b: two\n\nExamples\n--------\n>>> do()"
    assert parse_docstring(doc) == ("Do it.", {"a": "one", "b": "two"})


def test_sphinx_fields_may_follow_a_google_section() -> None:
    assert parse_docstring("Do.\n\nArgs:\n    a: one\n:param b: two")[1] == {"a": "one", "b": "two"}


def test_lines_before_the_first_name_mean_nothing() -> None:
    assert parse_docstring("Do.\n\nArgs:\n    what follows\n    a: one")[1] == {"a": "one"}
    assert parse_docstring("Do.\n\nParameters\n----------\n    deep\n\na\n    one")[1] == {"a": "one"}
