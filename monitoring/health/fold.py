"""The fold: what a person's outcomes say about their syncing. Pure; durations are seconds.

`fold` takes one more outcome into the facts of a person's runs; `judge` reads status and reason
from those facts at a given moment. Source of every rule: the table "Health" of the design.

Nothing here can disable anybody. `judge` answers `disabled` only to a caller that says the person
is held, and a hold has a human author. A run that an incident explains is no penalty and no proof
(design, rule 5); its outcome says so by `penalty_held`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

ASKS_A_HUMAN = frozenset({"needs_user", "needs_admin"})
# Waits are stretched, never shortened, by up to this share, so that people spread out.
JITTER = 0.05
RECENT_RUNS = 24
# Signatures of bad runs that came with no error: lost ones, whose cause is this service, and those
# of which nobody reported why.
LOST = "service - lost"
NO_REASON = "unknown - no reason reported"
# Who was never connected stands between those off and those well, at 3.
SEVERITY = {"stalled": 0, "degraded": 1, "disabled": 2, "healthy": 4}
EVIDENCE = 3


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """The numbers in force for an organization; see `monitoring.health.models.Policy`."""

    base_interval: int = 7_200
    maximum_interval: int = 86_400
    grace_minimum: int = 900
    failing_after: int = 86_400
    failing_attempts: int = 6
    silent_intervals: int = 2
    first_retry: int = 300
    second_retry: int = 1_200
    failures_to_double: int = 3
    confirm_after: int = 240


@lru_cache
def with_own_base(policy: PolicyFacts, base_interval: int) -> PolicyFacts:
    """Return the policy for somebody whose base interval is their own, which none is below."""
    longest = max(policy.maximum_interval, base_interval)
    return replace(policy, base_interval=base_interval, maximum_interval=longest)


@dataclass(frozen=True, slots=True)
class JudgedOutcome:
    """An outcome with the verdict on its error.

    retry_after    seconds the provider asked us to wait
    signature      the group its error belongs to, its provider first; see `signature_of`
    penalty_held   an open incident explains it (`monitoring.health.shields`)
    canary         the person is one of the few who try often while the incident is open
    """

    attempt_id: UUID
    finished_at: datetime
    result: str
    interpretation: str | None = None
    rule: str | None = None
    rules_version: int | None = None
    retry_after: int | None = None
    signature: str | None = None
    penalty_held: bool = False
    canary: bool = False

    @property
    def order(self) -> tuple[datetime, UUID]:
        return self.finished_at, self.attempt_id


@dataclass(frozen=True, slots=True)
class Runs:
    """The facts of a person's runs, as the Health row stores them.

    awaiting_since   when the person's syncing began, last; None for who was never connected here
    failures         failed and lost runs since the last one that got through
    failing_since    when the first of those ended
    suspect_*        the first run of this streak that said a human must act, and what it said
    confirmed_at     when a second, later run of the same class bore it out
    interval         effective interval; expected_at: when the next run is due by it
    not_before       no sooner than this may the next run be, because the provider said so
    last_signature   the group of the last run's error; None after a good run
    in_incident      whether an incident explains the last run
    recent           the last 24 runs, oldest first, a letter each: s, p, f, l
    evidence         the runs behind the present trouble, at most three, newest last
    """

    awaiting_since: datetime | None = None
    last_attempt_id: UUID | None = None
    last_attempt_at: datetime | None = None
    last_result: str | None = None
    last_success_at: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    last_rule: str | None = None
    last_interpretation: str | None = None
    rules_version: int | None = None
    suspect_interpretation: str | None = None
    suspect_rule: str | None = None
    suspect_at: datetime | None = None
    confirmed_at: datetime | None = None
    recent: str = ""
    interval: int = 7_200
    expected_at: datetime | None = None
    not_before: datetime | None = None
    last_signature: str | None = None
    in_incident: bool = False
    evidence: tuple[UUID, ...] = ()

    def is_late(self, outcome: JudgedOutcome) -> bool:
        """Tell whether the outcome belongs before one already folded, or is that one."""
        if self.last_attempt_at is None or self.last_attempt_id is None:
            return False
        return outcome.order <= (self.last_attempt_at, self.last_attempt_id)


@dataclass(frozen=True, slots=True)
class Standing:
    """Status and reason at one moment, and when they would change by themselves.

    `cause` is a rule's id or one of: never_connected, awaiting_first_success, overdue, silent,
    lost, unrecognised, incident, slowed, held; empty for who is healthy.
    """

    status: str
    cause: str
    check_at: datetime | None = None


def signature_of(
    result: str, signature: str | None, interpretation: str | None = None
) -> str | None:
    """Return the group a run belongs to: its error's, None for one that the providers let in.

    A partial run in which only single records were refused says nothing against anybody else.
    """
    if result == "success" or (result == "partial" and interpretation == "record"):
        return None
    return LOST if result == "lost" else signature or NO_REASON


def fold(runs: Runs, outcome: JudgedOutcome, policy: PolicyFacts) -> Runs:
    """Take in one outcome that is later than all before it."""
    if outcome.result == "success":
        return after_success(runs, outcome, policy)
    if outcome.penalty_held:
        return after_held_run(runs, outcome, policy)
    if outcome.result == "partial":
        return after_partial(runs, outcome, policy)
    return after_failure(runs, outcome, policy)


def fold_all(runs: Runs, outcomes: list[JudgedOutcome], policy: PolicyFacts) -> Runs:
    """Take in outcomes in any order, all later than those before."""
    for outcome in sorted(outcomes, key=lambda o: o.order):
        runs = fold(runs, outcome, policy)
    return runs


def after_success(runs: Runs, outcome: JudgedOutcome, policy: PolicyFacts) -> Runs:
    """One good run makes everything normal again."""
    return Runs(
        awaiting_since=runs.awaiting_since,
        last_attempt_id=outcome.attempt_id,
        last_attempt_at=outcome.finished_at,
        last_result="success",
        last_success_at=outcome.finished_at,
        recent=strip(runs.recent, "s"),
        interval=policy.base_interval,
        expected_at=later(outcome, policy.base_interval),
    )


def after_good_runs(runs: Runs, count: int, last: JudgedOutcome, policy: PolicyFacts) -> Runs:
    """Take in `count` good runs in a row, of which only the last one matters."""
    before = strip(runs.recent, "s" * (count - 1))
    return after_success(replace(runs, recent=before), last, policy)


def after_partial(runs: Runs, outcome: JudgedOutcome, policy: PolicyFacts) -> Runs:
    """The providers let us in, so the failing clock stops; some records did not get through.

    Only an error that asks a human to act keeps its streak.
    """
    asks = outcome.interpretation in ASKS_A_HUMAN
    suspect = suspicion(runs, outcome, policy) if asks else (None, None, None, None)
    interval = policy.maximum_interval if suspect[3] else policy.base_interval
    return Runs(
        runs.awaiting_since,
        outcome.attempt_id,
        outcome.finished_at,
        "partial",
        runs.last_success_at,
        0,
        None,
        outcome.rule or "unrecognised",
        outcome.interpretation,
        outcome.rules_version,
        *suspect,
        evidence=newest(runs.evidence, outcome.attempt_id),
        recent=strip(runs.recent, "p"),
        interval=interval,
        expected_at=later(outcome, wait_after_partial(outcome, suspect[2:], policy)),
        not_before=allowed_at(outcome, policy),
        last_signature=outcome.signature,
    )


def wait_after_partial(
    outcome: JudgedOutcome,
    suspected: tuple[datetime | None, datetime | None],
    policy: PolicyFacts,
) -> int:
    """Look again soon while a human's part is suspected, seldom once it is confirmed."""
    suspect_at, confirmed_at = suspected
    if confirmed_at is not None:
        return policy.maximum_interval
    wait = policy.first_retry if suspect_at is not None else policy.base_interval
    return at_least(wait, outcome.retry_after, policy)


