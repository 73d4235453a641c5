"""The written model of the world: every rate of it, with its reason in one line.

A rate is a number a year and edge, a share from 0 to 1, or a span, as its comment says. Adversaries
are set far more frequent than they are, so that their effect can be counted at all: exposure
is to be read as "were there this many attempts a year", and scales with them.
"""

from dataclasses import dataclass, fields, replace

MINUTE = 60.0
HOUR = 3600.0
DAY = 86_400.0
YEAR = 365 * DAY


@dataclass(frozen=True, slots=True)
class Rates:
    """Spans are log-uniform between `_from` and `_to`, in seconds, where both are given."""

    # --- the cloud's certificate ---------------------------------------------------------
    lives_200: float = 1.0  # weight of edges whose cloud has certificates of 200 days: now
    lives_100: float = 1.0  # ... of 100 days: from March 2027
    lives_47: float = 1.0  # ... of 47 days: from March 2029
    renewed_at: float = 0.75  # share of its life after which a leaf is replaced, 10 % either way
    addresses_least: float = 2.0  # a load balancer in two zones
    addresses_most: float = 4.0  # ... or in four
    announced: float = 0.3  # share of rotations with a word in advance; managed CAs give none
    lead_from: float = HOUR  # the shortest notice
    lead_to: float = 14 * DAY  # the longest; never beyond 15 % of the leaf's life
    rolling_from: float = MINUTE  # from the first address to the last: all but at once
    rolling_to: float = 6 * HOUR  # ... or with long draining of connections
    word_early: float = 10 * MINUTE  # the endpoint's `current` changes this early at most
    word_late: float = 30 * MINUTE  # ... and this late at most, after the first address
    taken_back: float = 0.03  # share of rotations that are taken back half-way, then repeated
    withdrawn: float = 0.02  # share that are taken back for good; another leaf comes days later
    back_from: float = 10 * MINUTE  # how long the former leaf is back
    back_to: float = 6 * HOUR  # ... or until the next shift
    key_changed: float = 0.1  # share of rotations from RSA to ECDSA or back
    narrow_ciphers: float = 0.02  # share of edges whose cipher list suits one key type only
    ca_changed: float = 0.1  # the cloud changes to another CA's owner once in ten years, for good
    two_regions: float = 0.1  # share of clouds with two regions, each with a leaf of its own
    dual: float = 0.1  # share with an RSA and an ECDSA leaf at every address
    other_stack: float = 0.4  # share of Edges that meet the other of the two: two to four of seven
    in_turn: float = 0.15  # share whose nodes behind one address are renewed one by one

    # --- network, status endpoint, appliance -----------------------------------------------
    outages: float = 6.0  # a site's uplink fails every other month
    outage_from: float = MINUTE  # a reboot of a router
    outage_to: float = 8 * HOUR  # until a technician came
    flapping: float = 0.2  # share of outages that come as five in a row
    address_outages: float = 4.0  # one address of several does not answer
    address_outage_from: float = 5 * MINUTE  # a node that is replaced
    address_outage_to: float = DAY  # ... or a zone that is ill for a day
    status_faults: float = 6.0  # an API that has incidents as any other
    status_fault_from: float = 5 * MINUTE  # a deployment that went wrong
    status_fault_to: float = 2 * DAY  # ... or over a weekend
    status_garbage: float = 0.35  # share that answer 200 with HTML, `null` or no such field
    status_stale: float = 0.15  # share that name the former leaf, from a cache
    status_lost: float = 0.15  # credentials expired, or the endpoint moved
    status_lost_from: float = 7 * DAY  # until somebody reads the journal
    status_lost_to: float = 120 * DAY  # nobody notices what is not missed
    reboots: float = 3.0  # kernel updates
    reboot_takes: float = 3 * MINUTE  # None
    switched_off: float = 0.2  # a site closed, an appliance in a drawer
    off_from: float = 7 * DAY  # company holidays
    off_to: float = 42 * DAY  # ... or rebuilding
    boot_clock_wrong: float = 0.1  # share of starts with a clock that lost its battery or its NTP
    clock_steps: float = 0.1  # a hypervisor sets the time of its guest
    clock_from: float = MINUTE  # the first answer of a time server
    clock_to: float = 2 * DAY  # ... or a firewall that must be opened for it
    clock_known: float = 0.5  # share of wrong clocks that chrony knows to be wrong
    restart_troubles: float = 0.5  # a full disk, a bad update: the Edge does not come up
    trouble_from: float = 5 * MINUTE  # a disk that is cleared
    trouble_to: float = 12 * HOUR  # ... or a technician at night
    aftermath: float = HOUR  # edgepind's `restart_window`: its longest wait for the next restart

    # --- people ----------------------------------------------------------------------------
    overrides: float = 0.5  # an operator switches validation off for some work
    override_stated: float = 4 * HOUR  # ... meaning it to last this long
    forgotten: float = 0.5  # share who forget to switch it on again
    remembered_from: float = DAY  # the next day
    remembered_to: float = 90 * DAY  # ... or at the next audit
    visit_after: float = 4 * HOUR  # a lockout this old is mended by a person, at nine next workday
    proxies: float = 0.2  # an inspecting proxy is put in, and breaks the telephones
    proxy_from: float = 3 * DAY  # until somebody is called
    proxy_to: float = 14 * DAY  # ... and until the exemption is in
    proxy_root: float = 0.8  # share whose CA was added to the hosts' own trust store

    # --- adversaries, each a year and edge; but for strangers, with a leaf of a public CA -----
    own_ca: float = 0.1  # share whose CA has the cloud's owner: one of some ten that matter
    brief: float = 0.3  # on the path for less than the hold-down
    brief_from: float = MINUTE  # a hijack that is noticed at once
    brief_to: float = 14 * MINUTE  # ... or soon: less than the hold-down
    hours: float = 0.2  # a shift at work: a hijacked route
    hours_from: float = 15 * MINUTE  # as long as the hold-down
    hours_to: float = 12 * HOUR  # ... to half a day
    stays: float = 0.25  # share of these who can stay until `ca_hold_down` is served, and do
    stays_for: float = 4.5 * HOUR  # ... which is four hours by default
    patient: float = 0.1  # waits longer than any hold-down of hours, and comes back
    patient_from: float = DAY  # longer than the overlap
    patient_to: float = 10 * DAY  # ... to a long weekend and more
    back_after_from: float = 7 * DAY  # when nobody looks any more
    back_after_to: float = 60 * DAY  # ... while his leaf is still valid
    seekers: float = 0.2  # lock the Edge out until it opens, then blind the daemon; repeated
    seeker_shows: float = 4 * MINUTE  # the daemon is shown a leaf: grace, two looks and a restart
    seeker_blinds: float = 3.8 * HOUR  # then nothing, while he talks to the Edge: below `limit`
    seeker_rounds: float = 4.0  # one more than the openings that are allowed a day
    seeker_many: float = 0.5  # share who show more leaves than are lent: the last resort
    lurkers: float = 0.2  # on the path and silent, waiting for an Edge that is open
    lurker_from: float = 10 * DAY  # a tap that is found
    lurker_to: float = 60 * DAY  # ... or is not
    adders: float = 0.2  # have no path, only a resolver: they add addresses to the cloud's name
    adder_from: float = 30 * MINUTE  # as long as the answer may be cached
    adder_to: float = 10 * DAY  # ... or until somebody compares resolvers
    adder_replaces: float = 0.5  # share who leave none of the cloud's own addresses in the answer
    strangers: float = 0.2  # a self-signed leaf at one address: a lease that was given away
    stranger_from: float = 7 * DAY  # until a ticket was read
    stranger_to: float = 42 * DAY  # ... and the record's time to live was over
    flappers: float = 0.1  # spend the openings, so that none is left for a rotation
    flap: float = 7 * MINUTE  # longer than the grace, shorter than the hold-down
    flaps: float = 3.0  # as many as there are openings a day
    flap_pause_from: float = 10 * MINUTE  # the cloud is back for some looks
    flap_pause_to: float = 2 * HOUR  # ... and all flaps fall within the openings' day
    saboteurs: float = 0.1  # touch the path so that no hold-down is ever served
    touch: float = MINUTE  # long enough for one look
    touch_every: float = 13 * MINUTE  # shorter than the hold-down
    saboteur_from: float = 2 * HOUR  # until the route is found to flap
    saboteur_to: float = 2 * DAY  # ... by somebody after the weekend
    saboteur_public: float = 0.5  # share with a public leaf; the others' are self-signed
    hides: float = 0.3  # share of them who wait for a rotation and act within the hour
    controls_status: float = 0.5  # share who answer in the status endpoint's place, too
    one_address: float = 0.2  # share who hold one address of several (a hijacked route or zone)


def with_rates(rates: Rates, changes: dict[str, float]) -> Rates:
    """`rates` with some changed; raises ValueError for a name or a value that is none."""
    known = [field.name for field in fields(Rates)]
    for name, value in changes.items():
        if name not in known:
            raise ValueError(f"there is no rate {name!r}; those there are: {', '.join(known)}")
        if not 0 <= value < float("inf"):
            raise ValueError(f"the rate {name} cannot be {value}: a rate is 0 or more")
    return replace(rates, **changes)
