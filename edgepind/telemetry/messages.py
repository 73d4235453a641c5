"""What is fixed about each event for ever: its `MESSAGE_ID`, and the number of its loudness.

An id never changes and never passes to another event: `journalctl MESSAGE_ID=...`, dashboards and
the catalogue (`systemd/edgepind.catalog`) rely on it.
"""

from edgepind.model.enums import EventName, Severity

MESSAGE_IDS = {
    EventName.STARTED: "d26f6b5bbd2b4a3b81fbb17491ee737b",
    EventName.STOPPING: "78d364696d1f4af888bbf8890ded2a4f",
    EventName.RELOADED: "e47ef2e4917a4a7ea65a3fe5209c2ab7",
    EventName.RELOAD_REJECTED: "a0f4e6ffba0b41548dcf8be3efc8bdb3",
    EventName.PIN_PENDING: "50ba766bdf1b4932b005a9ec414bfc1c",
    EventName.PIN_PREPARED: "726a81cda3504e4ba82a75da8dd0efab",
    EventName.PIN_ACTIVATED: "5700cc9253d34c24a3c203f1ba0babb5",
    EventName.PIN_RETIRED: "de06ad2d48694f87afeb7fd84741ef1b",
    EventName.PIN_REFUSED: "162980ef300346a3bf67a61a86e294bc",
    EventName.FINDING_CHANGED: "64bafcf33bec46e1a8bbbcddb3bb7141",
    EventName.POSTURE_CHANGED: "db701c0652ca4101b52a07f4e1c35487",
    EventName.CONFIG_WRITTEN: "7d03a6d38d7649b5a8b784758dd419b0",
    EventName.CONFIG_REPAIRED: "43e53974380d434ab389c3658e170632",
    EventName.CONFIG_REJECTED: "81fb2585f2e843269ffbd672367ddc33",
    EventName.RESTART_REQUESTED: "15976d567aa3483695835f0d13961869",
    EventName.RESTART_SUCCEEDED: "a6dd7a2f75bd497d9c452cfa9e7c11d8",
    EventName.RESTART_FAILED: "0a8b8dcdff004cb9b3351c0c3224aa79",
    EventName.RESTART_DEFERRED: "e1e49f99368a4a699c356a5eebecf5cd",
    EventName.ROLLED_BACK: "9c5e93888e35493987bdeb41066778c6",
    EventName.STATUS_REJECTED: "daa404ec12874a71be8b45a233e5ad77",
    EventName.STATUS_UNREACHABLE: "933c8aade1b4441c881ab2f1e392058f",
    EventName.OVERRIDE_ON: "2e62ad5357424acf987577668b0ea18d",
    EventName.OVERRIDE_OFF: "6f39b5ac636f46c9ac48f5bc9bea1f43",
    EventName.STATE_DAMAGED: "b39d075609064dc0b186c5e56ab2fbd6",
    EventName.WRITE_FAILED: "f35e3a1516c94b9a8310a0a05c3150eb",
    EventName.INVARIANT_VIOLATED: "ed5964d51f35479db2dbad1be9bf02d9",
}
"""Random (systemd-id128(1) `new`), one an event."""

PRIORITIES = {
    Severity.CRIT: 2,
    Severity.ERR: 3,
    Severity.WARNING: 4,
    Severity.NOTICE: 5,
    Severity.INFO: 6,
}
"""syslog(3)."""
