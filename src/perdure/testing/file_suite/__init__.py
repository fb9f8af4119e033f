"""The conformance suite of the file port: what every implementation has to do.

class TestMine(FileContract):
    @pytest.fixture
    def service(self, tmp_path):
        return MyService(tmp_path)
"""

from .calls import CallContract, Exchanged
from .directories import Directories
from .handles import Handles
from .moving import Moving, Renaming
from .watching import Watching
from .writing import Writing

__all__ = [
    "CallContract",
    "Directories",
    "Exchanged",
    "FileContract",
    "Handles",
    "Moving",
    "Renaming",
    "Watching",
    "Writing",
]


class FileContract(Handles, Writing, Directories, Renaming, Moving, Watching):
    """Inherit from it and give it a fixture `service`: a file service that is empty and may be written.

    A service that by its nature cannot do all of it inherits from the parts that it can do.
    """
