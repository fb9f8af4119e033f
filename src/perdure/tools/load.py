"""Python files by path, as modules named after their content: an edited file is another module, not a changed one."""

from __future__ import annotations

import linecache
import sys
from pathlib import Path
from types import ModuleType

from perdure.base.codec import digest_bytes
from perdure.base.errors import ConfigError

from .source import where


def load_file(path: Path) -> ModuleType:
    """The module that a file holds, run once for each content. Raises ConfigError with the line where it fails."""
    try:
        file = path.resolve(strict=True)
        source = file.read_bytes()
    except (OSError, RuntimeError, ValueError) as error:  # also for links in a circle, and a name that none can be
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path} cannot be read: {why}", hint="Is the path right?") from error
    name = _name(file, source)
    loaded = sys.modules.get(name)
    if loaded is not None:
        return loaded
    module = ModuleType(name)
    module.__file__ = str(file)
    # Before it runs: dataclasses and type hints look their module up. Not through an import loader: its cache of
    # compiled files goes by time and size, and misses an edit made within a second.
    sys.modules[name] = module
    linecache.checkcache(str(file))
    try:
        exec(compile(source, str(file), "exec", dont_inherit=True), module.__dict__)
    except SyntaxError as error:
        del sys.modules[name]
        raise ConfigError(f"{path}:{error.lineno}: {error.msg}", path=str(path)) from error
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        place = where(error, str(file)).rpartition(":")[2]
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise ConfigError(
            f"{path}:{place or 1}: {said}", path=str(path), hint="The file fails when it is run."
        ) from error
    return module


def forget_file(path: Path) -> None:
    """Let the file be run again when it is next loaded, though it is what it was: what it reads may not be."""
    try:
        file = path.resolve(strict=True)
        sys.modules.pop(_name(file, file.read_bytes()), None)
    except OSError:
        return  # gone: loading it says so


def _name(file: Path, source: bytes) -> str:
    return f"perdure_file_{file.stem}_{digest_bytes(str(file).encode(errors='replace') + source)[:16]}"
