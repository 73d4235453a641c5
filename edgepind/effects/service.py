"""Who gives the word on the Edge's service: the cloud's API, or nobody.

`DryService` looks and gives none, for `run --dry-run`; it shows what the word would have done.
"""

from dataclasses import replace
from typing import Protocol

from edgepind.model.action import ServiceOutcome, ServiceSet, SetService
from edgepind.model.observation import EdgeService, ServiceSeen


class Service(Protocol):
    """What may be asked about the Edge's service. No call raises for an expected failure."""

    async def look(self) -> EdgeService:
        """Ask how the Edge stands."""

    async def put(self, word: SetService) -> ServiceOutcome:
        """Take it out of service, or put it in service."""


class DryService:
    """The real one as it would be, had the words been given."""

    def __init__(self, real: Service) -> None:
        self._real = real
        self._said: SetService | None = None

    async def look(self) -> EdgeService:
        """See `Service`."""
        seen = await self._real.look()
        if self._said is None or not isinstance(seen, ServiceSeen):
            return seen
        if self._said.in_service:
            return replace(seen, in_service=True)
        return ServiceSeen(in_service=False, draining="COMPLETE")

    async def put(self, word: SetService) -> ServiceOutcome:
        """Remember the word."""
        self._said = word
        return ServiceSet(word.in_service)
