"""Projects with their models and limits, in the shapes of OpenAI's administration."""

from typing import Final

from tyrian.gateway.accounts.budgets import Budgets
from tyrian.gateway.accounts.projects import Projects
from tyrian.gateway.accounts.record import RateRule
from tyrian.gateway.routes.admin.request import AdminRequest, not_found, page_of
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.organisations import Project
from tyrian.gateway.wire import Json

_UNLIMITED: Final = 10**12
"""What a limit that is not there is shown as: the shape knows no null."""


class ProjectRoutes:
    """`/projects` and what bounds them."""

    def __init__(self, store: Store) -> None:
        self._projects = Projects(store)
        self._budgets = Budgets(store)

    async def list(self, request: AdminRequest) -> Json:
        """GET /organization/projects"""
        with_archived = (request.asked("include_archived") or ["false"])[-1] == "true"
        found = await self._projects.list(request.organisation_id)
        shown = [p for p in found if with_archived or p.archived_at is None]
        return page_of(request, shown, _project)

    async def create(self, request: AdminRequest) -> Json:
        """POST /organization/projects"""
        request.only("name")
        name = request.text("name")
        return _project(await self._projects.create(request.organisation_id, name, by=request.by))

    async def get(self, request: AdminRequest) -> Json:
        """GET /organization/projects/{project}"""
        return _project(await self._project(request))

    async def update(self, request: AdminRequest) -> Json:
        """POST /organization/projects/{project}"""
        request.only("name")
        await self._project(request)
        project, name = request.ids["project"], request.text("name")
        return _project(
            await self._projects.rename(request.organisation_id, project, name, by=request.by)
        )

    async def archive(self, request: AdminRequest) -> Json:
        """POST /organization/projects/{project}/archive"""
        await self._project(request)
        project = request.ids["project"]
        return _project(
            await self._projects.archive(request.organisation_id, project, by=request.by)
        )

    async def get_models(self, request: AdminRequest) -> Json:
        """GET /organization/projects/{project}/model_permissions"""
        project = await self._project(request)
        if project.model_mode is None:
            raise not_found("list of models: this project may use every model")
        return _models(project)

    async def set_models(self, request: AdminRequest) -> Json:
        """POST /organization/projects/{project}/model_permissions"""
        request.only("mode", "model_ids")
        await self._project(request)
        changed = await self._projects.bound_models(
            request.organisation_id,
            request.ids["project"],
            request.text("mode"),
            request.texts("model_ids") or [],
            by=request.by,
        )
        return _models(changed)

    async def drop_models(self, request: AdminRequest) -> Json:
        """DELETE /organization/projects/{project}/model_permissions"""
        await self._project(request)
        await self._projects.bound_models(
            request.organisation_id, request.ids["project"], None, by=request.by
        )
        return {"object": "project.model_permissions.deleted", "deleted": True}

    async def list_limits(self, request: AdminRequest) -> Json:
        """GET /organization/projects/{project}/rate_limits"""
        project = await self._project(request)
        return page_of(request, await self._budgets.rates_of(project.id), _limit)

    async def set_limit(self, request: AdminRequest) -> Json:
        """POST /organization/projects/{project}/rate_limits/{limit}

        The id is that of a limit, or `rl-MODEL` for a model that has none yet; `rl-*` is for all
        models together. What is left out stays as it is.
        """
        request.only(
            "max_requests_per_1_minute", "max_tokens_per_1_minute", "max_requests_per_1_day"
        )
        project = await self._project(request)
        known = dict(await self._budgets.rates_of(project.id))
        wanted = request.ids["limit"]
        model = known[wanted].model if wanted in known else wanted.removeprefix("rl-")
        if wanted not in known and (model == wanted or not model or len(model) > 200):
            raise not_found("rate limit")
        before = next((rule for rule in known.values() if rule.model == model), None)

        def value(name: str, old: int | None) -> int | None:
            return request.number(name, most=_UNLIMITED) if name in request.body else old

        rule = RateRule(
            project.id,
            model,
            value("max_requests_per_1_minute", before.requests_per_minute if before else None),
            value("max_tokens_per_1_minute", before.tokens_per_minute if before else None),
            value("max_requests_per_1_day", before.requests_per_day if before else None),
        )
        await self._budgets.set_rate(rule, by=request.by)
        found = await self._budgets.rates_of(project.id)
        return next(_limit(pair) for pair in found if pair[1].model == model)

    async def _project(self, request: AdminRequest) -> Project:
        found = await self._projects.get(request.organisation_id, request.ids["project"])
        if found is None:
            raise not_found("project")
        return found


def _project(project: Project) -> Json:
    return {
        "object": "organization.project",
        "id": project.id,
        "name": project.name,
        "created_at": project.created_at,
        "archived_at": project.archived_at,
        "status": "active" if project.archived_at is None else "archived",
    }


def _models(project: Project) -> Json:
    return {
        "object": "project.model_permissions",
        "mode": project.model_mode,
        "model_ids": list(project.model_ids or ()),
    }


def _limit(pair: tuple[str, RateRule]) -> Json:
    it, rule = pair

    def shown(value: int | None) -> int:
        return _UNLIMITED if value is None else value

    return {
        "object": "project.rate_limit",
        "id": it,
        "model": rule.model,
        "max_requests_per_1_minute": shown(rule.requests_per_minute),
        "max_tokens_per_1_minute": shown(rule.tokens_per_minute),
        "max_requests_per_1_day": rule.requests_per_day,
    }
