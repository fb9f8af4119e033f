"""The tables: a row for each peer, each figure with its least and greatest and how many times Perdure's it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from figures import Summary, short
from peers.catalogue import OURS, Peer
from peers.killed import POINTS

Results = Mapping[str, Mapping[str, Summary]]
Words = Mapping[str, Mapping[str, Mapping[str, str]]]


class Figure(NamedTuple):
    """A column: where its value comes from, what it is called, whether more of it is better, and what 0 of it means."""

    scenario: str
    key: str
    says: str
    unit: str
    better: Literal["less", "more"] = "less"
    nothing: str = ""

    @property
    def name(self) -> str:
        return f"{self.scenario}.{self.key}"


START = (
    Figure("start", "first_ms", "new process to first answer", "ms"),
    Figure("start", "import_ms", "import", "ms"),
    Figure("start", "rss_mb", "memory after the first answer", "MB"),
)
RUN = (
    Figure("at_once", "cpu_ms_per_run", "CPU of a run, 64 at once", "ms"),
    Figure("at_once", "runs_per_s", "runs a second, 64 at once", "/s", "more"),
    Figure("alone", "ours_p50_ms", "a run alone, without the model, median", "ms"),
    Figure("alone", "ours_p99_ms", "the same, p99", "ms"),
    Figure("fsyncs", "fsyncs_per_run", "fsyncs of a run alone", ""),
)
MORE = (
    Figure("thousand", "all_ms", "1,000 runs that begin at once: all done", "ms"),
    Figure("thousand", "cpu_ms_per_run", "CPU of one of these", "ms"),
    Figure("thousand", "rss_mb", "memory then", "MB"),
    Figure("big", "cpu_ms_per_run", "CPU of a run whose tool returns 1 MB", "ms"),
    Figure("big", "stored_per_byte", "stored for each of its bytes", "x", nothing="keeps nothing"),
    Figure("words", "added_p50_ms", "added to a streamed word, median", "ms"),
    Figure("words", "added_p99_ms", "the same, p99", "ms"),
)
CONVERSATION = (
    Figure("conversation", "turn_cpu_ms_early", "CPU of a turn, early", "ms"),
    Figure("conversation", "turn_cpu_ms_late", "CPU of a turn, late", "ms"),
    Figure("conversation", "growth", "late to early", "x"),
    Figure("conversation", "stored_per_turn_kb", "stored for each turn", "KB", nothing="keeps nothing"),
)
SERVING = (
    Figure("serving", "invokes_per_s", "answers a second, 64 clients", "/s", "more"),
    Figure("serving", "server_cpu_ms_per_invoke", "CPU of the server for each", "ms"),
    Figure("serving", "accept_p95_ms", "a receipt, 1,000 clients at once, p95", "ms"),
    Figure("serving", "accepted_done_ms", "all of these answered", "ms"),
    Figure("serving", "idle_rss_mb", "memory, idle", "MB"),
    Figure("serving", "loaded_rss_mb", "memory, after all of this", "MB"),
)
STREAMS = (
    Figure("serving", "streams_ms", "500 runs, each heard by its client", "ms"),
    Figure("serving", "streams_events_per_s", "events a second of these", "/s", "more"),
    Figure("serving", "watchers_ms", "a run that has ended, told to 500", "ms"),
    Figure("serving", "watchers_events_per_s", "events a second of it", "/s", "more"),
    Figure("serving", "follow_p50_ms", "a word of a run that goes on, to 500, median", "ms"),
    Figure("serving", "follow_p99_ms", "the same, p99", "ms"),
)
FLOW = (
    Figure("flow", "cpu_ms_per_step", "CPU of a step, of 100", "ms"),
    Figure("flow", "wall_ms_per_step", "time of it", "ms"),
    Figure("flow", "long_cpu_ms_per_step", "CPU of a step, of 1,000", "ms"),
    Figure("flow", "long_wall_ms_per_step", "time of it, of 1,000", "ms"),
    Figure("flow", "fsyncs_per_step", "fsyncs of a step", ""),
)
NOT_COMPARED = {
    "flow.fsyncs_per_step",
    "fsyncs.fsyncs_per_run",
    "conversation.growth",
    "big.stored_per_byte",
    "serving.streams_events_per_s",
    "serving.watchers_events_per_s",
}
"""More of it is not worse, or it is a ratio already, or each counts in units of its own."""
PLACES = {
    "in_tool": "in the tool, before its side effect",
    "after_effect": "after the tool's side effect",
    "next_call": "in the model's call after the tool",
}


def factor(figure: Figure, theirs: float, ours: float) -> float | None:
    """How many times better Perdure is: below 1 the peer is better. None where it cannot be said."""
    if theirs <= 0 or ours <= 0:
        return None
    return theirs / ours if figure.better == "less" else ours / theirs


def value(results: Results, peer: str, figure: Figure) -> dict[str, float] | None:
    return results.get(peer, {}).get(figure.scenario, {}).get(figure.key)


def instead(words: Words, peer: str, figure: Figure, found: dict[str, float] | None) -> str:
    """What is said in the place of a figure: why there is none, or what 0 means. Empty where the figure speaks."""
    if found is None:
        return words.get(peer, {}).get(figure.scenario, {}).get("failed", "–")
    return figure.nothing if found["max"] == 0 else ""


def table(peers: Sequence[Peer], figures: Sequence[Figure], results: Results, words: Words) -> str:
    heads = ["", *(figure.says for figure in figures)]
    lines = [_row(heads), _row(["---", *("---:" for _ in figures)])]
    for peer in peers:
        lines.append(_row([peer.title, *(_cell(peer, figure, results, words) for figure in figures)]))
    return "\n".join(lines)


def kill_table(peers: Sequence[Peer], results: Results, words: Words) -> str:
    heads = ["", "killed", "then", "time to go on", "model calls repeated", "side effects repeated"]
    lines = [_row(heads), _row(["---", "---", "---", "---:", "---:", "---:"])]
    for peer in peers:
        said = words.get(peer.name, {}).get("kill", {})
        for number, point in enumerate(POINTS):
            cells = [peer.title if number == 0 else "", PLACES[point]]
            found = results.get(peer.name, {}).get("kill", {})
            if f"{point}_ms" not in found:
                lines.append(_row([*cells, said.get("failed", "–"), "", "", ""]))
                continue
            counts = [found[f"{point}_{key}"]["median"] for key in ("model_calls_repeated", "effects_repeated")]
            time = _kill_time(results, peer.name, point)
            lines.append(_row([*cells, said[f"{point}_how"], time, *(f"{count:.0f}" for count in counts)]))
    return "\n".join(lines)


def better_than_ours(peers: Sequence[Peer], figures: Sequence[Figure], results: Results) -> list[str]:
    """A line for each figure in which a peer is better than Perdure."""
    lines = []
    for figure in figures:
        for peer in peers:
            found = _compared(results, peer, figure)
            if found is not None and found[1] < 1:
                ours = value(results, OURS, figure)
                assert ours is not None
                theirs = f"{short(found[0]['median'])} {figure.unit}".strip()
                lines.append(
                    f"{peer.title}: {figure.says}, {theirs} against {short(ours['median'])} {figure.unit}".strip()
                )
    return lines


def _compared(results: Results, peer: Peer, figure: Figure) -> tuple[dict[str, float], float] | None:
    theirs, ours = value(results, peer.name, figure), value(results, OURS, figure)
    if peer.folder == OURS or figure.name in NOT_COMPARED or theirs is None or ours is None:
        return None
    times = factor(figure, theirs["median"], ours["median"])
    return None if times is None else (theirs, times)


def _cell(peer: Peer, figure: Figure, results: Results, words: Words) -> str:
    found = value(results, peer.name, figure)
    said = instead(words, peer.name, figure, found)
    if found is None or said:
        return said
    shown = f"{short(found['median'])} {figure.unit}".strip()
    if found["min"] != found["max"]:
        shown += f" ({short(found['min'])}–{short(found['max'])})"
    if how := words.get(peer.name, {}).get(figure.scenario, {}).get(f"{figure.key}_how"):
        shown += f" ({how})"
    compared = _compared(results, peer, figure)
    if compared is None:
        return shown
    times = f"{short(compared[1])}x"
    return f"{shown} **{times}, better**" if compared[1] < 1 else f"{shown} {times}"


def _kill_time(results: Results, peer: str, point: str) -> str:
    found = results[peer]["kill"][f"{point}_ms"]
    shown = f"{short(found['median'])} ms"
    if found["min"] != found["max"]:
        shown += f" ({short(found['min'])}–{short(found['max'])})"
    return shown


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/').replace(chr(10), ' ') for cell in cells)} |"
