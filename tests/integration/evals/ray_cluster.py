"""Two nodes of Ray on loopback, and a command that runs against them; a process of its own.

    python ray_cluster.py COMMAND...

Ports are given, since nodes wait for their agents' where they are not; `node_ip_address` keeps all
on loopback. Prints the address and leaves nothing behind.
"""

import os
import socket
import subprocess
import sys
from typing import Any

from ray import cluster_utils


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    found = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return found


def node() -> dict[str, Any]:
    """A small node."""
    agent, environment, listen, metrics = free_ports(4)
    return {
        "node_ip_address": "127.0.0.1",
        "num_cpus": 1,
        "object_store_memory": 80 << 20,
        "include_log_monitor": False,
        "metrics_agent_port": agent,
        "runtime_env_agent_port": environment,
        "dashboard_agent_listen_port": listen,
        "metrics_export_port": metrics,
    }


def main() -> int:
    """Start, run, stop."""
    head = {**node(), "include_dashboard": False, "no_monitor": True}
    cluster: Any = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
    try:
        cluster.add_node(**node())
        environment = {**os.environ, "RAY_ADDRESS": cluster.address}
        return subprocess.run(sys.argv[1:], check=False, env=environment).returncode
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    sys.exit(main())
