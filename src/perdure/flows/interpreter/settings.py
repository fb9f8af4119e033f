"""What expressions read as `env`: what a flow has of the environment of the process, and settings of its own.

What is read of the environment is on record, so that the flow goes on with it wherever it is taken up again. A secret
is not: it is read again by each execution, and so is the new one once it was changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perdure.base.redaction import hide, secrets_of


def secret_names(environment: Mapping[str, str]) -> frozenset[str]:
    """Names that say that they are a secret's, as `API_KEY` does, and those of values that look like one."""
    return frozenset(name for name, value in environment.items() if secrets_of({name: value}) or hide(value) != value)


def open_part(environment: Mapping[str, str], secrets: frozenset[str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in secrets}


def without_secrets(own: dict[str, Any], environment: Mapping[str, str], secrets: frozenset[str]) -> dict[str, Any]:
    """The names of a frame as they are put on record: `env` without the secrets of the environment."""
    env = own.get("env")
    if not secrets or env is None:
        return own
    kept = {name: value for name, value in env.items() if name not in secrets or value != environment.get(name)}
    return {**own, "env": kept}


def with_environment(own: dict[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """The names of a frame as they were, from what is on record of them."""
    return {**own, "env": {**environment, **own["env"]}} if "env" in own else own
