"""What the helper lets pass, whoever asks: how often it restarts, and when validation may be off.

Restarts have the budget of the settings, counted here once more.

`enabled: false` is written only

- while an override is in force whose file root itself wrote: the folder is the daemon's, so its
  owner and a single name tell a person's word from a forged one; or
- within an opening: where `fail_open.enabled` is set, an opening lasts `fail_open.limit` from the
  first write that switches validation off, and at most `fail_open.budget` of them begin in
  `fail_open.budget_window`.

The helper is not there to end an opening when nobody asks, and need not be. Whoever has taken the
daemon over can have a pin of his own accepted; the chain of CAs, which the Edge checks in either
case, binds him alike. So this bounds what a daemon gone wrong can do, and puts each opening into
the journal in root's own words, where the daemon cannot leave it out.
"""

import os
from pathlib import Path

from edgepind.apply.ledger import Ledger
from edgepind.clock import Clock
from edgepind.model.observation import OverrideFile
from edgepind.observe.override import EMPTY_LASTS, read_override
from edgepind.settings.schema import Settings


class Rights:
    """The rights of one request under `settings`; `folder` is the helper's own memory."""

    def __init__(self, settings: Settings, folder: Path, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._openings = Ledger(folder / "openings.json", clock)
        self._restarts = Ledger(folder / "restarts.json", clock)

    def objection_to_opening(self) -> str | None:
        """Why validation may not be switched off now, a sentence; None: it may, and is counted."""
        if self._overridden():
            return None
        rules = self._settings.fail_open
        if not rules.enabled:
            return (
                "the privileged helper keeps validation on: fail_open.enabled is false and no "
                "override of root's is in force; `edgepind override on` as root makes one"
            )
        if self._openings.within(rules.limit):
            return None
        if len(self._openings.within(rules.budget_window)) >= rules.budget:
            return (
                f"the privileged helper keeps validation on: {rules.budget} openings have begun "
                "within fail_open.budget_window; `edgepind override on` as root opens the Edge"
            )
        error = self._openings.add(max(rules.limit, rules.budget_window))
        return (
            error and f"the privileged helper keeps validation on, for it cannot note it: {error}"
        )

    def objection_to_restart(self) -> str | None:
        """Why the Edge may not be restarted now, a sentence; None: it may, and is counted."""
        edge = self._settings.edge
        made = len(self._restarts.within(edge.restart_window))
        if made >= edge.restart_budget:
            return (
                f"the privileged helper has made {made} restarts within edge.restart_window and "
                f"may make no more than {edge.restart_budget}; restart the Edge by hand if it "
                "cannot wait"
            )
        error = self._restarts.add(edge.restart_window)
        return error and f"the privileged helper restarts nothing that it cannot note: {error}"

    def restart_not_made(self) -> str | None:
        """Give the last restart back to the budget; a sentence, where that cannot be noted."""
        return self._restarts.take_back()

    def _overridden(self) -> bool:
        paths = self._settings.paths
        override = read_override(paths.runtime, paths.state, owner=os.geteuid())
        if not isinstance(override, OverrideFile):
            return False
        return (override.until or override.made_at + EMPTY_LASTS) > self._clock.now().wall
