"""What a message says of one alert, and who reads it. Pure: loaded by `monitoring.alerts.items`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from monitoring.alerts.kinds import AlertKind, Severity
from monitoring.alerts.plan_facts import Phase


@dataclass(frozen=True, slots=True)
class Item:
    """One alert as one recipient is told of it.

    cause               as in models.Alert; `title`, `meaning` and `next_step` are its words
    people              whom it is about, as far as they concern the recipient; of one that is over,
                        no fewer than were told of
    number              of the reminder, or of the growth
    organization_name   empty for what is the service's own, or across organizations
    names               the first few of its people, or of its organizations
    missing_since       since when the one who waits longest has had no good run
    people_link         to who has it now in the console; with `is_one` to the one it is about
    alert_link          to its page in the console
    acknowledge_link    works without a sign-in; empty where there is nothing to acknowledge, or who
                        reads it may only look
    flaps               how many like it ended within the day before it began
    facts               the measured numbers, as its source brings them by kind
    is_escalated        told because nobody has acknowledged it
    acknowledged_by     who has, by name, and `acknowledged_at` when
    first_mail          the Message-ID of the first mail of it to the recipient; empty for that one
    """

    alert_id: int
    kind: AlertKind
    phase: Phase
    severity: Severity
    cause: str
    title: str
    meaning: str
    next_step: str
    people: int
    began_at: datetime
    ended_at: datetime | None = None
    number: int = 0
    organization_name: str = ""
    organization_slug: str = ""
    names: tuple[str, ...] = ()
    missing_since: datetime | None = None
    people_link: str = ""
    is_one: bool = False
    alert_link: str = ""
    acknowledge_link: str = ""
    flaps: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_escalated: bool = False
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    first_mail: str = ""


@dataclass(frozen=True, slots=True)
class Rest:
    """The alerts of a message that it counts rather than tells: those less grave than the told.

    severities     how many of each go on
    over           how many are over
    phases         of all of these
    is_elsewhere   they and the told are not all of one organization
    """

    severities: Mapping[Severity, int] = field(default_factory=dict)
    over: int = 0
    phases: frozenset[Phase] = frozenset()
    is_elsewhere: bool = False

    @property
    def number(self) -> int:
        return sum(self.severities.values()) + self.over

    def __add__(self, other: Rest) -> Rest:
        return Rest(
            Counter(self.severities) + Counter(other.severities),
            self.over + other.over,
            self.phases | other.phases,
            self.is_elsewhere or other.is_elsewhere,
        )


NO_REST = Rest()


def rest_of(alerts: Iterable[tuple[Phase, Severity]], *, is_elsewhere: bool) -> Rest:
    """Return the count of alerts, each by its phase and severity."""
    counts = Counter(alerts)
    severities: Counter[Severity] = Counter()
    for (phase, severity), number in counts.items():
        if phase != Phase.OVER:
            severities[severity] += number
    phases = frozenset(phase for phase, _ in counts)
    return Rest(severities, counts.total() - severities.total(), phases, is_elsewhere)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who is told; without an `unsubscribe_link` they can't unsubscribe by themselves.

    recipient_id     of models.Recipient: messages of one episode to one recipient are one thread
    alerts_link      to the list of all alerts they may see
    settings_link    where they choose what they are told
    silences         a sentence on what is muted in their organization; empty where nothing is
    """

    name: str
    address: str
    zone: tzinfo = UTC
    unsubscribe_link: str = ""
    alerts_link: str = ""
    settings_link: str = ""
    is_support: bool = False
    recipient_id: int = 0
    organization_name: str = ""
    silences: str = ""


@dataclass(frozen=True, slots=True)
class ChatText:
    """A message for a chat or a pager."""

    title: str
    body: str
