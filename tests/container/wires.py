"""The wire between the appliance and the cloud: a network that exists for these two alone."""

from collections.abc import Sequence
from typing import Self

from tests.container.holder import Holder

EDGE_IP = "10.77.0.10"
CLOUD_IPS = ("10.77.0.1", "10.77.0.2", "10.77.0.3")
_PREFIX = 24


class Wires:
    """Two network namespaces and the pair of ends between them; neither sees any other network.

    The appliance's is a mount namespace as well: its disk, which outlasts a reboot of it.
    """

    def __init__(self, disk: str, cloud_ips: Sequence[str] = CLOUD_IPS) -> None:
        self.cloud = Holder("--net", script="ip link set lo up")
        try:
            self.edge = Holder("--net", "--mount", script=disk)
        except OSError:
            self.cloud.close()
            raise
        try:
            self._lay(cloud_ips)
        except OSError:
            self.close()
            raise

    def _lay(self, cloud_ips: Sequence[str]) -> None:
        ends = ("ip", "link", "add", "cloud0", "type", "veth", "peer", "name", "wan0")
        self.cloud.run("--net", *ends, "netns", str(self.edge.pid))
        for ip in cloud_ips:
            self.cloud.run("--net", "ip", "address", "add", f"{ip}/{_PREFIX}", "dev", "cloud0")
        self.edge.run("--net", "ip", "address", "add", f"{EDGE_IP}/{_PREFIX}", "dev", "wan0")
        self.edge.run("--net", "ip", "link", "set", "lo", "up")
        self.edge.run("--net", "ip", "link", "set", "wan0", "up")
        self.plug()

    def plug(self) -> None:
        """Put the cable in."""
        self.cloud.run("--net", "ip", "link", "set", "cloud0", "up")

    def unplug(self) -> None:
        """Pull the cable out, at the far end: the appliance sees that it has no carrier."""
        self.cloud.run("--net", "ip", "link", "set", "cloud0", "down")

    def close(self) -> None:
        """Take it all away."""
        self.edge.close()
        self.cloud.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
