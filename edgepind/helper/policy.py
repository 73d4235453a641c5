"""What the helper allows, whoever asks: how often it restarts, and when validation may be off.

Restarts have the budget of the settings, counted here once more. `enabled: false` is written only

- while an override is in force whose file root itself wrote: the folder is the daemon's, so its
  owner and a single name tell a person's override from a forged one; or
- within an opening: where `fail_open.enabled` is set, an opening lasts `fail_open.limit` from the
  first write that switches validation off, unless it is closed before, and at most
  `fail_open.budget` of them begin in `fail_open.budget_window`.

In both cases its end is recorded before anything is written (`helper.records`), and systemd ends it
where no daemon has (`helper.closing`).

An attacker who has taken the daemon over can have a pin of his own accepted; the chain of CAs,
which the Edge checks in either case, still binds him. So this bounds what a compromised daemon can
do, and root itself reports each opening to the journal, where the daemon cannot leave it out.
"""

import os
from datetime import datetime
from pathlib import Path

from edgepind.clock import Clock
from edgepind.helper.records import BudgetLog, Damaged, Opening, OpeningRecord
from edgepind.model.instants import Monotonic
from edgepind.model.observation import OverrideFile
from edgepind.operator.override_file import read_override
from edgepind.settings.schema import Settings


class HelperPolicy:
    """What one request may do under `settings`; `folder` holds the helper's records."""

    def __init__(self, settings: Settings, folder: Path, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.record = OpeningRecord(folder, clock)
        self._openings = BudgetLog(folder / "openings.json", clock)
        self._restarts = BudgetLog(folder / "restarts.json", clock)

    def objection_to_opening(self) -> str | None:
        """Why validation may not be switched off now, a sentence.

        None: it may, and its end is recorded.
        """
        known = self.record.read()
        opening = self._by_override(known) or self._by_budget(known)
        if isinstance(opening, str) or opening == known:
            return opening if isinstance(opening, str) else None
        return self._begin(opening)

    def opening_as_it_stands(self) -> Opening | None:
        """What is recorded, by what root's override file says of it now; None: nothing is.

        An override that was made longer or shorter since ends at the new time; one whose file is
        gone is over. A record that cannot be read is over as well, unless an override is in force.
        """
        known, now = self.record.read(), self._clock.now().monotonic
        if known is None:
            return None
        overridden = self._by_override(known)
        if overridden is not None:
            return overridden
        if not isinstance(known, Opening):
            return Opening(now, None, "its record cannot be read")
        if known.until is None or known.until == self._override_end():
            return known
        return Opening(min(known.ends, now), None, f"{known.why}; its file is gone")

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
        error = self.count_restart()
        return error and f"the privileged helper restarts only what it can record: {error}"

    def count_restart(self) -> str | None:
        """Count a restart, whatever the budget says; a sentence, where that cannot be recorded."""
        return self._restarts.add(self._settings.edge.restart_window)

    def restart_not_made(self) -> str | None:
        """Give the last restart back to the budget; a sentence, where that cannot be recorded."""
        return self._restarts.take_back()

    def _begin(self, opening: Opening) -> str | None:
        """Count it, where it has a budget, and record it; a sentence, where either fails."""
        rules, budgeted = self._settings.fail_open, opening.until is None
        if budgeted and (error := self._openings.add(max(rules.limit, rules.budget_window))):
            return _unrecorded(error)
        error = self.record.write(opening)
        if error and budgeted:
            self._openings.take_back()
        return error and _unrecorded(error)

    def _by_override(self, known: Opening | Damaged | None) -> Opening | None:
        """The opening that an override of root's allows; None where none is in force.

        Its end is computed once: setting the clock later neither lengthens nor cuts it. No later
        than the file's own age allows, as `core.override` has it.
        """
        override, now = self._override(), self._clock.now()
        until = self._override_end()
        if override is None or until is None:
            return None
        if isinstance(known, Opening) and known.until == until:
            return known if known.ends > now.monotonic else None
        left = min(until - now.wall, until - override.made_at).total_seconds()
        if left <= 0:
            return None
        why = f"an override of {override.by}: {override.reason}"
        return Opening(Monotonic(now.monotonic + left), until, why)

    def _by_budget(self, known: Opening | Damaged | None) -> Opening | str:
        """The opening that goes on or begins by `fail_open`; a sentence, where none may."""
        rules = self._settings.fail_open
        if not rules.enabled:
            return (
                "the privileged helper keeps validation on: fail_open.enabled is false and no "
                "override of root's is in force; `edgepind override on` as root makes one"
            )
        now = self._clock.now().monotonic
        if isinstance(known, Opening) and known.until is None and known.ends > now:
            return known
        if len(self._openings.within(rules.budget_window)) >= rules.budget:
            return (
                f"the privileged helper keeps validation on: {rules.budget} openings have begun "
                "within fail_open.budget_window; `edgepind override on` as root opens the Edge"
            )
        return Opening(Monotonic(now + rules.limit), None, "an opening that the daemon asked for")

    def _override(self) -> OverrideFile | None:
        """The override that root itself wrote, whether it is over or not."""
        paths = self._settings.paths
        override = read_override(paths.runtime, paths.state, owner=os.geteuid())
        return override if isinstance(override, OverrideFile) else None

    def _override_end(self) -> datetime | None:
        override = self._override()
        return override.end if override else None


def _unrecorded(error: str) -> str:
    return f"the privileged helper keeps validation on, for the opening cannot be recorded: {error}"