def after_failure(runs: Runs, outcome: JudgedOutcome, policy: PolicyFacts) -> Runs:
    """A failed or lost run: retry soon, then seldom, and never give up."""
    failures = runs.failures + 1
    suspect = suspicion(runs, outcome, policy)
    interval = interval_after(failures, suspect[3] is not None, policy)
    wait = wait_after(failures, interval, suspect[3] is not None, policy)
    return Runs(
        runs.awaiting_since,
        outcome.attempt_id,
        outcome.finished_at,
        outcome.result,
        runs.last_success_at,
        failures,
        runs.failing_since or outcome.finished_at,
        rule_of(outcome),
        outcome.interpretation,
        outcome.rules_version,
        *suspect,
        evidence=newest(runs.evidence, outcome.attempt_id),
        recent=strip(runs.recent, outcome.result[0]),
        interval=interval,
        expected_at=later(outcome, at_least(wait, outcome.retry_after, policy)),
        not_before=allowed_at(outcome, policy),
        last_signature=outcome.signature,
    )


def after_held_run(runs: Runs, outcome: JudgedOutcome, policy: PolicyFacts) -> Runs:
    """A bad run that an incident explains: no penalty, no proof, and no early retry.

    The failing clock stands still meanwhile. A few canaries try often, the others at their
    interval.
    """
    got_in = outcome.result == "partial"
    wait = policy.first_retry if outcome.canary else runs.interval
    return replace(
        runs,
        last_attempt_id=outcome.attempt_id,
        last_attempt_at=outcome.finished_at,
        last_result=outcome.result,
        failures=0 if got_in else runs.failures,
        failing_since=None if got_in else later_start(runs, outcome),
        last_rule=rule_of(outcome),
        last_interpretation=outcome.interpretation,
        rules_version=outcome.rules_version,
        evidence=newest(runs.evidence, outcome.attempt_id),
        recent=strip(runs.recent, outcome.result[0]),
        expected_at=later(outcome, at_least(wait, outcome.retry_after, policy)),
        not_before=allowed_at(outcome, policy),
        last_signature=outcome.signature,
        in_incident=True,
    )


