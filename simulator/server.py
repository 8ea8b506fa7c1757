"""The HTTP server: carries requests to the simulator and faults onto the wire."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from simulator import control, setup
from simulator.dispatch import Simulator, Visit
from simulator.faults import Fault
from simulator.google import batch
from simulator.messages import Answer, Call, Refusal

LARGEST_BODY = 64 * 1024 * 1024
BREAK_AT_ONCE = struct.pack("ii", 1, 0)


Started = Callable[[int, "asyncio.Future[None]"], None]


class NotLoopback(ValueError):
    """The simulator listens on this machine only."""


def check_loopback(host: str) -> None:
    if host == "localhost":
        return
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise NotLoopback(f"the simulator binds loopback addresses only, not {host}")


class HttpServer:
    """One simulator behind one listening socket, inside a running event loop."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        server = web.Server(
            self.serve,
            request_factory=self._request,
            access_log=None,
            keepalive_timeout=600.0,
            handler_cancellation=True,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)

    def _request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> Any:
        loop = asyncio.get_running_loop()
        return web.BaseRequest(
            message, payload, protocol, writer, task, loop, client_max_size=LARGEST_BODY
        )

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port, which with 0 is any free one. Raises OSError when taken."""
        check_loopback(host)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, backlog=1024)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        call = read_call(request, await request.read())
        if call.segments[:1] == ["control"]:
            return plain_response(control.answer(self.simulator, call))
        if call.segments[:1] == ["setup"]:
            return plain_response(setup.answer(self.simulator, call))
        if batch.is_batch(call):
            return await self.serve_batch(request, call)
        visit = self.simulator.receive(call)
        if visit.fault is None:
            return plain_response(self.simulator.work(visit))
        return await self.serve_fault(request, visit, visit.fault)

    async def serve_batch(self, request: web.BaseRequest, call: Call) -> web.StreamResponse:
        """Parts run in order. A fault of the wire that hits a part ends the whole batch there."""
        visit = self.simulator.receive(call)
        if visit.fault is not None:
            return await self.serve_fault(request, visit, visit.fault)
        try:
            parts = batch.read_parts(call)
        except Refusal as refusal:
            return plain_response(self.simulator.finish(visit, refusal.answer))
        results = []
        for part in parts:
            inner = self.simulator.receive(part.call, visit.entry.number)
            if inner.fault is not None and inner.fault.breaks_wire:
                return await self.serve_fault(request, inner, inner.fault)
            answer = await self.planned_or_worked(inner)
            results.append((part, answer or Answer(500)))
        return plain_response(self.simulator.finish(visit, batch.joined(results)))

    async def serve_fault(
        self, request: web.BaseRequest, visit: Visit, fault: Fault
    ) -> web.StreamResponse:
        """Do what the fault says in place of, or after, the work."""
        answer = await self.planned_or_worked(visit)
        if fault.hang:
            await asyncio.Future()
        if fault.breaks_wire and fault.cut is None:
            break_connection(request, at_once=fault.reset)
            return web.Response(status=500)
        assert answer is not None
        if fault.cut is not None:
            send_cut(request, answer, fault.cut)
        return plain_response(answer)

    async def planned_or_worked(self, visit: Visit) -> Answer | None:
        """The answer as far as the fault lets there be one; the wait comes before the work."""
        fault = visit.fault
        if fault is None:
            return self.simulator.work(visit)
        if not fault.commit:
            await asyncio.sleep(fault.delay)
        answer = None if fault.replaces_work else self.simulator.work(visit)
        if fault.commit:
            await asyncio.sleep(fault.delay)
        if fault.status is not None:
            headers = {"Content-Type": guessed_type(fault.body), **fault.headers}
            answer = Answer(fault.status, fault.body.encode(), headers)
        silent = fault.hang or fault.close or fault.reset
        visit.entry.status = None if silent or answer is None else answer.status
        return answer


def read_call(request: web.BaseRequest, body: bytes) -> Call:
    """The request apart from its connection; long GETs come as a POST with their real method."""
    headers = request.headers
    host = headers.get("host", "").partition(":")[0].lower()
    method, target = request.method, request.raw_path
    override = headers.get("x-http-method-override")
    if method == "POST" and override:
        method, target, body = override.upper(), f"{target}?{body.decode()}", b""
    return Call(method, host, target, headers, body)


def plain_response(answer: Answer) -> web.Response:
    return web.Response(
        status=answer.status, body=answer.body or None, headers=CIMultiDict(answer.headers)
    )


def guessed_type(body: str) -> str:
    start = body.lstrip()[:1]
    if start in ("{", "["):
        return "application/json; charset=UTF-8"
    return "text/html; charset=UTF-8" if start == "<" else "text/plain; charset=UTF-8"


def break_connection(request: web.BaseRequest, *, at_once: bool) -> None:
    """End the connection without a word: politely, or at once so that the client sees a reset."""
    transport = request.transport
    if transport is None:
        return
    if at_once:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, BREAK_AT_ONCE)
        transport.abort()
    else:
        transport.close()


def send_cut(request: web.BaseRequest, answer: Answer, length: int) -> None:
    """Promise the whole body, send its beginning, end the connection."""
    lines = [f"HTTP/1.1 {answer.status} Cut", f"Content-Length: {len(answer.body)}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    if request.transport is not None:
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        request.transport.write(head + answer.body[:length])
        request.transport.close()


def finish(done: asyncio.Future[None]) -> None:
    """Let `serve_until` end; asking twice does no harm."""
    if not done.done():
        done.set_result(None)


async def serve_until(simulator: Simulator, host: str, port: int, started: Started) -> None:
    """Serve until the future given to `started` is done."""
    server = HttpServer(simulator)
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    try:
        started(await server.start(host, port), done)
        await done
    finally:
        await server.stop()
