"""Spend alerts, in the shapes of OpenAI's administration."""

from typing import Final

from tyrian.gateway.accounts.alerts import AlertRecord, Alerts, Wish
from tyrian.gateway.accounts.prices import NANOS_PER_USD, usd
from tyrian.gateway.accounts.projects import Projects
from tyrian.gateway.alert_channels import Channels
from tyrian.gateway.errors import bad_request
from tyrian.gateway.routes.admin.request import AdminRequest, deleted, in_order, not_found, page_of
from tyrian.gateway.store.engine import Store
from tyrian.gateway.wire import Json

_PER_CENT: Final = NANOS_PER_USD // 100
_FIELDS: Final = ("threshold_amount", "currency", "interval", "notification_channel")


class AlertRoutes:
    """`/organization/spend_alerts` and `/organization/projects/{p}/spend_alerts`"""

    def __init__(self, store: Store, channels: Channels) -> None:
        self._alerts = Alerts(store)
        self._projects = Projects(store)
        self._channels = channels

    async def list(self, request: AdminRequest) -> Json:
        """GET: those of the organisation itself, or of the project."""
        project_id = await self._project(request)
        found = await self._alerts.list(request.organisation_id)
        own = [alert for alert in found if alert.project_id == project_id]
        return page_of(request, in_order(request, own), self._shape)

    async def create(self, request: AdminRequest) -> Json:
        """POST to the same"""
        project_id = await self._project(request)
        made = await self._alerts.create(
            request.organisation_id, _wish(request), project_id=project_id, by=request.by
        )
        return self._shape(made)

    async def get(self, request: AdminRequest) -> Json:
        """GET .../{alert}"""
        return self._shape(await self._alert(request))

    async def update(self, request: AdminRequest) -> Json:
        """POST to the same"""
        alert = await self._alert(request)
        wish = _wish(request)
        await self._alerts.update(request.organisation_id, alert.id, wish, by=request.by)
        return self._shape(await self._alert(request))

    async def delete(self, request: AdminRequest) -> Json:
        """DELETE of the same"""
        alert = await self._alert(request)
        await self._alerts.delete(request.organisation_id, alert.id, by=request.by)
        return deleted(_kind(alert), alert.id)

    async def _alert(self, request: AdminRequest) -> AlertRecord:
        project_id = await self._project(request)
        found = await self._alerts.get(request.organisation_id, request.ids["alert"])
        if found is None or found.project_id != project_id:
            raise not_found("spend alert")
        return found

    async def _project(self, request: AdminRequest) -> str | None:
        project_id = request.ids.get("project")
        if project_id is None:
            return None
        if await self._projects.get(request.organisation_id, project_id) is None:
            raise not_found("project")
        return project_id

    def _shape(self, alert: AlertRecord) -> Json:
        fired = alert.fired
        return {
            "object": _kind(alert),
            "id": alert.id,
            "currency": "USD",
            "interval": "month",
            "threshold_amount": alert.threshold_nanos // _PER_CENT,
            "notification_channel": {
                "type": "email",
                "recipients": list(alert.recipients),
                "subject_prefix": alert.subject_prefix,
            },
            # Whether anybody is really told: without a mail server no e-mail is sent.
            "delivery": {
                "email": "configured" if self._channels.mailer else "not_configured",
                "webhook": "configured" if self._channels.webhook else "not_configured",
            },
            "last_fired": None
            if fired is None
            else {
                "id": fired.id,
                "fired_at": fired.fired_at,
                "interval_started_at": fired.began_at,
                "threshold_amount": fired.threshold_nanos // _PER_CENT,
                "spent_usd": usd(fired.spent_nanos),
                "email": fired.email_state,
                "webhook": fired.webhook_state,
            },
        }


def _kind(alert: AlertRecord) -> str:
    return "organization.spend_alert" if alert.project_id is None else "project.spend_alert"


def _wish(request: AdminRequest) -> Wish:
    request.only(*_FIELDS)
    cents = request.needed("threshold_amount", least=1, most=10**11)
    for name, only in (("currency", "USD"), ("interval", "month")):
        if request.text(name, default=only) != only:
            raise bad_request(f"`{name}` must be `{only}`.", param=name)
    channel = request.body.get("notification_channel")
    if (
        not isinstance(channel, dict)
        or not channel.keys() <= {"type", "recipients", "subject_prefix"}
        or channel.get("type") != "email"
        or not isinstance(recipients := channel.get("recipients"), list)
        or not all(isinstance(address, str) for address in recipients)
        or not isinstance(prefix := channel.get("subject_prefix"), str | None)
    ):
        raise bad_request(
            "`notification_channel` has the `type` `email`, `recipients`, a list of addresses, and"
            " perhaps a `subject_prefix`.",
            param="notification_channel",
        )
    return Wish(cents * _PER_CENT, tuple(recipients), prefix)
