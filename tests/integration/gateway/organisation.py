"""An organisation of four people, before two workers of one gateway that serves it."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest_asyncio

from tyrian.gateway.accounts.keys import Keys
from tyrian.gateway.accounts.meter import AccountMeter
from tyrian.gateway.accounts.prices import Price, PriceList
from tyrian.gateway.alert_channels import Channels
from tyrian.gateway.alert_courier import Courier
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.organisations import DEFAULT_ORGANISATION, Membership, User
from tyrian.gateway.tokens import KeyKind
from tyrian.gateway.webhook import SIGNATURE, Webhook


class Receiver:
    """A server that is told of events."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.signatures: list[tuple[str, bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.signatures.append((self.headers[SIGNATURE], body))
                outer.events.append(json.loads(body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Closing:
    """Closes several things, one after another."""

    def __init__(self, *those: Any) -> None:
        self._those = those

    async def close(self) -> None:
        for one in self._those:
            await one.close()


async def joined(store: Store, **roles: str) -> dict[str, str]:
    """People with a place in the organisation, in this order; their ids by their names."""
    people = {}
    async with store.write() as session:
        for place, (name, role) in enumerate(roles.items()):
            user = User(id=new_id("user"), email=f"{name}@example.com", name=name, created_at=place)
            session.add(user)
            await session.flush()
            session.add(
                Membership(
                    id=new_id("mem"),
                    organisation_id=DEFAULT_ORGANISATION,
                    user_id=user.id,
                    role=role,
                    created_at=place,
                )
            )
            people[name] = user.id
    return people


@dataclass
class Site:
    """Two workers of one gateway with accounts, and its database as somebody beside it sees it."""

    kit: Any
    ports: list[int]
    store: Store
    root_value: str
    model_value: str
    people: dict[str, str]
    receiver: Receiver
    url: str
    """Of the database."""

    def client(self, value: str = "") -> Any:
        """The administration, with the root key or another."""
        return self.kit.client_of(self.ports[0], value or self.root_value).admin.organization

    async def key_of(self, name: str) -> Any:
        """The client with an admin key of somebody's."""
        _, value = await Keys(self.store).create(
            f"{name}'s", kind=KeyKind.ADMIN, owner_user_id=self.people[name]
        )
        return self.client(value)


@pytest_asyncio.fixture
async def site(kit: Any, database_url: str) -> AsyncIterator[Site]:
    beside = Store.open(database_url)
    keys = Keys(beside)
    _, root = await keys.create("root", kind=KeyKind.ADMIN)
    _, model = await keys.create("app")
    people = await joined(beside, olga="owner", adam="admin", ann="analyst", vic="viewer")
    receiver = Receiver()
    ports = []
    for _ in range(2):
        store = Store.open(database_url)
        courier = Courier(store, poll_s=0.5)
        webhook = Webhook(f"http://127.0.0.1:{receiver.server.server_port}/", "secret")
        meter = AccountMeter(
            store,
            prices=PriceList({kit.model: Price.per_million(1000, 2000)}),
            on_fired=courier.fired,
        )
        ports.append(
            await asyncio.to_thread(
                kit.start,
                keys=Keys(store),
                meter=meter,
                store=store,
                spend_alerts=courier,
                alert_channels=Channels(webhook=webhook),
                closing=Closing(meter, store),
            )
        )
    yield Site(kit, ports, beside, root, model, people, receiver, database_url)
    await beside.close()
    receiver.close()
