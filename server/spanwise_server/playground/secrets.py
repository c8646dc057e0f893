"""Keys of providers: encrypted where they are kept, never shown again, never sent to a browser."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from .call import BadCall, Connection
from .providers import PROVIDERS


class Vault:
    """Encrypts with a key that lies beside the store, in a file that only the server's user can read."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "secrets.key"

    def lock(self, secret: str) -> str:
        """Return *secret* encrypted."""
        return self._fernet().encrypt(secret.encode()).decode()

    def unlock(self, token: str) -> str:
        """Return the secret; refused where the key file is another one."""
        try:
            return self._fernet().decrypt(token.encode()).decode()
        except InvalidToken as error:
            raise BadCall(
                "The stored key cannot be read: secrets.key is not the one it was stored with.", "Store the key again."
            ) from error

    def _fernet(self) -> Fernet:
        if not self._file.exists():
            handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(handle, "wb") as file:  # noqa: PTH123 - a handle, not a path
                file.write(Fernet.generate_key())
        return Fernet(self._file.read_bytes())


def from_environment(provider: str, environ: Mapping[str, str] = os.environ) -> Connection | None:
    """Return the connection that the server's environment has a key for: to the provider itself, nowhere else."""
    known = PROVIDERS[provider]
    for names in known.key_in:
        found = [environ.get(name, "") for name in names]
        if all(found[:2]):
            address = next((environ[name] for name in known.address_in if environ.get(name)), "")
            return Connection(provider, ":".join(part for part in found if part), address)
    return None