def later_start(runs: Runs, outcome: JudgedOutcome) -> datetime | None:
    """Return the start of the failing clock moved by the time since the last run."""
    if runs.failing_since is None or runs.last_attempt_at is None:
        return runs.failing_since
    return runs.failing_since + (outcome.finished_at - runs.last_attempt_at)


def rule_of(outcome: JudgedOutcome) -> str:
    """Return the cause an outcome gives: its rule, or a word of `Standing`."""
    return "lost" if outcome.result == "lost" else outcome.rule or "unrecognised"


def allowed_at(outcome: JudgedOutcome, policy: PolicyFacts) -> datetime | None:
    """Return until when the provider asked us to stay away; never longer than an interval may be.

    A bound without an end would be an error that disables somebody.
    """
    if not outcome.retry_after:
        return None
    wait = min(outcome.retry_after, policy.maximum_interval)
    return outcome.finished_at + timedelta(seconds=wait)


def suspicion(
    runs: Runs, outcome: JudgedOutcome, policy: PolicyFacts
) -> tuple[str | None, str | None, datetime | None, datetime | None]:
    """Return suspect_interpretation, suspect_rule, suspect_at and confirmed_at after a bad run.

    One response never decides (design, rule 4): a class that asks a human to act is confirmed by a
    second outcome of that class, `confirm_after` seconds later or more, with no good run between.
    Runs that an incident explains never come here.
    """
    kept = runs.suspect_interpretation, runs.suspect_rule, runs.suspect_at, runs.confirmed_at
    if outcome.interpretation not in ASKS_A_HUMAN:
        return kept
    if runs.suspect_at is None or runs.suspect_interpretation != outcome.interpretation:
        return outcome.interpretation, outcome.rule, outcome.finished_at, None
    confirmed_at = runs.confirmed_at
    if (
        confirmed_at is None
        and seconds(runs.suspect_at, outcome.finished_at) >= policy.confirm_after
    ):
        confirmed_at = outcome.finished_at
    return outcome.interpretation, outcome.rule, runs.suspect_at, confirmed_at


