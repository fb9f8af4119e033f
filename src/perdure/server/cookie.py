"""The cookie of a browser's session: only this server reads it, and only its own pages send it."""

from __future__ import annotations

from typing import NamedTuple


class Cookie(NamedTuple):
    """Cookies know no ports: the name keeps two servers on one machine apart."""

    name: str
    is_secure: bool

    def set(self, value: str, seconds: int) -> str:
        """The header `Set-Cookie`; no seconds take it back."""
        secure = "; Secure" if self.is_secure else ""
        return f"{self.name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"

    def read(self, header: bytes) -> str:
        """The value in a header `Cookie`, "" where it is not there."""
        for pair in header.decode("latin-1").split(";"):
            name, _, value = pair.strip().partition("=")
            if name == self.name:
                return value
        return ""


def cookie_of(port: int, *, is_secure: bool) -> Cookie:
    return Cookie(f"__Host-perdure-{port}" if is_secure else f"perdure-{port}", is_secure)
