"""Who does the work: this process, or Ray Data on many; the results are the same."""

import functools
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from tyrian.errors import TyrianError
from tyrian.supply.data.examine import Examined, Job, examine_unit
from tyrian.supply.data.extras import need, need_polars
from tyrian.supply.data.judge import Judges
from tyrian.supply.data.units import Unit


class EngineName(StrEnum):
    """The engines."""

    LOCAL = "local"
    RAY = "ray"


Engine = Callable[[Sequence[Unit], Job], Iterator[Examined]]
"""Results of all units in their order, and in a unit in the order of its rows."""


_CLUSTER = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Ray reads it when it is imported: without a cluster it listens on 127.0.0.1 alone."""
_ATTEMPTS = 2
"""To start Ray, which gives its own processes 15 seconds on however busy a machine."""


class EngineError(TyrianError):
    """The engine itself failed, not a row."""


def run_local(units: Sequence[Unit], job: Job) -> Iterator[Examined]:
    """One unit after another, a batch in memory at a time."""
    need_polars()
    judges = job.judges() if job.judges else Judges()
    for unit in units:
        yield from examine_unit(unit, job, judges)


def ray_engine(workers: int = 0, address: str = "") -> Engine:
    """Ray Data: on this machine with so many workers, or on the cluster at an address.

    A cluster must see the files under the same paths, and have Tyrian installed.
    """
    need("ray", "the engine ray")
    need_polars()
    return functools.partial(_run_on_ray, workers=workers, address=address)


def _run_on_ray(
    units: Sequence[Unit], job: Job, *, workers: int, address: str
) -> Iterator[Examined]:
    if not address:
        os.environ.setdefault(_CLUSTER, "0")
    import ray

    is_ours = not ray.is_initialized()
    if is_ours:
        _start(workers or len(os.sched_getaffinity(0)), address)
    try:
        yield from _results(units, job)
    finally:
        if is_ours:
            ray.shutdown()


def _start(workers: int, address: str) -> None:
    """A Ray of our own: no dashboard, no figures sent anywhere, nothing beyond this machine."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_enable_metrics_collection", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    here: dict[str, Any] = {
        "address": "local",
        "num_cpus": workers,
        "include_dashboard": False,
    }
    wanted = {"address": address} if address else here
    for attempt in range(_ATTEMPTS):
        try:
            ray.init(**wanted, **quiet)
        except Exception as error:  # noqa: BLE001  Ray raises Exception itself where it is slow
            ray.shutdown()
            if attempt + 1 == _ATTEMPTS:
                raise EngineError(
                    f"Ray did not start: {' '.join(str(error).split())[:200]}",
                    hint="a busy machine is too slow for it: wait, or --engine local",
                ) from None
        else:
            break
    known: Any = ray.util
    if not address and known.get_node_ip_address() != "127.0.0.1":
        ray.shutdown()
        raise EngineError(
            "Ray would listen on addresses that others reach",
            hint=f"set {_CLUSTER}=0 before anything imports ray, or start Ray yourself",
        )


def _results(units: Sequence[Unit], job: Job) -> Iterator[Examined]:
    import ray

    if not units:
        return
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context.execution_options.preserve_order = True
    items = [{"unit": msgspec.msgpack.encode(unit)} for unit in units]
    work = functools.partial(_examine_on_worker, job=job)
    data = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
        work, batch_size=1, batch_format="numpy"
    )
    last = 0
    try:
        for row in data.iter_rows():
            made = msgspec.msgpack.decode(row["made"], type=Examined)
            if made.unit < last:
                raise EngineError("Ray gave the results in another order")
            last = made.unit
            yield made
    except ray.exceptions.RayError as error:
        raise EngineError(f"Ray failed: {' '.join(str(error).split())[:300]}") from None


def _examine_on_worker(batch: dict[str, Any], job: Job) -> Iterator[dict[str, Any]]:
    for data in batch["unit"]:
        unit = msgspec.msgpack.decode(bytes(data), type=Unit)
        judges = _judges_here(job.judges) if job.judges else Judges()
        for made in examine_unit(unit, job, judges):
            yield {"made": [msgspec.msgpack.encode(made)]}


@functools.cache
def _judges_here(factory: Callable[[], Judges]) -> Judges:
    """Made once in a worker's process, however many units it gets."""
    return factory()
