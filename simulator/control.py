"""`/control/…`: the simulator's own JSON endpoint, to edit the world and plan faults.

It answers requests to a loopback name only, and none that a web page of another origin makes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from simulator.dispatch import Simulator, operations
from simulator.edits import apply_edit, check_edit
from simulator.faults import fault_from, shown_fault
from simulator.messages import Answer, Call, Refusal
from simulator.model import Mail, Organization, Person
from simulator.ready_faults import READY_FAULTS, ready_fault
from simulator.world import person_settings
from simulator.worldfile import keep_world, world_from

LOOPBACK_HOST = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?", re.IGNORECASE)


class ControlError(Exception):
    """A control request that cannot be done; the message says why."""


def answer(simulator: Simulator, call: Call) -> Answer:
    """Serve one control request; mistakes come back as `{"error": …}`."""
    if not LOOPBACK_HOST.fullmatch(call.headers.get("host", "")) or "origin" in call.headers:
        return Answer.of_json({"error": "control is for this machine's own programs"}, 403)
    key = (call.method, call.segments[1] if len(call.segments) > 1 else "")
    handler = HANDLERS.get(key)
    if handler is None:
        return Answer.of_json({"error": f"no control {call.method} {call.path}"}, 404)
    try:
        return Answer.of_json(handler(simulator, call))
    except Refusal as refusal:
        return Answer.of_json({"error": refusal.answer.body.decode()}, 400)
    except KeyError as error:
        return Answer.of_json({"error": f"there is no {error}"}, 404)
    except (ControlError, ValueError, TypeError, AssertionError) as error:
        return Answer.of_json({"error": str(error)}, 400)


def json_object(call: Call) -> dict[str, Any]:
    body = call.json()
    if not isinstance(body, dict):
        raise ControlError("the body must be a JSON object")
    return body


def health(simulator: Simulator, call: Call) -> Any:
    world = simulator.world
    return {
        "healthy": True,
        "now": world.now().isoformat(),
        "organizations": len(world.organizations),
        "people": len(world.people),
        "requests": simulator.log.total,
    }


def read_all(simulator: Simulator, call: Call) -> Any:
    return keep_world(simulator.world)


def replace_all(simulator: Simulator, call: Call) -> Any:
    simulator.world = world_from(call.json())
    return health(simulator, call)


def settings(simulator: Simulator, call: Call) -> Any:
    """GET settings/<slug>: what a client needs to know, addresses of this server included."""
    slug = call.segments[2] if len(call.segments) > 2 else ""
    base_url = f"http://{call.headers.get('host', '')}"
    return simulator.world.client_settings(slug, base_url)


def edit(simulator: Simulator, call: Call) -> Any:
    """POST edit `{"operation": "google_create", "arguments": {…}}`."""
    body = json_object(call)
    operation = check_edit(body.get("operation"))
    return {"result": plain(apply_edit(simulator.world, operation, body.get("arguments", {})))}


def plain(result: Any) -> Any:
    if isinstance(result, Organization):
        return {"slug": result.slug}
    if isinstance(result, Person):
        return person_settings(result)
    return msgspec.to_builtins(result)


def list_faults(simulator: Simulator, call: Call) -> Any:
    planned = [shown_fault(fault, hits) for fault, hits in simulator.faults.all()]
    return {"faults": planned, "ready": sorted(READY_FAULTS), "operations": operations()}


def plan_fault(simulator: Simulator, call: Call) -> Any:
    """POST faults: a Fault, or `{"ready": name}` with values that override the ready one's."""
    values = json_object(call)
    ready = values.pop("ready", None)
    fault = ready_fault(ready, values) if ready else fault_from(values)
    return {"id": simulator.faults.add(fault)}


def remove_faults(simulator: Simulator, call: Call) -> Any:
    """DELETE faults, or faults/<id>."""
    if len(call.segments) == 2:
        simulator.faults.clear()
    elif not simulator.faults.remove(call.segments[2]):
        raise KeyError(call.segments[2])
    return {}


def list_requests(simulator: Simulator, call: Call) -> Any:
    """GET requests, narrowed by operation (a glob), person, organization, writes=true, after=N."""
    given = call.parameters
    found = simulator.log.entries(
        operation=given.get("operation", "*"),
        person=given.get("person"),
        organization=given.get("organization"),
        writes=given.get("writes") == "true",
    )
    after = int(given.get("after", "0"))
    kept = [entry.as_dict() for entry in found if entry.number > after]
    return {"total": simulator.log.total, "counts": dict(simulator.log.counts), "requests": kept}


def clear_requests(simulator: Simulator, call: Call) -> Any:
    simulator.log.clear()
    return {}


def outbox(simulator: Simulator, call: Call) -> Any:
    mails: list[Mail] = list(simulator.world.outbox)
    return {"mails": msgspec.to_builtins(mails)}


HANDLERS: dict[tuple[str, str], Callable[[Simulator, Call], Any]] = {
    ("GET", "health"): health,
    ("GET", "world"): read_all,
    ("PUT", "world"): replace_all,
    ("GET", "settings"): settings,
    ("POST", "edit"): edit,
    ("GET", "faults"): list_faults,
    ("POST", "faults"): plan_fault,
    ("DELETE", "faults"): remove_faults,
    ("GET", "requests"): list_requests,
    ("DELETE", "requests"): clear_requests,
    ("GET", "outbox"): outbox,
}
