"""`POST /batch/calendar/v3`: many calls in one multipart/mixed request."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import MIMEPart
from email.parser import BytesParser
from email.policy import HTTP
from http import HTTPStatus
from typing import Any

from simulator.google import errors
from simulator.messages import Answer, Call

LARGEST = 1000


@dataclass(frozen=True)
class Part:
    """One call of a batch, with the id its answer is found by."""

    content_id: str
    call: Call


def is_batch(call: Call) -> bool:
    return call.method == "POST" and call.segments == ["batch", "calendar", "v3"]


def read_parts(call: Call) -> list[Part]:
    """The calls inside; raises a 400 for a body that holds none or too many."""
    head = f"Content-Type: {call.headers.get('content-type', '')}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + call.body)
    if not message.is_multipart():
        raise errors.calendar_refusal(400, "badRequest", "Failed to parse batch request")
    parts = [read_part(call, part) for part in message.iter_parts()]
    if not parts or len(parts) > LARGEST:
        message_text = f"The batch request must hold 1 to {LARGEST} calls."
        raise errors.calendar_refusal(400, "badRequest", message_text)
    return parts


def read_part(outer: Call, part: MIMEPart[Any, Any]) -> Part:
    """The call in one part; what it does not say itself it has from the outer request."""
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    head, _, body = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    first, _, header_text = head.partition(b"\n")
    words = first.decode("latin-1").split(" ")
    if len(words) < 2:
        raise errors.calendar_refusal(400, "badRequest", "Failed to parse batch request")
    headers = {"authorization": outer.headers.get("authorization", "")}
    for line in header_text.decode("latin-1").splitlines():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    call = Call(words[0].upper(), outer.host, words[1], headers, body)
    return Part(part.get("Content-ID", ""), call)


def joined(results: Iterable[tuple[Part, Answer]]) -> Answer:
    """One multipart answer of the answers to the parts."""
    boundary = f"batch_{uuid.uuid4().hex}"
    chunks = [
        f"--{boundary}\r\nContent-Type: application/http\r\n"
        f"Content-ID: {response_id(part.content_id)}\r\n\r\n".encode()
        + http_text(answer)
        + b"\r\n"
        for part, answer in results
    ]
    body = b"".join(chunks) + f"--{boundary}--\r\n".encode()
    return Answer(200, body, {"Content-Type": f"multipart/mixed; boundary={boundary}"})


def response_id(content_id: str) -> str:
    """`<a + 1>` is answered as `<response-a + 1>`."""
    return f"<response-{content_id[1:]}" if content_id.startswith("<") else f"response-{content_id}"


def http_text(answer: Answer) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    lines.append(f"Content-Length: {len(answer.body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + answer.body
