"""One plain HTTP request and its answer, both framed anew, so that nothing hides behind either."""

import asyncio
import socket
from dataclasses import dataclass

import h11

from tyrian.sandbox.egress.head import Asked, BadRequestError, backward, onward
from tyrian.sandbox.egress.record import EgressRecord
from tyrian.sandbox.egress.relay import CHUNK, IDLE_S


class ServerFailedError(OSError):
    """The server could not be reached, or does not speak HTTP."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A socket and the state of HTTP on it."""

    socket: socket.socket
    http: h11.Connection

    async def receive(self) -> int:
        """Take in what comes next; how many bytes it was."""
        async with asyncio.timeout(IDLE_S):
            data = await asyncio.get_running_loop().sock_recv(self.socket, CHUNK)
        self.http.receive_data(data)
        return len(data)

    async def send(self, event: h11.Event) -> int:
        """Send an event; how many bytes it was."""
        data = self.http.send(event)
        if not data:
            return 0
        await asyncio.get_running_loop().sock_sendall(self.socket, data)
        return len(data)


async def exchange(asked: Asked, client: Peer, socket: socket.socket, record: EgressRecord) -> None:
    """Send the request on and the answer back; a second request is never read."""
    server = Peer(socket, h11.Connection(h11.CLIENT))
    answer = asyncio.create_task(_answered(server, client, record))
    try:
        record.sent += await server.send(onward(asked))
        await _send_body(client, server, record)
        await answer
    finally:
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)


async def _send_body(client: Peer, server: Peer, record: EgressRecord) -> None:
    while True:
        try:
            event = client.http.next_event()
        except h11.RemoteProtocolError as error:
            raise BadRequestError(str(error)) from None
        if event is h11.NEED_DATA:
            await client.receive()
        elif isinstance(event, h11.Data | h11.EndOfMessage):
            record.sent += await server.send(event)
        if not isinstance(event, h11.Data) and event is not h11.NEED_DATA:
            return


async def _answered(server: Peer, client: Peer, record: EgressRecord) -> None:
    while True:
        try:
            event = server.http.next_event()
        except h11.RemoteProtocolError as error:
            raise ServerFailedError(f"the server does not speak HTTP: {error}") from None
        if event is h11.NEED_DATA:
            record.received += await server.receive()
        elif isinstance(event, h11.Response):
            await client.send(backward(event))
        elif isinstance(event, h11.InformationalResponse | h11.Data):
            await client.send(event)
        elif isinstance(event, h11.EndOfMessage):
            await client.send(event)
            return
        else:
            raise ServerFailedError("the server broke off")
