"""A model that answers from a run that really happened."""

from __future__ import annotations

import os
from pathlib import Path

from perdure.compute.cassette import Playback, read_cassette

from .scripted import Scripted


def cassette(path: str | os.PathLike[str]) -> Scripted:
    """The model whose answers `perdure export-cassette RUN` wrote to `path`, under the name that it had.

    It finds its place by turn, and fails with InvalidRequest, showing both, where it is asked something else than when
    it was recorded.
    """
    recorded = read_cassette(Path(path))
    return Scripted(Playback(recorded), name=recorded.model)
