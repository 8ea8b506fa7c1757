"""Every kind of audit entry: its dotted name and the sentence the console shows."""

from __future__ import annotations

ACTIONS = {
    "person.sync_now": "asked for a sync now",
    "person.hold": "switched syncing off",
    "person.release": "switched syncing on again",
    "incident.take": "took an incident",
    "incident.note": "wrote a note to an incident",
    "incident.recover": "asked for the recovery of those hit by an incident",
    "rule.propose": "proposed a change of a rule",
    "rule.withdraw": "withdrew a change of a rule",
    "rule.go_live": "let a change of a rule go live",
    "rule.second_look": "asked for a second look at a change of a rule",
    "rule.approve": "approved a change of a rule, which went live",
    "rule.test": "asked for a test of a change of a rule on past outcomes",
    "rule.test_stop": "stopped a test of a change of a rule",
    "rule.rejudge": "asked for past outcomes to be judged again",
    "rule.rejudge_stop": "stopped the judging again of past outcomes",
    "api_token.create": "made an API token",
}
