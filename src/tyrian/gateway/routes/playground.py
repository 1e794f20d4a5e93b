"""/v1/playground: what the playground needs beside the API that all use.

Everything here is asked for with a key of the scope `chat`, and shows what belongs to the key's
own organisation and to nobody else.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final, NoReturn, cast

import msgspec

from tyrian.core.decision import Effect
from tyrian.core.detection import DetectorInfo, Stage
from tyrian.core.message import Message
from tyrian.errors import InputError
from tyrian.gateway.auth import authenticate
from tyrian.gateway.body import read_json
from tyrian.gateway.catalogue import Catalogue
from tyrian.gateway.console.playground.cards import card
from tyrian.gateway.console.playground.code import LANGUAGES
from tyrian.gateway.console.playground.keep import (
    DAY_S,
    MAX_LIFE_DAYS,
    Place,
    Playground,
    Setup,
    Snapshot,
)
from tyrian.gateway.console.playground.markdown import MAX_CHARACTERS, is_web_address, render
from tyrian.gateway.console.playground.overlay import record_json, what_if_json
from tyrian.gateway.console.playground.recorded_chat import RecordedChat, guards_of
from tyrian.gateway.console.playground.recording import Record
from tyrian.gateway.console.playground.rejudge import (
    POLICIES,
    Change,
    PolicyName,
    changed,
    named_policy,
    rejudge,
)
from tyrian.gateway.console.playground.shared import (
    SavedSetup,
    SharedConversation,
    as_json,
    read_conversation,
    read_setup,
)
from tyrian.gateway.context import Endpoint, Receive, Scope, Send, context_of
from tyrian.gateway.errors import ApiError, bad_request
from tyrian.gateway.responses import send_body
from tyrian.gateway.settings import Settings
from tyrian.gateway.wire import Json
from tyrian.policy.guard import GuardPolicy
from tyrian.stack.load import default_stack

PATH: Final = "/v1/playground"
WITH_IDS: Final = (f"{PATH}/records", f"{PATH}/setups", f"{PATH}/snapshots")
MAX_CHANGES: Final = 64
_MAX_SHARED_BYTES: Final = 2 << 20
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-_:\[\]]{1,255}")
NEVER_KEPT: Final = "S4"
"""What the guards hold for child sexual exploitation is never written down, saved or shared."""


class PlaygroundRoutes:
    """All routes below `/v1/playground`."""

    def __init__(
        self, settings: Settings, catalogue: Catalogue, chat: Endpoint, playground: Playground
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._playground = playground
        self._recorded = RecordedChat(chat, playground, settings.firewall)
        self._infos = _infos(settings)
        self._guards = guards_of(settings.firewall) if settings.firewall else {}

    def table(self) -> dict[str, Mapping[str, Endpoint]]:
        """Paths with their methods; below each of `WITH_IDS` every further one is an id."""
        return {
            f"{PATH}/chat/completions": {"POST": self._recorded},
            f"{PATH}/models": {"GET": self.models},
            f"{PATH}/render": {"POST": self.render},
            f"{PATH}/code": {"POST": self.code},
            f"{PATH}/records": {"GET": self.record, "POST": self.what_if},
            f"{PATH}/setups": {
                "GET": self.setups,
                "POST": self.save_setup,
                "DELETE": self.delete_setup,
            },
            f"{PATH}/snapshots": {
                "GET": self.snapshots,
                "POST": self.share,
                "DELETE": self.revoke,
            },
        }

    async def models(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET models: what is served, with everything that a card shows."""
        context = context_of(scope)
        context.route = "playground"
        key = await authenticate(scope, self._settings.keys, context, "models.read")
        found = await self._catalogue.models()
        infos = self._settings.firewall.infos() if self._settings.firewall else ()
        cards = [card(one, self._catalogue.state(one), infos, key) for one in found.values()]
        cards.sort(key=lambda one: (bool(one["lock"]), str(one["id"])))
        await _send(send, {"object": "list", "data": cards})

    async def render(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST render: a finished answer as HTML that can do nothing."""
        await self._place(scope)
        obj = await self._read(scope, receive, 4 * MAX_CHARACTERS + 1_024)
        text = obj.get("text")
        if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
            raise bad_request(
                f"`text` must be a text of at most {MAX_CHARACTERS} characters.", param="text"
            )
        page = f"<!doctype html><meta charset=utf-8><body>{render(text)}"
        # Read as a document by our own module, and inert also where a browser opens it.
        headers = ((b"content-security-policy", b"default-src 'none'; sandbox"),)
        await send_body(
            send, page.encode(), content_type=b"text/html; charset=utf-8", headers=headers
        )

    async def code(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST code: a request as code in every language that there is."""
        await self._place(scope)
        obj = await self._read(scope, receive, self._settings.limits.max_body_bytes)
        body, origin = obj.get("body"), obj.get("origin")
        if not isinstance(body, dict) or not all(_is_name(name) for name in body):
            raise bad_request("`body` must be a chat completion request.", param="body")
        is_origin = isinstance(origin, str) and _ORIGIN.fullmatch(origin) is not None
        if not is_origin or not is_web_address(f"{origin}/"):
            raise bad_request("`origin` must be the address of this gateway.", param="origin")
        told = {name: write(cast(Json, body), str(origin)) for name, write in LANGUAGES.items()}
        await _send(send, {"object": "playground.code", **told})

    async def record(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET records/{id}: what the guards made of a request."""
        record = await self._record(await self._place(scope), _id(scope, "records"))
        firewall = self._settings.firewall
        if firewall is None:
            raise _not_there("record")
        told = record_json(record, firewall.policy, self._infos, firewall.policy_digest)
        await _send(send, told)

    async def what_if(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST records/{id}/what-if: the same runs under another policy."""
        place = await self._place(scope)
        record_id, _, verb = _id(scope, "records").partition("/")
        if verb != "what-if":
            raise _not_there("route")
        record = await self._record(place, record_id)
        obj = await self._read(scope, receive, 65_536)
        firewall = self._settings.firewall
        if firewall is None:
            raise _not_there("record")
        name, changes = _wishes(obj)
        base = named_policy(name, firewall.policy, _default_policy())
        is_foreign = name == "default"
        try:
            policy = changed(base, changes)
        except InputError as error:
            raise bad_request(f"{error.message}.".capitalize(), param="changes") from None
        found = rejudge(record, policy, self._guards, is_foreign=is_foreign)
        await _send(send, what_if_json(found, policy, self._infos, record))

    async def setups(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET setups: those of the key's project."""
        place = await self._place(scope)
        if _id(scope, "setups"):
            _no_such_method("DELETE, POST")
        found = await self._playground.setups(place)
        await _send(send, {"object": "list", "data": [_setup(one) for one in found]})

    async def save_setup(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST setups and setups/{id}: save anew, or over one that is there."""
        place = await self._place(scope)
        obj = await self._read(scope, receive, _MAX_SHARED_BYTES)
        name = _title(obj, "name")
        try:
            content = read_setup(obj.get("setup"))
            await self._refuse_worst(content)
            setup_id = _id(scope, "setups")
            saved = await self._playground.save_setup(place, name, as_json(content), setup_id)
        except InputError as error:
            raise bad_request(f"{error.message}.".capitalize(), param="setup") from None
        await _send(send, _setup(saved), status=200 if setup_id else 201)

    async def delete_setup(self, scope: Scope, receive: Receive, send: Send) -> None:
        """DELETE setups/{id}"""
        place = await self._place(scope)
        setup_id = _id(scope, "setups") or _no_such_method("GET, POST")
        if not await self._playground.delete_setup(place, setup_id):
            raise _not_there("setup")
        await _send(send, {"object": "playground.setup.deleted", "id": setup_id, "deleted": True})

    async def snapshots(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET snapshots: the open ones of the key's project; snapshots/{id}: one, whole."""
        place = await self._place(scope)
        snapshot_id = _id(scope, "snapshots")
        now = self._playground.now()
        if snapshot_id:
            found = await self._playground.snapshot(place.organisation_id, snapshot_id)
            if found is None:
                raise _not_there("snapshot")
            await _send(send, _snapshot(found, now))
            return
        listed = await self._playground.snapshots(place)
        await _send(send, {"object": "list", "data": [_snapshot(one, now) for one in listed]})

    async def share(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST snapshots: share a conversation inside the organisation until a day comes."""
        place = await self._place(scope)
        if _id(scope, "snapshots"):
            _no_such_method("DELETE, GET")
        obj = await self._read(scope, receive, _MAX_SHARED_BYTES)
        title = _title(obj, "title")
        days = obj.get("days", 7)
        if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= MAX_LIFE_DAYS:
            raise bad_request(f"`days` must be 1 to {MAX_LIFE_DAYS}.", param="days")
        try:
            content = read_conversation(obj.get("conversation"))
            await self._refuse_worst(content)
            made = await self._playground.share(place, title, as_json(content), days * DAY_S)
        except InputError as error:
            raise bad_request(f"{error.message}.".capitalize(), param="conversation") from None
        told = {**_snapshot(made, self._playground.now()), "conversation": None}
        await _send(send, told, status=201)

    async def revoke(self, scope: Scope, receive: Receive, send: Send) -> None:
        """DELETE snapshots/{id}: from now on nobody can open it."""
        place = await self._place(scope)
        snapshot_id = _id(scope, "snapshots") or _no_such_method("GET, POST")
        if not await self._playground.revoke_snapshot(place, snapshot_id):
            raise _not_there("snapshot")
        told = {"object": "playground.snapshot.deleted", "id": snapshot_id, "deleted": True}
        await _send(send, told)

    async def _place(self, scope: Scope) -> Place:
        context = context_of(scope)
        context.route = "playground"
        key = await authenticate(scope, self._settings.keys, context, "chat")
        return Place(key.organisation_id, key.project_id, key.id)

    async def _read(self, scope: Scope, receive: Receive, limit: int) -> Json:
        _, obj = await read_json(
            scope, receive, limit=limit, timeout_s=self._settings.limits.body_s
        )
        return obj

    async def _record(self, place: Place, record_id: str) -> Record:
        record = await self._playground.record(place, record_id)
        if record is None:
            raise _not_there("record")
        return record

    async def _refuse_worst(self, content: SharedConversation | SavedSetup) -> None:
        """InputError for what must not be written down, whoever wants it to be.

        The guards of the input read every text, as they did when it was sent.
        """
        firewall = self._settings.firewall
        if firewall is None:
            return
        for text in {text for text in content.texts() if text}:
            judgement = await firewall.judge(Message.user(text), stage=Stage.INPUT)
            reasons = judgement.reasons
            if any(r.label == NEVER_KEPT and r.effect is Effect.BLOCK for r in reasons):
                raise InputError(
                    "a guard takes something in it for child sexual exploitation, and that is"
                    " never kept",
                    hint="leave that message out",
                )


def _infos(settings: Settings) -> dict[tuple[Stage, str], DetectorInfo]:
    infos = settings.firewall.infos() if settings.firewall else ()
    return {(stage, info.name): info for stage, info in infos}


@cache
def _default_policy() -> GuardPolicy:
    return GuardPolicy([guard.rule() for guard in default_stack().guards()])


def _id(scope: Scope, kind: str) -> str:
    path: str = scope["path"]
    return path[len(f"{PATH}/{kind}/") :]


async def _send(send: Send, told: Mapping[str, object], *, status: int = 200) -> None:
    no_store = ((b"cache-control", b"no-store"),)
    await send_body(send, msgspec.json.encode(told), status=status, headers=no_store)


def _not_there(what: str) -> ApiError:
    return ApiError(404, f"There is no such {what}.", code="not_found")


def _no_such_method(allowed: str) -> NoReturn:
    message = "This method is not allowed here."
    headers = ((b"allow", allowed.encode()),)
    raise ApiError(405, message, code="method_not_allowed", headers=headers)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name.isascii() and name.isidentifier() and len(name) <= 64


def _title(obj: Json, name: str) -> str:
    given = obj.get(name)
    cleaned = given.strip() if isinstance(given, str) else ""
    if not 0 < len(cleaned) <= 200 or not cleaned.isprintable():
        raise bad_request(f"`{name}` must be 1 to 200 printable characters.", param=name)
    return cleaned


def _setup(setup: Setup) -> Json:
    return {
        "object": "playground.setup",
        "id": setup.id,
        "name": setup.name,
        "setup": setup.payload,
        "created_at": setup.created_at,
        "updated_at": setup.updated_at,
    }


def _snapshot(snapshot: Snapshot, now: float) -> Json:
    return {
        "object": "playground.snapshot",
        "id": snapshot.id,
        "title": snapshot.title,
        "path": f"/playground/shared/{snapshot.id}",
        "status": snapshot.status(now),
        "created_by": snapshot.created_by,
        "created_at": snapshot.created_at,
        "expires_at": snapshot.expires_at,
        "conversation": snapshot.payload,
    }


def _wishes(obj: Json) -> tuple[PolicyName, list[Change]]:
    unknown = set(obj) - {"policy", "changes"}
    if unknown:
        raise bad_request("Only `policy` and `changes` are known.")
    name, given = obj.get("policy", "current"), obj.get("changes", [])
    if not isinstance(name, str) or name not in POLICIES:
        raise bad_request(f"`policy` must be one of {', '.join(POLICIES)}.", param="policy")
    if not isinstance(given, list) or len(given) > MAX_CHANGES:
        raise bad_request(f"`changes` must be a list of at most {MAX_CHANGES}.", param="changes")
    return cast(PolicyName, name), [_change(one, f"changes[{i}]") for i, one in enumerate(given)]


def _change(value: object, param: str) -> Change:
    try:
        wish = msgspec.convert(value, _Wish)
        return Change(
            Stage(wish.stage),
            wish.guard,
            wish.label,
            wish.threshold,
            None if wish.effect is None else Effect.parse(wish.effect),
            None if wish.on_error is None else Effect.parse(wish.on_error),
        )
    except (msgspec.ValidationError, ValueError):
        raise bad_request(
            "A change has `stage`, `guard`, and `threshold` (0 to 1), `effect` or `on_error`; with"
            " `label` it is about that label alone.",
            param=param,
        ) from None


class _Wish(msgspec.Struct, forbid_unknown_fields=True):
    stage: str
    guard: str
    label: str = "*"
    threshold: float | None = None
    effect: str | None = None
    on_error: str | None = None

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ValueError("a threshold goes from 0 to 1")
