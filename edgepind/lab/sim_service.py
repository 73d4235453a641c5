"""An imagined cloud's word on the Edge's service, and the calls that are up on the Edge."""

from dataclasses import dataclass

from edgepind.model.action import ServiceNotSet, ServiceOutcome, ServiceSet, SetService
from edgepind.model.observation import EdgeService, ServiceSeen, ServiceUnknown


@dataclass(slots=True)
class ImaginedService:
    """Calls that are up stay up until they are said to be over; none comes while out of service.

    `trouble` is why the API gives no answer, "" where it does; `patience` the seconds for which it
    asks then. `deaf`: it takes the word and does nothing. `tells` False: it never says that a drain
    is complete.
    """

    in_service: bool = True
    calls: int = 0
    dropped: int = 0
    trouble: str = ""
    patience: float | None = None
    deaf: bool = False
    tells: bool = True
    drained_until: float | None = None
    """When the drain that is under way drops what is left, in true seconds; None: none is."""

    def look(self, elapsed: float) -> EdgeService:
        """Answer a GET."""
        if self.trouble:
            return ServiceUnknown(self.trouble, self.patience)
        if self.drained_until is None:
            return ServiceSeen(self.in_service)
        if elapsed >= self.drained_until:
            self.dropped += self.calls
            self.calls = 0
        if self.calls:
            return ServiceSeen(in_service=False, draining="WAIT", conversations=self.calls)
        word = "COMPLETE" if self.tells else "NONE"
        return ServiceSeen(in_service=False, draining=word, conversations=None)

    def put(self, action: SetService, elapsed: float) -> ServiceOutcome:
        """Answer a POST."""
        if self.trouble:
            return ServiceNotSet(action.in_service, self.trouble, self.patience)
        if not self.deaf:
            self.in_service = action.in_service
            self.drained_until = None if action.in_service else elapsed + action.wait
        return ServiceSet(action.in_service)

    def restarted(self) -> None:
        """The Edge was restarted: what was up is cut off."""
        self.dropped += self.calls
        self.calls = 0
