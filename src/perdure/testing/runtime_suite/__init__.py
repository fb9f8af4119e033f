"""The conformance suite of a whole runtime: what agents may rely on, whatever stands behind it.

class TestMine(RuntimeContract):
    @pytest.fixture
    def open_runtime(self, tmp_path):
        return lambda **options: perdure.open(tmp_path, store=MyStore.open(tmp_path / "db"), **options)
"""

from .delivery import Delivery
from .effects import IdempotentEffects
from .identity import Signer
from .money import Budgets
from .mounting import FuseMount
from .moving import Moving
from .overflow import Overflow
from .samples import OpenRuntime
from .ticks import Ticks
from .watching import Watching

__all__ = ["OpenRuntime", "RuntimeContract"]


class RuntimeContract(Ticks, Delivery, IdempotentEffects, Watching, Budgets, Overflow, Moving, Signer, FuseMount):
    """Inherit from it and give it a fixture `open_runtime`: a function that opens, and opens again, this test's runtime
    on one state, with the options of `perdure.open`."""
