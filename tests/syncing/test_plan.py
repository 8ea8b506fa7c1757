"""What follows from both sides of an event and the base they last agreed on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume
from hypothesis import strategies as st

from syncing.engine.content import FIELDS, AllDay, Base, EventContent, ShowAs, Timed
from syncing.engine.fitting import fits_salesforce, for_google, for_salesforce
from syncing.engine.links import Link, LinkState, Origin, google_id_for, salesforce_key_for
from syncing.engine.matching import pair_up
from syncing.engine.merge import created_in_google, created_in_salesforce, merge
from syncing.engine.observed import (
    Deleted,
    Excluded,
    LeftOut,
    Observed,
    Present,
    Private,
    Unchanged,
    Unknown,
)
from syncing.engine.plan import Pair, Step, Verb, decide, deletes_allowed, guard_deletes
from tests.syncing.strategies import contents, tried

WINDOW = date(2026, 11, 1)
DAY = EventContent(AllDay(date(2026, 11, 20), date(2026, 11, 20)), title="Base")
BASE = Base(google=DAY, salesforce=DAY)
LINK = Link("google1", "00U1", BASE, Origin.GOOGLE, google_etag="g", salesforce_stamp="s")


def fitting_contents() -> st.SearchStrategy[EventContent]:
    return contents().filter(fits_salesforce)


@st.composite
def bases(draw: st.DrawFn) -> Base:
    return draw(
        st.one_of(
            fitting_contents().map(created_in_salesforce),
            fitting_contents().map(lambda content: created_in_google(for_salesforce(content))),
        )
    )


@tried(base=bases())
def test_without_edits_nothing_is_written(base: Base) -> None:
    merged = merge(base, base.google, base.salesforce)
    assert merged.writes_nothing
    assert merged.conflicts == 0
    assert merged.base == base


@tried(base=bases(), google=fitting_contents(), salesforce=fitting_contents())
def test_after_a_merge_both_sides_agree_for_good(
    base: Base, google: EventContent, salesforce: EventContent
) -> None:
    merged = merge(base, google, for_salesforce(salesforce))
    again = merge(merged.base, merged.google, merged.salesforce)
    assert again.writes_nothing
    for name in FIELDS:
        here, there = getattr(merged.google, name), getattr(merged.salesforce, name)
        assert (
            getattr(for_salesforce(merged.google), name) == there
            or getattr(for_google(merged.salesforce), name) == here
            or (here, there) == (getattr(base.google, name), getattr(base.salesforce, name))
        )


@tried(base=bases(), google=fitting_contents())
def test_an_edit_on_one_side_is_never_touched_on_that_side(
    base: Base, google: EventContent
) -> None:
    merged = merge(base, google, base.salesforce)
    assert merged.google == google
    assert merged.google_fields == frozenset()
    assert merged.conflicts == 0
    edited = for_salesforce(google)
    back = merge(base, base.google, edited)
    assert back.salesforce == edited
    assert back.salesforce_fields == frozenset()


@tried(base=bases(), edit=fitting_contents(), name=st.sampled_from(FIELDS))
def test_disjoint_edits_merge(base: Base, edit: EventContent, name: str) -> None:
    """One field from Google, the others from Salesforce: no conflict, both kept."""
    google = replace(base.google, **{name: getattr(edit, name)})
    others = {field: getattr(for_salesforce(edit), field) for field in FIELDS if field != name}
    salesforce = replace(base.salesforce, **others)
    merged = merge(base, google, salesforce)
    assert merged.conflicts == 0
    assert getattr(merged.google, name) == getattr(edit, name)
    for field, value in others.items():
        assert getattr(merged.salesforce, field) == value


def test_a_conflict_is_counted_and_google_is_kept() -> None:
    merged = merge(BASE, replace(DAY, title="Google"), replace(DAY, title="Salesforce"))
    assert (merged.conflicts, merged.salesforce.title) == (1, "Google")
    assert merged.google_fields == frozenset()


def test_the_same_edit_on_both_sides_is_no_conflict() -> None:
    edited = replace(DAY, title="Same", description="a < b")
    merged = merge(BASE, edited, edited)
    assert (merged.conflicts, merged.writes_nothing, merged.base.google) == (0, True, edited)


def test_a_shortened_copy_never_flows_back() -> None:
    long = replace(DAY, title="x" * 400, description="<p>One</p><p>Two</p>")
    base = created_in_salesforce(long)
    edited = replace(base.salesforce, location="Room 1")
    merged = merge(base, long, edited)
    assert merged.google_fields == {"location"}
    assert (merged.google.title, merged.google.description) == (long.title, long.description)


def test_out_of_office_is_not_overwritten_by_the_busy_google_knows() -> None:
    away = replace(DAY, show_as=ShowAs.OUT_OF_OFFICE)
    base = created_in_google(away)
    assert base.google.show_as is ShowAs.BUSY
    merged = merge(base, replace(base.google, title="New"), away)
    assert merged.salesforce_fields == {"title"}


def test_a_length_too_long_for_salesforce_is_held_and_the_rest_flows() -> None:
    stretched = replace(DAY, when=AllDay(date(2026, 11, 1), date(2026, 11, 30)), title="Long")
    decision = decide(pair(Present(stretched, "g2"), Unchanged()), WINDOW)
    assert decision.unfit
    assert decision.skipped
    assert decision.step is not None
    assert decision.step.merged is not None
    assert decision.step.merged.salesforce_fields == {"title"}
    assert decision.step.base is not None
    assert decision.step.base.google.when == DAY.when


def pair(google: Observed, salesforce: Observed, link: Link | None = LINK) -> Pair:
    return Pair("google1", "00U1", google, salesforce, link)


EDITED = Present(replace(DAY, title="Edited"), "v2")
SAME = Present(DAY, "v2")
SERIES = Excluded(LeftOut.SERIES)


@pytest.mark.parametrize(
    ("google", "salesforce", "verb"),
    [
        (Deleted(), Unchanged(), Verb.DELETE_SALESFORCE),
        (Deleted(), SAME, Verb.DELETE_SALESFORCE),
        (Deleted(), EDITED, Verb.CREATE_GOOGLE),
        (Unchanged(), Deleted(), Verb.DELETE_GOOGLE),
        (EDITED, Deleted(), Verb.CREATE_SALESFORCE),
        (Deleted(), Deleted(), Verb.UNLINK),
        (Deleted(), SERIES, Verb.UNLINK),
        (Private(), Deleted(), Verb.UNLINK),
        (Private(), Unchanged(), Verb.DELETE_SALESFORCE),
        (Unchanged(), Private(), Verb.PART),
        (EDITED, Private(), Verb.PART),
        (EDITED, EDITED, Verb.AGREE),
        (SAME, SAME, Verb.AGREE),
        (EDITED, Unchanged(), Verb.UPDATE),
        (Unchanged(), EDITED, Verb.UPDATE),
        (SERIES, EDITED, None),
        (SERIES, Unchanged(), None),
        (Unchanged(), Unchanged(), None),
    ],
)
def test_what_follows_for_a_linked_event(
    google: Observed, salesforce: Observed, verb: Verb | None
) -> None:
    step = decide(pair(google, salesforce), WINDOW).step
    assert (step.verb if step else None) is verb


@pytest.mark.parametrize(
    ("google", "salesforce", "verb"),
    [
        (SAME, Unknown(), Verb.CREATE_SALESFORCE),
        (Unknown(), SAME, Verb.CREATE_GOOGLE),
        (SAME, SAME, Verb.AGREE),
        (EDITED, SAME, Verb.UPDATE),
        (Deleted(), Unknown(), None),
        (Unknown(), Deleted(), None),
        (Private(), Unknown(), None),
        (Unknown(), Private(), None),
        (SERIES, Unknown(), None),
    ],
)
def test_what_follows_for_an_event_without_a_link(
    google: Observed, salesforce: Observed, verb: Verb | None
) -> None:
    step = decide(pair(google, salesforce, None), WINDOW).step
    assert (step.verb if step else None) is verb


ANYTHING = st.one_of(
    *(st.just(each) for each in (Deleted(), Unchanged(), Unknown(), Private(), SERIES)),
    fitting_contents().map(lambda content: Present(for_salesforce(content), "v")),
)
STATES = st.sampled_from(LinkState)


@tried(google=ANYTHING, salesforce=ANYTHING, origin=st.sampled_from(Origin), state=STATES)
def test_nothing_is_deleted_but_for_a_deletion_or_a_privacy(
    google: Observed, salesforce: Observed, origin: Origin, state: LinkState
) -> None:
    """Whatever else was seen, or not seen, deletes nothing."""
    step = decide(pair(google, salesforce, replace(LINK, origin=origin, state=state)), WINDOW).step
    if step is None or not step.deletes:
        return
    gone, other = (
        (google, salesforce) if step.verb is Verb.DELETE_SALESFORCE else (salesforce, google)
    )
    assert isinstance(gone, Private if step.scrub else Deleted)
    if not step.scrub:
        unchanged = isinstance(other, Unchanged)
        assert unchanged or (isinstance(other, Present) and other.content == DAY)


@tried(google=ANYTHING, salesforce=ANYTHING, origin=st.sampled_from(Origin), state=STATES)
def test_nothing_private_is_stored_or_copied(
    google: Observed, salesforce: Observed, origin: Origin, state: LinkState
) -> None:
    assume(isinstance(google, Private) or isinstance(salesforce, Private))
    step = decide(pair(google, salesforce, replace(LINK, origin=origin, state=state)), WINDOW).step
    allowed = {Verb.UNLINK, Verb.PART, Verb.DELETE_GOOGLE, Verb.DELETE_SALESFORCE}
    assert step is None or step.verb in allowed


@tried(google=fitting_contents(), salesforce=fitting_contents())
def test_who_changed_does_not_depend_on_versions(
    google: EventContent, salesforce: EventContent
) -> None:
    """Stamps may run backwards or stand still: only contents decide."""
    seen = [
        decide(pair(Present(google, one), Present(for_salesforce(salesforce), two)), WINDOW)
        for one, two in (("a", "b"), ("b", "a"), ("z", "z"))
    ]
    merges = {each.step.merged for each in seen if each.step}
    assert len(merges) <= 1


def test_events_before_the_window_are_not_taken_up_and_linked_ones_stay() -> None:
    old = replace(DAY, when=AllDay(date(2026, 10, 30), date(2026, 10, 31)))
    assert decide(pair(Present(old, "v"), Unknown(), None), WINDOW).step is None
    assert decide(pair(Unknown(), Present(old, "v"), None), WINDOW).step is None
    step = decide(pair(Present(old, "v"), Unchanged()), WINDOW).step
    assert step is not None
    assert step.verb is Verb.UPDATE


def test_an_event_too_long_for_salesforce_is_reported() -> None:
    start = datetime(2026, 11, 20, tzinfo=UTC)
    fortnight = EventContent(Timed(start, start + timedelta(days=14)))
    longer = EventContent(Timed(start, start + timedelta(days=14, minutes=1)))
    assert decide(pair(Present(fortnight, "v"), Unknown(), None), WINDOW).step is not None
    decision = decide(pair(Present(longer, "v"), Unknown(), None), WINDOW)
    assert (decision.step, decision.skipped, decision.unfit) == (None, True, True)


CREATING_GOOGLE = replace(LINK, state=LinkState.CREATING_GOOGLE, origin=Origin.SALESFORCE)


@pytest.mark.parametrize(
    ("google", "salesforce", "verb"),
    [
        (Unknown(), Unchanged(), Verb.CREATE_GOOGLE),
        (Deleted(), Unchanged(), Verb.CREATE_GOOGLE),
        (SAME, Unchanged(), Verb.AGREE),
        (SAME, EDITED, Verb.UPDATE),
        (EDITED, Unchanged(), Verb.UPDATE),
        (Unknown(), Deleted(), Verb.UNLINK),
        (Unknown(), Private(), Verb.UNLINK),
        (SAME, Deleted(), Verb.DELETE_GOOGLE),
    ],
)
def test_what_follows_for_an_announced_create(
    google: Observed, salesforce: Observed, verb: Verb
) -> None:
    step = decide(pair(google, salesforce, CREATING_GOOGLE), WINDOW).step
    assert step is not None
    assert step.verb is verb


def deleting(number: int) -> Step:
    return Step(pair(Deleted(), Unchanged()), Verb.DELETE_SALESFORCE, scrub=number < 0)


@tried(deletes=st.integers(0, 60), others=st.integers(0, 5), linked=st.integers(0, 100))
def test_the_guard_lets_all_deletes_pass_or_none(deletes: int, others: int, linked: int) -> None:
    steps = [deleting(1) for _ in range(deletes)]
    steps += [Step(pair(SAME, SAME), Verb.AGREE) for _ in range(others)]
    steps += [deleting(-1)]
    guarded = guard_deletes(steps, linked)
    passed = [step for step in guarded.steps if step.deletes and not step.scrub]
    assert len(passed) in (0, deletes)
    assert len(passed) <= deletes_allowed(linked)
    assert len(guarded.held) == deletes - len(passed)
    assert len(guarded.steps) == others + 1 + len(passed)


@tried(
    google=st.dictionaries(st.sampled_from("abcdef"), fitting_contents(), max_size=6),
    salesforce=st.dictionaries(st.sampled_from("ABCDEF"), fitting_contents(), max_size=6),
)
def test_every_event_is_in_exactly_one_pair(
    google: dict[str, EventContent], salesforce: dict[str, EventContent]
) -> None:
    seen_google = {key: Present(content, "v") for key, content in google.items()}
    seen_salesforce = {
        key: Present(for_salesforce(content), "v") for key, content in salesforce.items()
    }
    link = replace(LINK, google_id="a", salesforce_id="A")
    pairs = pair_up(1, seen_google, seen_salesforce, [link])
    assert sorted(p.google_id for p in pairs if p.google_id) == sorted({"a", *google})
    assert sorted(p.salesforce_id for p in pairs if p.salesforce_id) == sorted({"A", *salesforce})


def test_equal_events_are_linked_and_copies_are_known_by_id_and_key() -> None:
    other = replace(DAY, title="Other")
    copy_of_record = google_id_for(1, "00U2")
    google = {
        "equal": Present(DAY, "v"),
        copy_of_record: Present(other, "v"),
        "origin": Present(replace(DAY, title="Moved on"), "v"),
    }
    salesforce = {
        "00U1": Present(DAY, "v"),
        "00U2": Present(replace(DAY, title="Changed"), "v"),
        "00U3": Present(other, "v", salesforce_key_for(1, "origin")),
    }
    pairs = {p.google_id: p.salesforce_id for p in pair_up(1, google, salesforce, [])}
    assert pairs == {"equal": "00U1", copy_of_record: "00U2", "origin": "00U3"}


@tried(person=st.integers(1), event=st.text(min_size=1, max_size=40), taken=st.text(max_size=9))
def test_ids_are_what_the_providers_allow_and_differ_by_person(
    person: int, event: str, taken: str
) -> None:
    made = google_id_for(person, event, taken)
    assert set(made) <= set("0123456789abcdefghijklmnopqrstuv")
    assert 5 <= len(made) <= 1024
    assert made != google_id_for(person + 1, event, taken)
    assert len(salesforce_key_for(person, event)) <= 255
