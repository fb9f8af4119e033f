"""The public test kit: scripted model, manual clock, crash points, conformance suites."""

from perdure.base.clock import ManualClock as ManualClock

from .cassettes import cassette as cassette
from .scripted import Scripted as Scripted
from .scripted import breaks as breaks
from .scripted import by_turn as by_turn
from .scripted import call as call
