"""From a request to its answer: whose it is, which fault hits it, what the world says."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from simulator import consent
from simulator.edits import apply_edit
from simulator.faults import Fault, FaultPlan, Subject
from simulator.google import batch
from simulator.google import errors as google_errors
from simulator.google import oauth as google_oauth
from simulator.google.guard import check_google
from simulator.google.routes import ROUTES as GOOGLE_ROUTES
from simulator.messages import Answer, Call, Refusal
from simulator.model import LOGIN_HOSTS
from simulator.requestlog import Entry, RequestLog, masked
from simulator.routing import Context, Route, Router
from simulator.salesforce import errors as salesforce_errors
from simulator.salesforce import oauth as salesforce_oauth
from simulator.salesforce.guard import check_session, with_limit_info
from simulator.salesforce.routes import ROUTES as SALESFORCE_ROUTES
from simulator.status import pages as status_pages
from simulator.status.routes import ROUTES as STATUS_ROUTES
from simulator.status.routes import is_status
from simulator.world import World

GOOGLE, SALESFORCE = Router(GOOGLE_ROUTES), Router(SALESFORCE_ROUTES)
STATUS = Router(STATUS_ROUTES)
ROUTERS = {"google": GOOGLE, "salesforce": SALESFORCE, "status": STATUS}
NOT_FOUND = {
    "google": google_errors.not_found,
    "salesforce": salesforce_errors.not_found,
    "status": status_pages.not_found,
}
SALESFORCE_DOMAINS = (".salesforce.com", ".force.com")


@dataclass
class Visit:
    """One request on its way: route, surroundings, the fault that hits it, its log entry."""

    context: Context
    route: Route | None
    fault: Fault | None
    entry: Entry


class Simulator:
    """A world with its fault plan and request log; all methods may run in any thread."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World()
        self.faults = FaultPlan()
        self.log = RequestLog()
        self.crashes: list[str] = []

    @contextmanager
    def noting_crashes(self) -> Iterator[None]:
        """Keep the trace of a mistake of the simulator's own; its client sees a 500."""
        try:
            yield
        except Exception:
            self.crashes.append(traceback.format_exc())
            raise

    def receive(self, call: Call, batch_number: int | None = None) -> Visit:
        """Find out what a request is, note it, and choose its fault."""
        world = self.world
        with self.noting_crashes(), world.lock:
            provider = provider_of(call)
            found = ROUTERS[provider].find(call)
            route, captures = found or (None, {})
            context = Context(world, call, world.now(), captures)
            identify(context, provider)
            operation = route.operation if route else unrouted_operation(call, provider)
            entry = self.log.add(log_entry(context, provider, operation, batch_number))
            subject = Subject(provider, operation, entry.organization, entry.person, context.now)
            fault = self.faults.choose(subject)
            entry.fault = (fault.name or fault.id) if fault else None
            return Visit(context, route, fault, entry)

    def work(self, visit: Visit) -> Answer:
        """Let the world answer, and note the status; an edit planned for here comes first."""
        edit = visit.fault.edit if visit.fault else None
        if edit is not None:
            with self.noting_crashes():
                apply_edit(visit.context.world, edit.operation, edit.arguments)
        with self.noting_crashes(), visit.context.world.lock:
            answer = answer_of(visit)
        return self.finish(visit, answer)

    def finish(self, visit: Visit, answer: Answer) -> Answer:
        visit.entry.status = answer.status
        return answer


def operations() -> list[str]:
    """The names faults and log entries go by."""
    routed = [name for router in ROUTERS.values() for name in router.operations]
    return sorted([*routed, "google.batch"])


def provider_of(call: Call) -> str:
    """By host; on a plain address the paths tell. The status pages are apart from both."""
    if is_status(call):
        return "status"
    if call.host.endswith(SALESFORCE_DOMAINS) or call.path.startswith("/services/"):
        return "salesforce"
    return "google"


def unrouted_operation(call: Call, provider: str) -> str:
    return "google.batch" if batch.is_batch(call) else f"{provider}.unknown"


def identify(context: Context, provider: str) -> None:
    """Fill in whose request it is, as far as token, form or host tell."""
    world, call = context.world, context.call
    if provider == "status":
        context.organization = status_pages.find_organization(world, context.captures)
        return
    if call.bearer:
        grant = world.tokens.find(call.bearer)
        if grant is not None:
            context.grant = grant
            context.organization = world.organizations.get(grant.organization)
            context.person = world.find_person(grant.email)
            return
    elif call.method == "POST" and call.body and is_form(call):
        module = salesforce_oauth if provider == "salesforce" else google_oauth
        context.person = module.identify(context)
    elif call.method == "GET":
        context.person = consent.identify_hinted(context)
    if context.person is not None:
        context.organization = world.organizations.get(context.person.organization)
    elif provider == "salesforce" and call.host not in LOGIN_HOSTS:
        context.organization = world.find_host(call.host)


def is_form(call: Call) -> bool:
    return call.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def log_entry(context: Context, provider: str, operation: str, batch_number: int | None) -> Entry:
    call = context.call
    return Entry(
        number=0,
        at=context.now,
        provider=provider,
        organization=context.organization.slug if context.organization else None,
        person=context.person.email if context.person else None,
        operation=operation,
        method=call.method,
        path=call.path,
        query=masked(call.query_text) if call.query_text else "",
        body=masked(call.body.decode("utf-8", "replace")) if call.body else "",
        batch=batch_number,
    )


def answer_of(visit: Visit) -> Answer:
    """What the world answers, refusals included."""
    context, route = visit.context, visit.route
    salesforce = visit.entry.provider == "salesforce"
    try:
        if route is None:
            raise NOT_FOUND[visit.entry.provider]()
        if route.needs and salesforce:
            check_session(context, route.needs)
        elif route.needs:
            check_google(context, route.needs)
        answer = route.handler(context)
    except Refusal as refusal:
        answer = refusal.answer
    if route is not None and route.needs == "session":
        return with_limit_info(context, answer)
    return answer
