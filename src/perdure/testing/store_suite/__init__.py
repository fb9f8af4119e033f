"""The conformance suite of the store port: what every implementation has to do.

class TestMine(StoreContract):
    @pytest.fixture
    def open_store(self, tmp_path):
        return lambda: MyStore.open(tmp_path / "db")
"""

from .answers import Answers
from .concurrency import Concurrency
from .events import Events
from .inbox import Inbox
from .integrity import Integrity, Tampering
from .journal import Journal
from .leases import Leases
from .money import Money
from .runs import Runs
from .samples import OpenStore
from .snapshots import Snapshots
from .timers import Timers
from .values import Values

__all__ = ["OpenStore", "StoreContract", "Tampering"]


class StoreContract(
    Journal, Runs, Inbox, Timers, Values, Answers, Events, Leases, Money, Integrity, Snapshots, Concurrency
):
    """Inherit from it and give it a fixture `open_store`: a function that opens, and opens again, this test's store.

    `durable = False` leaves out what needs a store to outlive its closing. Override `tamper` so that the checks of the
    hash chain can damage what is stored.
    """
