"""The pins and addresses of the site that is explained."""

from dataclasses import replace

from edgepind.lab.sim_observations import EPOCH, fingerprint
from edgepind.model.enums import Finding, Origin, PinKind, Role
from edgepind.model.pin import Pin
from edgepind.model.state import AddressVerdict

A, B = fingerprint("a"), fingerprint("b")
CURRENT = Pin(A, PinKind.CERTIFICATE, Role.CURRENT, Origin.OPERATOR, EPOCH)
BACKUP = Pin(B, PinKind.CERTIFICATE, Role.BACKUP, Origin.OPERATOR, EPOCH)
PENDING = replace(BACKUP, role=Role.PENDING, origin=Origin.OBSERVED)
NEW_LEAF = AddressVerdict("1", Finding.UNANNOUNCED_ROTATION, B)
OLD_LEAF = AddressVerdict("2", Finding.PINNED, A)
