"""The routes of the two dialects below one of their prefixes."""

from collections.abc import Mapping

from tyrian.gateway.catalogue import Catalogue
from tyrian.gateway.completions import Completions
from tyrian.gateway.context import Endpoint
from tyrian.gateway.metrics import Metrics
from tyrian.gateway.routes.models import Models
from tyrian.gateway.routes.moderations import Moderations, Taxonomy
from tyrian.gateway.routes.responses import Responses
from tyrian.gateway.screen import Firewalled
from tyrian.gateway.settings import Settings

Methods = Mapping[str, Endpoint]


class DialectRoutes:
    """Builds the table: paths, and what answers each method; all but chat itself."""

    def __init__(
        self,
        settings: Settings,
        guarded: Firewalled,
        catalogue: Catalogue,
        metrics: Metrics,
        completions: Completions,
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._moderations = Moderations(settings, guarded, metrics)
        self._taxonomy = Taxonomy(settings)
        self._responses = Responses(settings, completions)

    def table(self, prefix: str) -> dict[str, Methods]:
        """The routes below a prefix."""
        models = Models(self._settings, self._catalogue, f"{prefix}/models")
        return {
            f"{prefix}/models": _get(models),
            f"{prefix}/moderations": {"POST": self._moderations},
            f"{prefix}/moderations/taxonomy": _get(self._taxonomy),
            f"{prefix}/responses": {"POST": self._responses.create},
        }


def _get(endpoint: Endpoint) -> Methods:
    return {"GET": endpoint, "HEAD": endpoint}
