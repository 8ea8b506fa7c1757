"""What an alert may be about, and how grave it is. Pure."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class AlertKind(StrEnum):
    STALLED = "stalled"
    REAUTHORIZE = "reauthorize"
    INCIDENT = "incident"
    UNRECOGNISED = "unrecognised"
    COVERAGE = "coverage"
    SERVICE = "service"
    RULE_CHANGE = "rule_change"


# Something that happened rather than something that lasts: told at once, and its end is no news.
EVENTS = frozenset({AlertKind.RULE_CHANGE})
# About people who need a human, of each of whom it can be told whether they are among them.
ABOUT_HEALTH = frozenset({AlertKind.STALLED, AlertKind.REAUTHORIZE})

# Those about people counted one by one, and with incidents those who are counted by team, too.
ABOUT_HEALTH = frozenset({AlertKind.STALLED, AlertKind.REAUTHORIZE})
ABOUT_PEOPLE = ABOUT_HEALTH | {AlertKind.INCIDENT}


class Severity(IntEnum):
    NOTICE = 1
    WARNING = 2
    CRITICAL = 3
