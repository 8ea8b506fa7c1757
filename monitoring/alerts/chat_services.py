"""The chats and paging services that alerts may go to. Pure.

Only those are here that speak HTTPS to the outside and nothing else. Apprise knows many more, among
them the local machine, its files, mail and whatever web server one names.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """A service that Apprise knows.

    plugin         the class of Apprise that speaks to it
    schemes        the beginnings of its addresses, all of HTTPS; `plain` one of HTTP
    names_server   whether the address may name the server, as where one runs one's own
    closes         options by which Apprise opens an alert at it and closes the same again; the
                   one with the value KEY names the alert
    """

    name: str
    plugin: str
    schemes: tuple[str, ...]
    plain: str = ""
    names_server: bool = False
    closes: tuple[tuple[str, str], ...] = ()

    @property
    def pages(self) -> bool:
        return bool(self.closes)


KEY = "{key}"
MAP = ("action", "map")
BY_KEY = (MAP, ("dedup", KEY))
SERVICES = (
    Service("Slack", "slack.NotifySlack", ("slack",)),
    Service(
        "Microsoft Teams", "workflows.NotifyWorkflows", ("workflows", "workflow"), names_server=True
    ),
    Service("Google Chat", "google_chat.NotifyGoogleChat", ("gchat",)),
    Service("Mattermost", "mattermost.NotifyMattermost", ("mmosts",), "mmost", names_server=True),
    Service(
        "Rocket.Chat", "rocketchat.NotifyRocketChat", ("rockets",), "rocket", names_server=True
    ),
    Service("Discord", "discord.NotifyDiscord", ("discord",)),
    Service("Webex", "webexteams.NotifyWebexTeams", ("wxteams", "webex")),
    Service("Zulip", "zulip.NotifyZulip", ("zulip",)),
    Service("Zoom", "zoom.NotifyZoom", ("zoom",)),
    Service("Telegram", "telegram.NotifyTelegram", ("tgram",)),
    Service("Matrix", "matrix.NotifyMatrix", ("matrixs",), "matrix", names_server=True),
    Service("ntfy", "ntfy.NotifyNtfy", ("ntfys",), "ntfy", names_server=True),
    Service("Gotify", "gotify.NotifyGotify", ("gotifys",), "gotify", names_server=True),
    Service("Pushover", "pushover.NotifyPushover", ("pover",)),
    Service("PagerDuty", "pagerduty.NotifyPagerDuty", ("pagerduty",), closes=BY_KEY),
    # It closes only what this very process opened, so somebody has to.
    Service("Opsgenie", "opsgenie.NotifyOpsgenie", ("opsgenie",), closes=(("alias", KEY),)),
    Service("ilert", "ilert.NotifyILert", ("ilert",), closes=BY_KEY),
    Service("incident.io", "incidentio.NotifyIncidentIO", ("incidentio",), closes=BY_KEY),
    Service("Squadcast", "squadcast.NotifySquadcast", ("squadcast",), closes=BY_KEY),
    Service(
        "PagerTree",
        "pagertree.NotifyPagerTree",
        ("pagertree",),
        closes=(MAP, ("thirdparty", KEY)),
    ),
    Service("FireHydrant", "firehydrant.NotifyFireHydrant", ("firehydrant",), closes=BY_KEY),
    Service(
        "Splunk On-Call",
        "splunk.NotifySplunk",
        ("splunk", "victorops"),
        closes=(MAP, ("entity_id", KEY)),
    ),
)
BY_SCHEME = {scheme: service for service in SERVICES for scheme in service.schemes}
BY_PLAIN_SCHEME = {service.plain: service for service in SERVICES if service.plain}
