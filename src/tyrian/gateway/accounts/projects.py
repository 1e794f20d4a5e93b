"""Projects: made, renamed, bounded to models, archived with all their keys."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tyrian.errors import ConfigError, InputError
from tyrian.gateway.accounts import audit, revision
from tyrian.gateway.accounts.audit import COMMAND, Actor
from tyrian.gateway.accounts.keys import end_key
from tyrian.gateway.accounts.names import checked_name
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.ids import new_id
from tyrian.gateway.store.models.keys import Key
from tyrian.gateway.store.models.organisations import Organisation, Project

MODES: Final = ("allow_list", "deny_list")
MAX_MODELS: Final = 500


class Projects:
    """The projects in a store; every question names the organisation that asks."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def list(self, organisation_id: str) -> Sequence[Project]:
        """All projects of an organisation, oldest first."""
        async with self._store.read() as session:
            found = await session.scalars(
                select(Project)
                .where(Project.organisation_id == organisation_id)
                .order_by(Project.created_at, Project.id)
            )
            return found.all()

    async def get(self, organisation_id: str, project_id: str) -> Project | None:
        """The project of that id, None where the organisation has none such."""
        async with self._store.read() as session:
            found = await session.get(Project, project_id)
            return found if found and found.organisation_id == organisation_id else None

    async def create(self, organisation_id: str, name: str, *, by: Actor = COMMAND) -> Project:
        """Make a project."""
        project = Project(
            id=new_id("proj"),
            organisation_id=organisation_id,
            name=checked_name(name, "a project's name"),
            created_at=int(self._clock()),
        )
        async with self._store.write() as session:
            session.add(project)
            await _note(session, project, "project.created", by, {"name": project.name})
        return project

    async def rename(
        self, organisation_id: str, project_id: str, name: str, *, by: Actor = COMMAND
    ) -> Project:
        """Give a project another name."""
        async with self._store.write() as session:
            project = await open_project(session, organisation_id, project_id)
            project.name = checked_name(name, "a project's name")
            await _note(session, project, "project.updated", by, {"name": project.name})
            return project

    async def bound_models(
        self,
        organisation_id: str,
        project_id: str,
        mode: str | None,
        model_ids: Sequence[str] = (),
        *,
        by: Actor = COMMAND,
    ) -> Project:
        """Allow only these models, or all but these; None allows every model again."""
        if mode is not None and mode not in MODES:
            raise ConfigError(f"unknown mode {mode!r}", hint=f"known: {', '.join(MODES)}")
        if len(model_ids) > MAX_MODELS or any(not m or len(m) > 200 for m in model_ids):
            raise ConfigError(
                f"a project's list has at most {MAX_MODELS} model names", hint="use * and ?"
            )
        async with self._store.write() as session:
            project = await open_project(session, organisation_id, project_id)
            project.model_mode = mode
            project.model_ids = sorted(set(model_ids)) if mode else None
            details = {"model_mode": mode, "model_ids": project.model_ids}
            await _note(session, project, "project.updated", by, details)
            return project

    async def archive(
        self, organisation_id: str, project_id: str, *, by: Actor = COMMAND
    ) -> Project:
        """End a project and all its keys, for good."""
        now = int(self._clock())
        async with self._store.write() as session:
            project = await open_project(session, organisation_id, project_id)
            project.archived_at = now
            keys = await session.scalars(
                select(Key).where(Key.project_id == project.id, Key.revoked_at.is_(None))
            )
            for key in keys.all():
                await end_key(session, key, now, by=by, reason="archived")
            await _note(session, project, "project.archived", by, {})
            return project


async def lock(session: AsyncSession, organisation_id: str, project_id: str | None = None) -> None:
    """Let nobody else change roles, groups and places of this organisation meanwhile.

    InputError where the project is not there, or archived.
    """
    await session.execute(
        select(Organisation.id)
        .where(Organisation.id == organisation_id)
        .with_for_update(key_share=True)
    )
    if project_id is not None:
        await open_project(session, organisation_id, project_id)


async def open_project(session: AsyncSession, organisation_id: str, project_id: str) -> Project:
    """The project, within a transaction; InputError where there is none, or it is archived."""
    project = await session.get(Project, project_id, with_for_update=True)
    if project is None or project.organisation_id != organisation_id:
        raise InputError("there is no project with this id", hint="list the projects")
    if project.archived_at is not None:
        raise InputError("the project is archived", hint="use another project")
    return project


async def _note(
    session: AsyncSession, project: Project, kind: str, by: Actor, details: dict[str, Any]
) -> None:
    await session.flush()
    await audit.append(
        session,
        project.organisation_id,
        kind,
        by,
        {"id": project.id, **details},
        project_id=project.id,
    )
    await revision.bump(session)
