"""The errors the judgement is tested on, and how client libraries print them.

cases.jsonl        real payloads collected from public sources, each with the class it justifies
documented.jsonl   further ones, from vendors' documents and the texts of client libraries
gathered.jsonl     real payloads of other reports, each with its class before the rules saw it
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httplib2
from google.auth.exceptions import RefreshError
from googleapiclient.errors import HttpError
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceRefusedRequest

from monitoring.errors.facts import RawError

FOLDER = Path(__file__).parent

# The class is not in the payload: this bare `invalid_grant` came from a machine whose clock was
# wrong, yet a revoked grant looks the same in every character. How many people fail at once
# tells them apart, and that is for incidents to see.
# w-013 shows an event's own fault and w-170 breaks off before the fault it brings.
BEYOND_ONE_PAYLOAD = {"g-099": "needs_user", "w-013": "unknown", "w-170": "transient"}
FILES = ("cases", "documented", "gathered")


def samples(*names: str) -> list[dict[str, Any]]:
    """Return the samples of the named files, or of all."""
    return [
        json.loads(line)
        for name in names or FILES
        for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def raw_of(sample: dict[str, Any], **changes: Any) -> RawError:
    """Return the raw error of a sample, with some fields changed."""
    fields = {
        name: sample[name] for name in ("provider", "channel", "status", "headers", "body")
    } | changes
    return RawError(**fields)


def json_samples() -> list[dict[str, Any]]:
    """Return the samples whose body is a whole JSON object or array."""
    return [sample for sample in samples() if is_json(sample["body"])]


def is_json(body: str) -> bool:
    try:
        return isinstance(json.loads(body), (dict, list))
    except ValueError:
        return False


def written_anew(sample: dict[str, Any]) -> Iterator[RawError]:
    """Yield the same JSON with other white space and escapes."""
    value, body = json.loads(sample["body"]), sample["body"]
    for indent in (None, 1, 4):
        yield raw_of(sample, body=json.dumps(value, indent=indent))
    yield raw_of(sample, body=json.dumps(value, separators=(",", ":"), ensure_ascii=False))
    yield raw_of(sample, body=f"\n\t {body}\r\n")


def wrapped(sample: dict[str, Any]) -> Iterator[RawError]:
    """Yield the same error inside what a program or a client library makes of it."""
    value, body = json.loads(sample["body"]), sample["body"]
    trace = "com.acme.SyncException: failed\n\tat com.acme.Sync.run(Sync.java:12)\nCaused by: "
    for text in (
        f"Response from server: {body}",
        f"{trace}com.acme.ApiException: {body}",
        f"acme.Error: call failed. Response content: {value!r}",
        f"Error: {json.dumps(body)}",
        html.escape(body),
        *texts_of_clients(sample, value),
    ):
        yield raw_of(sample, body=text, channel="exception-text")
    yield raw_of(sample, body=json.dumps({"message": json.dumps(value)}))


def texts_of_clients(sample: dict[str, Any], value: Any) -> Iterator[str]:
    """Yield what the product's own client libraries say of such an answer."""
    error = value.get("error") if isinstance(value, dict) else None
    if sample["provider"] == "google" and isinstance(error, dict):
        response = httplib2.Response({"status": str(sample["status"]), "reason": "x"})
        address = "https://www.googleapis.com/calendar/v3/calendars/primary/events?alt=json"
        yield f"HttpError: {HttpError(response, sample['body'].encode(), address)}"
    if isinstance(error, str):
        description = value.get("error_description")
        yield f"RefreshError: {RefreshError(f'{error}: {description}', value)}"
        yield str(SalesforceAuthenticationFailed(error, description))
    if isinstance(value, list):
        yield str(SalesforceRefusedRequest("https://acme/query", sample["status"], "q", value))
