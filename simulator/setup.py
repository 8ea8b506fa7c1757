"""`/setup/`: a page for whoever plays the vendors' admin, to see what is broken there and mend it.

It answers this machine's browsers only, and changes something only on a form of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape

from simulator.consent import page
from simulator.control import LOOPBACK_HOST
from simulator.dispatch import Simulator
from simulator.faults import Fault
from simulator.messages import Answer, Call
from simulator.model import Person
from simulator.ready_faults import READY_FAULTS, ready_fault
from simulator.world import World

EVERYBODY = "everybody"
# What is wrong, and what an admin at the vendor does about it.
WORDS = {
    "salesforce-trigger": ("An Apex trigger on Event fails", "Deactivate the trigger"),
    "salesforce-validation-rule": ("A validation rule refuses events", "Deactivate the rule"),
    "salesforce-maintenance": ("Salesforce is down for maintenance", "End the maintenance"),
    "salesforce-not-approved": ("The app is not approved for its users", "Approve the app"),
    "google-calendar-usage-limit": ("Calendar use limits are exceeded", "Lift the limits"),
    "google-backend-error": ("Google answers with backend errors", "End the disturbance"),
    "google-not-delegated": ("The app's scope is not delegated", "Delegate the scope"),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Faults of one name, and whom they hit."""

    name: str
    faults: tuple[Fault, ...]

    @property
    def hit(self) -> list[str]:
        return sorted({each.person or each.organization or EVERYBODY for each in self.faults})


def answer(simulator: Simulator, call: Call) -> Answer:
    """Serve the page, or do what one of its forms asks and lead back to it."""
    if not LOOPBACK_HOST.fullmatch(call.headers.get("host", "")):
        return Answer.of_page(page("Setup", "<p>This page is for this machine only.</p>"), 403)
    if call.method == "GET":
        shown = Answer.of_page(setup_page(simulator))
        # Else a browser would not say which page its form came from.
        shown.headers["Referrer-Policy"] = "same-origin"
        return shown
    deed = DEEDS.get(call.segments[-1])
    own = f"http://{call.headers['host']}"
    if deed is None or call.method != "POST" or call.headers.get("origin") != own:
        return Answer.of_page(page("Setup", "<p>There is nothing to do here.</p>"), 400)
    with simulator.world.lock:
        deed(simulator, call.form.get("what", ""), call.form.get("where", ""))
    return Answer(303, headers={"Location": "/setup/"})


def mend(simulator: Simulator, what: str, where: str) -> None:
    for trouble in troubles(simulator):
        if trouble.name == what:
            for fault in trouble.faults:
                simulator.faults.remove(fault.id)


def break_down(simulator: Simulator, what: str, where: str) -> None:
    if what in READY_FAULTS and where in simulator.world.organizations:
        simulator.faults.add(ready_fault(what, {"organization": where}))


def activate(simulator: Simulator, what: str, where: str) -> None:
    if simulator.world.find_person(what):
        simulator.world.salesforce_set_user(what, active=True)


DEEDS: dict[str, Callable[[Simulator, str, str], None]] = {
    "mend": mend,
    "break": break_down,
    "activate": activate,
}


def troubles(simulator: Simulator) -> list[Trouble]:
    """What is broken, by name."""
    found: dict[str, list[Fault]] = {}
    for fault, _ in simulator.faults.all():
        found.setdefault(fault.name or fault.id, []).append(fault)
    return [Trouble(name, tuple(faults)) for name, faults in sorted(found.items())]


def inactive_users(world: World) -> list[Person]:
    everybody = world.people.values()
    return [each for each in everybody if each.salesforce and not each.salesforce.active]


def setup_page(simulator: Simulator) -> str:
    broken = [trouble_item(each) for each in troubles(simulator)]
    inactive = [inactive_item(each) for each in inactive_users(simulator.world)]
    body = (
        "<h1>Setup of the simulated vendors</h1>"
        "<p>In the demo, this page stands for Salesforce Setup and the Google Admin console.</p>"
        f"<h2>What is broken</h2>{listed(broken + inactive)}"
        f"<h2>Break something</h2>{break_form(simulator.world)}"
    )
    return page("Setup of the simulated vendors", body)


def listed(items: Iterable[str]) -> str:
    return f"<ul>{''.join(items)}</ul>" if items else "<p>Nothing.</p>"


def trouble_item(trouble: Trouble) -> str:
    title, remedy = words_for(trouble.name)
    return (
        f"<li><p><strong>{escape(title)}</strong><br>{escape(', '.join(trouble.hit))}</p>"
        f"{form('mend', trouble.name, remedy)}</li>"
    )


def inactive_item(person: Person) -> str:
    return (
        f"<li><p><strong>A Salesforce user is inactive</strong><br>{escape(person.email)}</p>"
        f"{form('activate', person.email, 'Activate the user')}</li>"
    )


def words_for(name: str) -> tuple[str, str]:
    provider, _, rest = name.partition("-")
    return WORDS.get(name, (f"{provider.title()}: {rest.replace('-', ' ')}", "Mend it"))


def form(deed: str, what: str, button: str) -> str:
    return (
        f'<form method="post" action="/setup/{deed}">'
        f'<input type="hidden" name="what" value="{escape(what)}">'
        f"<button>{escape(button)}</button></form>"
    )


def break_form(world: World) -> str:
    what = "".join(
        f'<option value="{name}">{escape(title)}</option>' for name, (title, _) in WORDS.items()
    )
    where = "".join(
        f'<option value="{escape(each.slug)}">{escape(each.name)}</option>'
        for each in world.organizations.values()
    )
    return (
        '<form method="post" action="/setup/break">'
        f'<p><label for="what">What</label> <select id="what" name="what">{what}</select></p>'
        f'<p><label for="where">At</label> <select id="where" name="where">{where}</select></p>'
        "<button>Break it</button></form>"
    )