def interval_after(failures: int, confirmed: bool, policy: PolicyFacts) -> int:
    """Return the effective interval: doubled by every third failure, capped."""
    if confirmed:
        return policy.maximum_interval
    # Beyond 20 doublings every interval is capped; the bound keeps the number small.
    doublings = min(failures // policy.failures_to_double, 20)
    return min(policy.base_interval << doublings, policy.maximum_interval)


def wait_after(failures: int, interval: int, confirmed: bool, policy: PolicyFacts) -> int:
    """Return the seconds to the next try, before jitter and Retry-After."""
    if confirmed or failures > 2:
        return interval
    return policy.first_retry if failures == 1 else policy.second_retry


def at_least(wait: int, retry_after: int | None, policy: PolicyFacts) -> int:
    """Honour Retry-After as a lower bound, up to the longest interval there is."""
    return max(wait, min(retry_after or 0, policy.maximum_interval))


def later(outcome: JudgedOutcome, wait: int) -> datetime:
    """Return the moment `wait` seconds after the run, plus a jitter drawn from its id."""
    return outcome.finished_at + jittered(outcome.attempt_id, wait)


def jittered(attempt_id: UUID, wait: int) -> timedelta:
    """Return a wait of `wait` seconds after an attempt, stretched by its jitter."""
    return timedelta(seconds=round(wait * (1 + JITTER * share_of(attempt_id))))


def share_of(attempt_id: UUID) -> float:
    """Return an attempt's place from 0 to 1, by which people spread out."""
    return (attempt_id.int & 0xFFFF) / 0x10000


def strip(recent: str, letters: str) -> str:
    return (recent + letters)[-RECENT_RUNS:]


def newest(evidence: tuple[UUID, ...], attempt_id: UUID) -> tuple[UUID, ...]:
    return (*evidence, attempt_id)[-EVIDENCE:]


def seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()


def grace_of(interval: int, policy: PolicyFacts) -> int:
    """Return the seconds a run may be late before anybody calls it overdue."""
    return max(policy.grace_minimum, interval // 4)


def overdue_at(runs: Runs, policy: PolicyFacts) -> datetime | None:
    """Return when a run that does not come is overdue."""
    if runs.expected_at is None:
        return None
    return runs.expected_at + timedelta(seconds=grace_of(runs.interval, policy))


def silent_at(runs: Runs, overdue: datetime, policy: PolicyFacts) -> datetime:
    """Return when having heard nothing at all becomes a matter for a person."""
    # A wait that a provider asked for is not silence.
    by_expectation = overdue + timedelta(seconds=runs.interval)
    heard = runs.last_attempt_at or runs.awaiting_since
    if heard is None:
        return by_expectation
    if runs.awaiting_since is not None and runs.awaiting_since > heard:
        heard = runs.awaiting_since
    grace = grace_of(runs.interval, policy)
    by_interval = heard + timedelta(seconds=policy.silent_intervals * runs.interval + grace)
    return max(by_interval, by_expectation)


def is_failing(runs: Runs, policy: PolicyFacts) -> bool:
    """Tell whether runs have failed long enough and often enough; idle time does not count."""
    if runs.failing_since is None or runs.last_attempt_at is None:
        return False
    long_enough = seconds(runs.failing_since, runs.last_attempt_at) >= policy.failing_after
    return long_enough and runs.failures >= policy.failing_attempts


def judge(runs: Runs, held: bool, policy: PolicyFacts, now: datetime) -> Standing:
    """Return status, cause and the time they would change by themselves."""
    if held:
        return Standing("disabled", "held")
    overdue = overdue_at(runs, policy)
    if overdue is None:
        return Standing("degraded", "never_connected")
    if runs.confirmed_at is not None:
        return Standing("stalled", runs.suspect_rule or "unrecognised")
    if is_failing(runs, policy):
        return Standing("stalled", runs.last_rule or "unrecognised")
    got_through = runs.last_result in {None, "success"}
    # Who is not even overdue is not silent.
    if now >= overdue or not got_through:
        silent = silent_at(runs, overdue, policy)
        if now >= silent:
            return Standing("stalled", "silent")
        if got_through:
            return Standing("degraded", "overdue", silent)
        cause = "incident" if runs.in_incident else runs.last_rule or "unrecognised"
        return Standing("degraded", cause, silent)
    if runs.interval > policy.base_interval:
        return Standing("degraded", "slowed", overdue)
    if runs.last_success_at is None:
        return Standing("degraded", "awaiting_first_success", overdue)
    return Standing("healthy", "", overdue)


def severity(standing: Standing) -> int:
    """Return the place of a standing in the order of worst first."""
    if standing.cause == "never_connected":
        return 3
    return SEVERITY[standing.status]


def unwell_since(runs: Runs, standing: Standing) -> datetime | None:
    """Return since when somebody who is not healthy has had no good run."""
    if standing.status == "healthy":
        return None
    return runs.last_success_at or runs.awaiting_since or runs.failing_since
