"""Charts are well-formed SVG with a bar for each peer, the best one first."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

from peers.chart import Bar, chart

SVG = "{http://www.w3.org/2000/svg}"


def widths(svg: str) -> list[float]:
    return [float(bar.attrib["width"]) for bar in ElementTree.fromstring(svg).iter(f"{SVG}rect")]


def texts(svg: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_every_peer_has_a_bar_and_its_value() -> None:
    svg = chart("CPU of a run", "ms", [Bar("Other", 12.4), Bar("Perdure", 0.35, ours=True)])
    assert len(widths(svg)) == 2
    assert texts(svg)[-4:] == ["Perdure", "0.35 ms", "Other", "12.4 ms"]
    assert 'class="ours"' in svg


def test_of_what_is_the_better_the_more_the_most_comes_first() -> None:
    svg = chart("runs a second", "/s", [Bar("A", 10.0), Bar("B", 90.0)], better="more")
    assert texts(svg)[1:] == ["more is better", "B", "90 /s", "A", "10 /s"]


def test_near_values_are_in_proportion() -> None:
    small, large = widths(chart("memory", "MB", [Bar("A", 50.0), Bar("B", 100.0)]))
    assert abs(large / small - 2) < 0.01


def test_far_values_are_on_a_logarithmic_scale_and_all_can_be_seen() -> None:
    svg = chart("CPU", "ms", [Bar(str(number), 10.0**number) for number in range(-1, 4)])
    assert texts(svg)[1:7] == ["less is better, logarithmic scale", "0.01", "0.1", "1", "10", "100"]
    steps = [after - before for before, after in pairwise(widths(svg))]
    assert max(steps) - min(steps) < 0.2
    assert min(widths(svg)) > 2


def test_a_peer_without_a_value_comes_last_with_the_reason() -> None:
    svg = chart("CPU", "ms", [Bar("A", None, instead="not installed"), Bar("B", 2.0), Bar("C", 0.0)])
    assert texts(svg)[2:] == ["C", "0 ms", "B", "2 ms", "A", "not installed"]


def test_names_are_escaped() -> None:
    svg = chart('less < "more" & more', "ms", [Bar("A & B", 1.0)])
    assert texts(svg)[0] == 'less < "more" & more'
    assert "A & B" in texts(svg)


def test_it_can_be_read_on_a_dark_page() -> None:
    assert "prefers-color-scheme: dark" in chart("CPU", "ms", [Bar("A", 1.0)])
