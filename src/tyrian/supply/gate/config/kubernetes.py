"""Containers of Kubernetes manifests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tyrian.supply.gate.config.container import POWERS, Container
from tyrian.supply.gate.config.document import Document, KeyPath, mapping, rows, texts
from tyrian.supply.gate.finding import Place

_POD_AT: dict[str, tuple[str, ...]] = {
    "Pod": ("spec",),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    **dict.fromkeys(
        ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "ReplicationController"),
        ("spec", "template", "spec"),
    ),
}
_HOSTS = ("hostNetwork", "hostPID", "hostIPC")
_EXPOSED = ("LoadBalancer", "NodePort")
_Maps = dict[str, dict[str, str]]


def is_kubernetes(document: Document) -> bool:
    """Whether a document is a manifest of Kubernetes."""
    top = mapping(document.data)
    return "apiVersion" in top and "kind" in top


def kubernetes_containers(documents: Sequence[tuple[str, Document]]) -> list[Container]:
    """The containers of all workloads; services and config maps of all files are looked at."""
    services = [one for _, one in documents if one.data.get("kind") == "Service"]
    maps: _Maps = {
        _name(one): {str(key): str(value) for key, value in mapping(one.data.get("data")).items()}
        for _, one in documents
        if one.data.get("kind") == "ConfigMap"
    }
    found: list[Container] = []
    for path, document in documents:
        if at := _POD_AT.get(str(document.data.get("kind"))):
            found += _Workload(path, document, at, services, maps).containers()
    return found


def _name(document: Document) -> str:
    return str(mapping(mapping(document.data).get("metadata")).get("name") or "")


def _get(value: Any, path: KeyPath) -> Any:
    for key in path:
        value = mapping(value).get(str(key))
    return value


@dataclass(frozen=True, slots=True)
class _Workload:
    """One workload, and what lies around it."""

    path: str
    document: Document
    at: tuple[str, ...]
    """Where its pod is described."""
    services: Sequence[Document]
    maps: _Maps

    @property
    def pod(self) -> dict[str, Any]:
        return mapping(_get(self.document.data, self.at))

    def containers(self) -> Iterator[Container]:
        labels = mapping(_get(self.document.data, (*self.at[:-1], "metadata", "labels")))
        own = [one for one in self.services if _selects(one, labels)]
        hosts = tuple(host for one in own for host in _hosts(one))
        published = tuple(
            _port(port)
            for one in own
            if mapping(one.data.get("spec")).get("type") in _EXPOSED
            for port in rows(mapping(one.data.get("spec")).get("ports"))
        )
        for key in ("containers", "initContainers"):
            for number, given in enumerate(rows(self.pod.get(key))):
                if isinstance(given, dict):
                    yield self.container((*self.at, key, number), given, hosts, published)

    def container(
        self, here: KeyPath, given: dict[str, Any], hosts: tuple[str, ...], ports: tuple[str, ...]
    ) -> Container:
        line = self.document.line(*here)
        variables, lines = self.variables(here, given)
        lines["image"] = self.document.line(*here, "image")
        lines["words"] = self.document.line(*here, "args" if "args" in given else "command")
        return Container(
            name=str(given.get("name") or _name(self.document)),
            place=Place(self.path, line),
            image=str(given.get("image") or ""),
            words=(*texts(given.get("command")), *texts(given.get("args"))),
            variables=variables,
            lines=lines,
            powers=tuple(self.powers(here, given)),
            published=tuple((port, line) for port in ports),
            hosts=hosts,
        )

    def variables(
        self, here: KeyPath, given: dict[str, Any]
    ) -> tuple[dict[str, str], dict[str, int]]:
        variables: dict[str, str] = {}
        lines: dict[str, int] = {}
        for one in rows(given.get("envFrom")):
            name = mapping(mapping(one).get("configMapRef")).get("name")
            variables |= self.maps.get(str(name), {})
        for number, one in enumerate(rows(given.get("env"))):
            row = mapping(one)
            name = str(row.get("name") or "")
            source = mapping(mapping(row.get("valueFrom")).get("configMapKeyRef"))
            value = self.maps.get(str(source.get("name")), {}).get(str(source.get("key")), "")
            variables[name] = str(row["value"]) if row.get("value") is not None else value
            lines[f"env {name}"] = self.document.line(*here, "env", number)
        return variables, lines

    def powers(self, here: KeyPath, given: dict[str, Any]) -> Iterator[tuple[str, int]]:
        """What lets a container out."""
        line = self.document.line
        context = mapping(given.get("securityContext"))
        for key in ("privileged", "allowPrivilegeEscalation"):
            if context.get(key) is True:
                yield f"{key}: true", line(*here, "securityContext", key)
        for one in texts(mapping(context.get("capabilities")).get("add")):
            if one.upper() in POWERS:
                yield f"the capability {one}", line(*here, "securityContext", "capabilities")
        for key in _HOSTS:
            if self.pod.get(key) is True:
                yield f"{key}: true", line(*self.at, key)
        for number, volume in enumerate(rows(self.pod.get("volumes"))):
            source = str(mapping(mapping(volume).get("hostPath")).get("path") or "")
            if source == "/" or source.endswith(".sock"):
                yield f"{source} of the machine", line(*self.at, "volumes", number)


def _port(port: Any) -> str:
    return str(mapping(port).get("port") or "")


def _hosts(service: Document) -> Iterator[str]:
    """The names by which a service is reached, with each of its ports."""
    told = mapping(service.data.get("metadata")).get("namespace")
    name = _name(service)
    names = [name, f"{name}.{told or 'default'}.svc.cluster.local"]
    names += [f"{name}.{told}", f"{name}.{told}.svc"] if told else []
    for port in rows(mapping(service.data.get("spec")).get("ports")):
        yield from (f"{one}:{_port(port)}" for one in names)


def _selects(service: Document, labels: dict[str, Any]) -> bool:
    selector = mapping(mapping(service.data.get("spec")).get("selector"))
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())
