"""TLS: the certificate and the key that the server shows."""

from __future__ import annotations

import ssl
from pathlib import Path

from perdure.base.errors import ConfigError


def context_of(cert: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer with this chain of certificates (PEM). Raises ConfigError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # A key that needs a password would otherwise be asked for at the terminal.
        context.load_cert_chain(cert, key, password="")
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot serve TLS with {cert} and {key}: {error.strerror if isinstance(error, OSError) else error}",
            hint="Name a PEM file with the certificate and its chain, and one with its key without a password.",
        ) from error
    return context
