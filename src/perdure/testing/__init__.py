"""The public test kit: scripted model, manual clock, crash points, conformance suites."""

from perdure.base.clock import ManualClock as ManualClock

from .cassettes import cassette as cassette
from .crash import CRASH_POINTS as CRASH_POINTS
from .crash import kill_at as kill_at
from .scripted import Scripted as Scripted
from .scripted import breaks as breaks
from .scripted import by_turn as by_turn
from .scripted import call as call
