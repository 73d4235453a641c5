"""An address of the cloud as it is dialled and shown. Only a value: nothing is resolved here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """One numeric address and port; `str()` gives `127.0.0.1:8443` or `[::1]:8443`."""

    ip: str
    port: int

    def __str__(self) -> str:
        """The notation of `status.json` and of `cloud.addresses`."""
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"
