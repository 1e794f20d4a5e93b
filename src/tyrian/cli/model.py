"""`tyrian model`: get, list, check and convert guard models; scan, approve and report on models."""

from types import MappingProxyType

import typer

from tyrian.cli.lazy import Entry, LazyGroup


class _Commands(LazyGroup):
    entries = MappingProxyType(
        {
            "pull": Entry(
                "tyrian.cli.model_hub:pull",
                "Bring a model from the hub to this machine; prints its directory.",
            ),
            "list": Entry(
                "tyrian.cli.model_hub:list_models",
                "Show the catalogue, and what of it and beside it is here.",
            ),
            "path": Entry(
                "tyrian.cli.model_hub:path", "Print the directory of a model that is here."
            ),
            "verify": Entry(
                "tyrian.cli.model_hub:verify",
                "Compare every file with its lock, or with what was pulled.",
            ),
            "export": Entry("tyrian.cli.model_hub:export", "Write a Prompt Guard as ONNX."),
            "scan": Entry("tyrian.cli.model_scan:scan", "Tell what a model's files would do."),
            "lock": Entry("tyrian.cli.model_lock:lock", "Approve the bytes of a model."),
            "drift": Entry(
                "tyrian.cli.model_drift:drift", "Tell what changed since a model was approved."
            ),
            "report": Entry(
                "tyrian.cli.model_report:report",
                "Put models and the evidence on them side by side.",
            ),
        }
    )


app = typer.Typer(
    cls=_Commands,
    help="Get, list, check and convert guard models; scan, approve and report on models.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def _model() -> None:
    """Get, list, check and convert guard models; scan, approve and report on models."""
