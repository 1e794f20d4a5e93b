"""The routes of the two dialects below one of their prefixes."""

from collections.abc import Mapping

from tyrian.gateway.catalogue import Catalogue
from tyrian.gateway.completions import Completions
from tyrian.gateway.context import Endpoint
from tyrian.gateway.metrics import Metrics
from tyrian.gateway.routes.files import FileRoutes
from tyrian.gateway.routes.models import Models
from tyrian.gateway.routes.moderations import Moderations, Taxonomy
from tyrian.gateway.routes.not_served import NotServed
from tyrian.gateway.routes.responses import Responses
from tyrian.gateway.routes.uploads import UploadRoutes
from tyrian.gateway.screen import Firewalled
from tyrian.gateway.settings import Settings

Methods = Mapping[str, Endpoint]

DIALECT_PATHS_WITH_IDS = (
    "/models", "/files", "/uploads", "/responses", "/fine_tuning", "/evals",
)  # fmt: skip
"""Ends of paths below which further ones are ids, or are told apart by the route itself."""

_NOT_SERVED = (
    ("fine_tuning", "fine_tuning", "finetune", "Fine-tuning needs a trainer."),
    ("evals", "evals", "evals", "Evaluations over the API need a runner."),
    (
        "content_provenance_checks",
        "provenance",
        "provenance",
        "Checking where content comes from needs a detector of watermarks.",
    ),
)


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
        self._completions = completions

    def table(self, prefix: str) -> dict[str, Methods]:
        """The routes below a prefix."""
        models = Models(self._settings, self._catalogue, f"{prefix}/models")
        responses = Responses(self._settings, self._completions, f"{prefix}/responses")
        return {
            f"{prefix}/models": _get(models),
            f"{prefix}/moderations": {"POST": self._moderations},
            f"{prefix}/moderations/taxonomy": _get(self._taxonomy),
            f"{prefix}/responses": {
                **_get(responses.read),
                "POST": responses.create,
                "DELETE": responses.delete,
            },
            **self._files(prefix),
            **self._not_served(prefix),
        }

    def _files(self, prefix: str) -> dict[str, Methods]:
        if self._settings.files is None:
            nobody = NotServed(self._settings, "files", "files", "Files need a place to be kept.")
            return {f"{prefix}/{name}": _all(nobody) for name in ("files", "uploads")}
        files = FileRoutes(self._settings, self._settings.files, f"{prefix}/files")
        uploads = UploadRoutes(self._settings, self._settings.files, f"{prefix}/uploads")
        return {
            f"{prefix}/files": {**_get(files.read), "POST": files.create, "DELETE": files.delete},
            f"{prefix}/uploads": {**_get(uploads.read), "POST": uploads.write},
        }

    def _not_served(self, prefix: str) -> dict[str, Methods]:
        return {
            f"{prefix}/{path}": _all(NotServed(self._settings, route, scope, missing))
            for path, route, scope, missing in _NOT_SERVED
        }


def _get(endpoint: Endpoint) -> Methods:
    return {"GET": endpoint, "HEAD": endpoint}


def _all(endpoint: Endpoint) -> Methods:
    return {**_get(endpoint), "POST": endpoint, "DELETE": endpoint}
