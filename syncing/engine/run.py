"""One pass: read both sides, decide, act, and only then move the cursors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncing.engine.act import Actor
from syncing.engine.cursors import (
    Cursor,
    SetAside,
    due_again,
    first_cursor,
    is_old,
    salesforce_advanced,
    tried_again,
    without_pass,
)
from syncing.engine.plan import Decision, Step, decide, guard_deletes
from syncing.engine.read import GoogleFeed, SalesforceFeed, read_google, read_salesforce
from syncing.engine.resolve import Resolved, Resolver
from syncing.engine.tally import Tally
from syncing.gate import DatabaseUnavailableError
from syncing.providers.sides import Providers, Sides
from syncing.providers.tokens import Token, TokenSource, is_refusal
from syncing.providers.wire import ProviderError, own_error
from syncing.reports import PassReport, PassResult, RawError
from syncing.store import PassStore, PassSupersededError, is_proof_due, is_refusal_due
from syncing.work import Access, PassWork

Clock = Callable[[], datetime]
Remaining = Callable[[], float]


class DeadlineReachedError(Exception):
    """The time for this pass is over; nothing more may be sent."""


def run_pass(
    work: PassWork, *, store: PassStore, providers: Providers, clock: Clock, remaining: Remaining
) -> PassReport:
    """Sync one person once and report what came of it.

    `clock` gives the time (aware, UTC). `remaining` gives the seconds left, from a clock that is
    never set; once there are none, no remote write is begun. Provider errors, a missing connection,
    the deadline and a lost database end in a report; anything else that is raised is a defect.
    """
    google, salesforce = work.google, work.salesforce
    if google is None or salesforce is None or not work.salesforce_user_id:
        missing = "google" if google is None else "salesforce"
        text = f"the person has no {missing} connection"
        return _failure(own_error(missing, "NotConnected", text), Tally())
    now = clock()
    patient = store.patient_for(remaining)

    def remember(access: Access, token: Token) -> None:
        patient.token_save(work, access, token)

    with providers.opened(
        work, google=google, salesforce=salesforce, remember=remember, now=now
    ) as sides:
        return _Pass(work, google, salesforce, sides, patient, clock, remaining, now).report()


def _failure(error: RawError, tally: Tally) -> PassReport:
    return PassReport(PassResult.FAILURE, error, tally.counts())


@dataclass(slots=True)
class _Pass:
    work: PassWork
    google_access: Access
    salesforce_access: Access
    sides: Sides
    store: PassStore
    clock: Clock
    remaining: Remaining
    now: datetime
    tally: Tally = field(default_factory=Tally)
    acting: bool = False

    def report(self) -> PassReport:
        try:
            return self._report()
        except DatabaseUnavailableError:
            raw = own_error("network", "DatabaseUnavailable", "our own database did not answer")
        except PassSupersededError:
            raw = own_error("network", "PassSuperseded", "a later pass of the person has begun")
        return _failure(raw, self.tally)

    def _report(self) -> PassReport:
        try:
            error = self._run()
        except ProviderError as problem:
            self._note_refusal(problem)
            return _failure(problem.raw, self.tally)
        except DeadlineReachedError:
            raw = own_error("network", "DeadlineReached", "the pass ran out of time")
            result = PassResult.PARTIAL if self.acting else PassResult.FAILURE
            return PassReport(result, raw, self.tally.counts())
        result = PassResult.PARTIAL if error else PassResult.SUCCESS
        return PassReport(result, error, self.tally.counts())

    def _check(self) -> None:
        if self.remaining() <= 0:
            raise DeadlineReachedError

    def _run(self) -> RawError | None:
        """Return the first error about single events; None if everything was done."""
        cursor = self.work.cursor or first_cursor(self.now)
        self.tally.set_aside = len(cursor.set_aside)
        google = read_google(self.sides.google, cursor, self._check)
        salesforce = read_salesforce(
            self.sides.salesforce, cursor, self.work.salesforce_user_id, self.now
        )
        if _is_quiet(cursor, google, salesforce, self.now):
            self._save_quietly(cursor, google, salesforce)
            return None
        resolver = Resolver(
            self.work,
            cursor,
            self.sides,
            self.store,
            google,
            salesforce,
            self.now,
            self._check,
        )
        resolved = resolver.resolve()
        return self._act(cursor, google, salesforce, resolved)

    def _act(
        self,
        cursor: Cursor,
        google: GoogleFeed,
        salesforce: SalesforceFeed,
        resolved: Resolved,
    ) -> RawError | None:
        decisions = [decide(pair, cursor.window_start) for pair in resolved.pairs]
        self.tally.skipped += sum(decision.skipped for decision in decisions)
        steps = [decision.step for decision in decisions if decision.step]
        guarded = guard_deletes(steps, resolved.linked)
        actor = Actor(self.work, self.sides, self.store, self.clock, self._check, self.tally)
        self.acting = True
        try:
            actor.run(guarded.steps, last=_was_set_aside(cursor.set_aside))
        except Exception:
            self._keep_tries(cursor, actor)
            raise
        guard_error = _guard_error(guarded.held, resolved)
        asides = tried_again(cursor.set_aside, resolved.retried, actor.failed, self.now)
        self.tally.set_aside = len(asides)
        if guard_error is None:
            self._save_cursor(cursor, google, salesforce, asides)
        else:
            self._keep_tries(cursor, actor)
        self._note_proof()
        return guard_error or actor.first_error or _unfit_error(decisions)

    def _keep_tries(self, cursor: Cursor, actor: Actor) -> None:
        """Nothing counts as read, but what failed is remembered, to be tried last."""
        if actor.failed:
            asides = tried_again(cursor.set_aside, (), actor.failed, self.now)
            self.tally.set_aside = len(asides)
            self.store.cursor_save(self.work, without_pass(cursor, asides), now=self.now)

    def _save_cursor(
        self,
        cursor: Cursor,
        google: GoogleFeed,
        salesforce: SalesforceFeed,
        asides: tuple[SetAside, ...],
    ) -> None:
        mark, seen = salesforce_advanced(cursor, salesforce.stamps, salesforce.covered)
        advanced = replace(
            cursor,
            google_sync_token=google.token,
            salesforce_mark=mark,
            salesforce_deleted_mark=salesforce.covered,
            salesforce_seen=seen,
            set_aside=asides,
        )
        self.store.cursor_save(self.work, advanced, now=self.now)

    def _save_quietly(self, cursor: Cursor, google: GoogleFeed, salesforce: SalesforceFeed) -> None:
        """Nothing changed: store at most once a day, because tokens and logs age."""
        if is_old(cursor, self.now):
            self._save_cursor(cursor, google, salesforce, cursor.set_aside)
        self._note_proof()

    def _note_proof(self) -> None:
        accesses = (self.google_access, self.salesforce_access)
        due = [access for access in accesses if is_proof_due(access, self.now)]
        if due:
            self.store.access_proven(self.work, due, now=self.now)

    def _note_refusal(self, error: ProviderError) -> None:
        pairs: tuple[tuple[Access, TokenSource], ...] = (
            (self.google_access, self.sides.google_tokens),
            (self.salesforce_access, self.sides.salesforce_tokens),
        )
        for access, tokens in pairs:
            fresh_token_refused = error.status == 401 and tokens.fetched
            if error.raw.provider != access.provider:
                continue
            if (is_refusal(error) or fresh_token_refused) and is_refusal_due(access, self.now):
                self.store.access_refused(self.work, access, now=self.now)


def _is_quiet(
    cursor: Cursor, google: GoogleFeed, salesforce: SalesforceFeed, now: datetime
) -> bool:
    if google.full or salesforce.gap or google.seen or salesforce.seen:
        return False
    return not due_again(cursor, (), (), now)


def _was_set_aside(asides: tuple[SetAside, ...]) -> Callable[[Step], bool]:
    google_ids = {aside.google_id for aside in asides} - {""}
    salesforce_ids = {aside.salesforce_id for aside in asides} - {""}

    def was_set_aside(step: Step) -> bool:
        return step.pair.google_id in google_ids or step.pair.salesforce_id in salesforce_ids

    return was_set_aside


def _guard_error(held: tuple[Step, ...], resolved: Resolved) -> RawError | None:
    if resolved.missing:
        text = f"{resolved.missing} of {resolved.linked} linked events are missing"
        return own_error(
            resolved.missing_provider, "MassDeleteGuard", f"{text}; none was deleted elsewhere"
        )
    if not held:
        return None
    provider = "google" if held[0].verb.name == "DELETE_SALESFORCE" else "salesforce"
    text = f"{len(held)} of {resolved.linked} linked events were deleted"
    return own_error(provider, "MassDeleteGuard", f"{text}; none was deleted elsewhere")


def _unfit_error(decisions: list[Decision]) -> RawError | None:
    unfit = sum(decision.unfit for decision in decisions)
    if not unfit:
        return None
    text = f"{unfit} events last longer than the 14 days Salesforce allows"
    return own_error("salesforce", "EventTooLong", text)
