"""A gateway in which every text that people, programs or models can put in is of one's choice."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import update

from tyrian.gateway.accounts import audit
from tyrian.gateway.accounts.audit import Actor
from tyrian.gateway.catalogue import ServedModel
from tyrian.gateway.settings import Settings
from tyrian.gateway.store.models.base import Base
from tyrian.gateway.store.models.organisations import Organisation, User
from tyrian.gateway.store.models.sign_in import ConsoleSession
from tyrian.stack.load import parse_stack

HOME, PROJECT = "org_default", "proj_default"
FIRST = {"key": "key_0", "decision": "dec_0", "shared": "snap_0"}
"""What pages about one thing are looked at for."""


def batches(texts: Sequence[str], rows: int = 16) -> list[str]:
    """All texts in so many pieces, which fit on one page of each list."""
    size = -(-len(texts) // rows)
    return [" \u00b6 ".join(texts[i : i + size]) for i in range(0, len(texts), size)]


def stack_text(texts: Sequence[str]) -> str:
    """A stack whose every open word is one of the texts; JSON is YAML too."""
    fit = [text[:200] for text in texts if text.isprintable()]
    guard = {
        "name": "pattern",
        "patterns": [{"label": text, "words": [text], "message": text} for text in fit],
        "block_classes": fit[::2],
        "flag_classes": fit[1::2],
    }
    return json.dumps(
        {
            "agent": {"base_model": fit[0], "preflight_guards": [guard]},
            "models": {
                text: {"base_url": "http://127.0.0.1:9/v1", "licence": text, "revision": text}
                for text in fit
            },
            "routes": [{"match": text, "model": text, "keys": [text]} for text in fit],
        },
        indent=1,
        ensure_ascii=False,
    )


def settings_with(build: Callable[..., Settings], folder: Path, texts: Sequence[str]) -> Settings:
    """A gateway that serves models of these names."""
    text = stack_text(texts)
    stack = parse_stack(text, base=folder, file="stack.yaml")
    made = build(folder, stack=stack, stack_text=text)
    server = made.upstreams[0].name
    models = [
        ServedModel(id=one, upstream=server, owned_by=one, licence=one, revision=one)
        for one in dict.fromkeys(texts)
    ]
    return replace(made, models=models)


async def fill(running: Any, texts: Sequence[str], user_id: str) -> None:
    """Write the texts into every table that a page reads."""
    parts, whole, now = batches(texts), "\n".join(texts), int(time.time())
    async with running.store.write() as session:

        async def add(table: str, **values: Any) -> None:
            if table in Base.metadata.tables:
                await session.execute(Base.metadata.tables[table].insert().values(**values))

        for i, text in enumerate(parts, start=1):
            await add("user_account", id=f"user_{i}", email=f"{text}{i}", name=text,
                      created_at=now)  # fmt: skip
            await add("membership", id=f"mem_{i}", organisation_id=HOME, user_id=f"user_{i}",
                      role="viewer", created_at=now)  # fmt: skip
            await add("invitation", id=f"inv_{i}", organisation_id=HOME, email=f"{text}{i}",
                      role="viewer", projects=[], tier=None, digest=b"%032d" % i,
                      invited_by=user_id, created_at=now, expires_at=now + 9_999)  # fmt: skip
            await add("project", id=f"proj_{i}", organisation_id=HOME, name=text,
                      created_at=now, model_mode="allow_list", model_ids=[text])  # fmt: skip
            await add("people_group", id=f"group_{i}", organisation_id=HOME, name=f"{text}{i}",
                      created_at=now)  # fmt: skip
            await add("custom_role", id=f"role_{i}", organisation_id=HOME, scope_id=HOME,
                      name=f"{text}{i}", description=text, permissions=["organization.read"],
                      created_by=f"user_{i}", created_at=now, updated_at=now)  # fmt: skip
            await add("passkey", id=f"pass_{i}", user_id=user_id, credential_digest=b"%032d" % i,
                      credential_id=b"%d" % i, public_key=b"", sign_count=0, name=text,
                      transports=[], created_at=now)  # fmt: skip
            await add("playground_setup", id=f"set_{i}", organisation_id=HOME,
                      project_id=PROJECT, created_by=f"user_{i}", name=text,
                      payload={"columns": [{"model": text}]}, created_at=now,
                      updated_at=now)  # fmt: skip
        # Of what has a page of its own, the first holds all.
        for i, text in enumerate([whole, *parts]):
            owner = f"user_{i}" if i else user_id
            await add("key", id=f"key_{i}", project_id=PROJECT, name=text, kind="live",
                      scopes=["chat", text], models=[text], networks=[text],
                      owner_user_id=owner, created_by=owner, created_at=now - i)  # fmt: skip
            await add("key_secret", id=f"sec_{i}", key_id=f"key_{i}", digest=b"%032d" % i,
                      redacted_value=text, created_at=now)  # fmt: skip
            await add("decision", **_decision(i, text, now))
            await add("review", **_review(i, text, now))
            await add("ledger_entry", **_ledger_entry(i, text, now))
            turns = [{"role": "assistant", "text": text, "why": [text[:2_000]]}]
            await add("playground_snapshot", id=f"snap_{i}", organisation_id=HOME,
                      project_id=PROJECT, created_by=owner, title=text, created_at=now,
                      payload={"columns": [{"model": text[:250], "system": text, "turns": turns}]},
                      expires_at=now + 9_999)  # fmt: skip
        for text in parts:
            by = Actor("session", text, text, text)
            details = {"id": text, "name": text, "role": text, "reason": text, "changes": [text]}
            await audit.append(session, HOME, text, by, details)
        for i, text in enumerate(parts):
            # What is gone is called what an older entry called it.
            named = {"id": f"group_gone{i}", "data": {"group_name": text}}
            await audit.append(session, HOME, "group.created", Actor("command"), named)
            put = {"id": f"group_gone{i}", "changes_requested": {"user_added": f"user_{i}"}}
            await audit.append(session, HOME, "group.updated", Actor("command"), put)
        await session.execute(
            update(User).where(User.id == user_id).values(name=whole, email=whole)
        )
        await session.execute(update(Organisation).values(name=whole))
        await session.execute(update(ConsoleSession).values(user_agent=whole, address=whole))


def _decision(i: int, text: str, now: int) -> dict[str, Any]:
    reason = {"effect": "block", "rule": text, "detector": text, "label": text, "message": text,
              "score": 1.0}  # fmt: skip
    run = {"detector": text, "status": "ok", "reason": text, "elapsed_us": 5, "coverage": 1.0,
           "scores": {text: 1.0}}  # fmt: skip
    return {
        "id": f"dec_{i}", "organisation_id": HOME, "project_id": PROJECT, "key_id": "key_0",
        "request_id": text, "at_ms": now * 1_000 - i, "stage": text, "effect": "block",
        "role": text, "origin": f"{text}.", "model": text, "rules": f"|{text}|",
        "reasons": [reason], "runs": [run], "policy": text, "length": 5, "elapsed_us": 9,
        "is_cached": False,
    }  # fmt: skip


def _review(i: int, text: str, now: int) -> dict[str, Any]:
    call = {"tool": text, "arguments": text, "canonical": {text: text}, "effect": "review",
            "rule": text, "reason": text, "hint": text, "sources": [text],
            "labels": [text]}  # fmt: skip
    reason = {"effect": "review", "rule": text, "detector": text, "label": text, "message": text,
              "score": 1.0}  # fmt: skip
    return {
        "id": f"rev_{i}", "key_id": "key_0", "digest": b"%032d" % i, "status": "pending",
        "stage": "tool-call", "policy": text, "request_id": text, "created_at": now - i,
        "payload": {"calls": [call], "reasons": [reason]}, "expires_at": now + 9_999,
    }  # fmt: skip


def _ledger_entry(i: int, text: str, now: int) -> dict[str, Any]:
    return {
        "id": f"led_{i}", "request_id": text, "organisation_id": HOME, "project_id": PROJECT,
        "key_id": f"key_{i}", "user_id": f"user_{i}", "route": text, "model": text, "status": 200,
        "effect": text, "input_tokens": 5, "cached_tokens": 0, "output_tokens": 5,
        "cost_nanos": 10**9, "is_estimate": False, "elapsed_ms": 5, "created_at": now - i,
    }  # fmt: skip
