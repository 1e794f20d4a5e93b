"""Runs a gateway with uvicorn."""

import gc
import resource
import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from tyrian.gateway.context import Endpoint
from tyrian.gateway.protocol import HardenedProtocol

MOST_FILES = 65_536
GRACE_S = 10
"""Time for running requests once the server is asked to stop."""


class Server(uvicorn.Server):
    """A uvicorn server that tells when it takes requests."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[int], None] | None) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say on which port."""
        await super().startup(sockets)
        if self._on_started is not None and self.started:
            bound = [s for server in self.servers for s in server.sockets]
            self._on_started(bound[0].getsockname()[1] if bound else self.config.port)


def server(
    app: Endpoint,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    backlog: int = 2048,
    on_started: Callable[[int], None] | None = None,
) -> Server:
    """A server that is not running yet; port 0 lets the system choose, `on_started` tells it.

    Headers of proxies are not believed, and there is no access log of uvicorn's own: it would
    write what stands in the path.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=HardenedProtocol,
        ws="none",
        loop="uvloop",
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        backlog=backlog,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_S,
    )
    return Server(config, on_started)


def raise_file_limit() -> None:
    """Allow this process all the open files that the system lets it have.

    Every client and every stream of a model server is one, and many a system begins with 1,024.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def spare_the_collector() -> None:
    """Keep what there is from being looked at again by the collector of garbage.

    Guards and routes are objects that stay, and requests make many short-lived ones: at the usual
    thresholds looking for cycles among all of them is a share of what each request costs.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def run(
    app: Endpoint,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    on_started: Callable[[int], None] | None = None,
) -> None:
    """Serve until a signal comes."""
    raise_file_limit()
    server(app, host, port, on_started=on_started).run()
