"""An agent as one file: written, read with suspicion, and put back."""

from .exporting import export_agent as export_agent
from .importing import import_agent as import_agent
