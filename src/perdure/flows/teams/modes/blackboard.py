"""Members read what is on a board and post to it, in rounds, until one has the answer or nobody has anything to add.

The board are the files in /memory/board of the team's own directory: people and other agents read and write them too.
"""

from __future__ import annotations

from perdure.base.errors import NoSuchFile
from perdure.namespace.reaching import Files

from .. import shapes, words
from ..play import Play
from ..stages import Draft
from ..task import Answer
from ..voting import vote

BOARD = "/memory/board"
MOST_ENTRIES = 200


async def blackboard(play: Play) -> Answer:
    files = play.ctx.files
    seats = play.of("proposer", "critic")
    board = await _read(files)
    drafts: list[Draft] = []
    for _ in range(max(1, play.team.turns // len(seats))):
        asked = [(seat, words.contribute(seat.name, board)) for seat in seats]
        said = await play.ask_all("post", asked, shapes.postings(play.ready.answer))
        posted = {entry["key"]: entry["text"] for one in said for entry in one.value["post"]}
        new = {key: text for key, text in posted.items() if board.get(key) != text}
        for key, text in new.items():
            if key in board or len(board) < MOST_ENTRIES:
                board[key] = text
                await files.write(f"{BOARD}/{key}", text)
        drafts = [Draft(one.value["answer"], 1.0, (one.seat.name,)) for one in said if "answer" in one.value]
        if drafts or not new:
            break
        board = await _read(files)
    if drafts:
        return await vote(play, drafts)
    closer = play.of("synthesizer", "judge", "manager", "proposer")[0]
    prompt = words.conclude([f"{key}: {text}" for key, text in board.items()])
    ended = await play.ask("conclude", closer, prompt, shapes.proposal(play.ready.answer))
    return Answer(ended["answer"], ended["confidence"], (closer.name,), "what the board came to")


async def _read(files: Files) -> dict[str, str]:
    try:
        entries = await files.list(BOARD)
    except NoSuchFile:
        await files.mkdir(BOARD)
        return {}
    names = sorted(entry.name for entry in entries if not entry.is_dir)[:MOST_ENTRIES]
    return {name: (await files.read(f"{BOARD}/{name}")).decode(errors="replace") for name in names}
