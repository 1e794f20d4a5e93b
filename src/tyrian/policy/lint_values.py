"""Lint of the sections: values that are wider than they look, covered by others, or dead."""

from collections.abc import Iterator, Sequence

from tyrian.policy.address import as_address, is_inside_name, is_public
from tyrian.policy.glob import GlobSet, is_literal, literal_base
from tyrian.policy.lint_fault import Fault
from tyrian.policy.schema import PolicySpec
from tyrian.policy.shell_options import INTERPRETERS, WRAPPERS

_SYSTEM_DIRS = ("/etc", "/usr", "/bin", "/sbin", "/lib", "/boot", "/root", "/var", "/proc", "/sys")
_MANY_RECIPIENTS = 100


def fs_faults(spec: PolicySpec) -> Iterator[Fault]:
    """Globs."""
    if spec.fs is None:
        return
    for access in ("read", "write"):
        globs: Sequence[str] = getattr(spec.fs, access)
        for index, glob in enumerate(globs):
            yield from _glob(glob, access, ("fs", access, index))
        yield from _covered(globs, access)
    denied = GlobSet.of(spec.fs.deny, is_deny=True)
    for access in ("read", "write"):
        for index, glob in enumerate(getattr(spec.fs, access)):
            base = glob if is_literal(glob) else literal_base(glob)
            if denied.matches(base):
                message = f"all that {glob!r} matches is on fs.deny"
                yield Fault("unreachable-glob", "warning", ("fs", access, index), message)
    if spec.fs.hard_links == "allow":
        message = "a hard link can give a file outside another name inside"
        yield Fault("hard-links", "warning", ("fs", "hard_links"), message, "use deny or read")


def _glob(glob: str, access: str, path: tuple[str | int, ...]) -> Iterator[Fault]:
    base = glob if is_literal(glob) else literal_base(glob)
    if base == "/" and not is_literal(glob):
        message = f"{glob!r} begins at the root of the file system"
        yield Fault("wide-glob", "error", path, message, "begin with a directory")
    elif access == "write" and (base in _SYSTEM_DIRS or base.startswith("/usr/")):
        message = f"{glob!r} lets tools write where the system's own files are"
        yield Fault("system-glob", "error", path, message)
    elif base in ("/home", "/Users", "/tmp", "/var/tmp"):  # noqa: S108
        message = f"{glob!r} holds files of others"
        yield Fault("wide-glob", "warning", path, message, "name one directory of it")


def _covered(globs: Sequence[str], access: str) -> Iterator[Fault]:
    for index, glob in enumerate(globs):
        body = glob.removesuffix("/**")
        if not is_literal(body):
            continue
        for other_at, other in enumerate(globs):
            same = other == glob and other_at < index
            if same or (other != glob and _covers(other, glob, body)):
                message = f"{glob!r} is covered by {other!r}"
                yield Fault("shadowed-glob", "warning", ("fs", access, index), message)
                break


def _covers(other: str, glob: str, body: str) -> bool:
    probes = [body] if is_literal(glob) else [body, f"{body}/a", f"{body}/a/b"]
    return all(GlobSet.of([other]).matches(probe) for probe in probes)


def net_faults(spec: PolicySpec) -> Iterator[Fault]:
    """Hosts, schemes and what opens the inner network."""
    if spec.net is None:
        return
    net = spec.net
    for index, host in enumerate(net.hosts):
        yield from _host(host, ("net", "hosts", index), is_open=net.private_ips == "allow")
    yield from _covered_hosts(net.hosts, ("net", "hosts"))
    for index, scheme in enumerate(net.schemes):
        if scheme in ("http", "ftp", "ws"):
            message = f"{scheme} is not encrypted"
            yield Fault("plain-scheme", "warning", ("net", "schemes", index), message)
        elif scheme not in ("https", "wss"):
            message = f"{scheme} is no scheme of the network"
            yield Fault("odd-scheme", "warning", ("net", "schemes", index), message)
    if net.private_ips == "allow":
        message = "names that lead to inner addresses are let through"
        yield Fault("private-addresses", "warning", ("net", "private_ips"), message, "use deny")
    if net.userinfo == "allow":
        message = "URLs may name a user, which people take for the host"
        yield Fault("userinfo", "warning", ("net", "userinfo"), message, "use deny")


def _host(host: str, path: tuple[str | int, ...], *, is_open: bool) -> Iterator[Fault]:
    address = as_address(host) or as_address(f"[{host}]")
    if host == "*":
        yield Fault("wide-host", "error", path, "'*' is every host there is", "name the hosts")
    elif host.startswith("*.") and host.count(".") == 1:
        yield Fault("wide-host", "error", path, f"{host!r} is a whole top-level domain")
    elif address:
        if not is_public(address.strip("[]")) and not is_open:
            message = f"{host!r} is an inner address, which net.private_ips denies"
            yield Fault("unreachable-host", "warning", path, message)
    elif "." not in host:
        message = f"{host!r} has no dot: it means another machine in every network"
        yield Fault("host-without-dot", "warning", path, message, "write the full name")
    elif is_inside_name(host.removeprefix("*.")):
        message = f"{host!r} is a name of the inner network, or stands for any address"
        yield Fault("inner-host", "warning", path, message)


def _covered_hosts(hosts: Sequence[str], path: tuple[str, str]) -> Iterator[Fault]:
    for index, host in enumerate(hosts):
        covers = [
            other
            for at, other in enumerate(hosts)
            if (other == host and at < index)
            or (other != host and other.startswith("*.") and host.endswith(other[1:]))
            or (other == "*" and host != "*")
        ]
        if covers:
            message = f"{host!r} is covered by {covers[0]!r}"
            yield Fault("shadowed-host", "warning", (*path, index), message)


def email_faults(spec: PolicySpec) -> Iterator[Fault]:
    """Domains and how many recipients."""
    if spec.email is None:
        return
    for index, domain in enumerate(spec.email.domains):
        path = ("email", "domains", index)
        if domain == "*" or (domain.startswith("*.") and domain.count(".") == 1):
            message = f"{domain!r} lets tools write to anybody"
            yield Fault("wide-domain", "error", path, message, "name the domains")
        elif "." not in domain:
            yield Fault("host-without-dot", "warning", path, f"{domain!r} has no dot")
    yield from _covered_hosts(spec.email.domains, ("email", "domains"))
    if spec.email.max_rcpt > _MANY_RECIPIENTS:
        message = f"one call may write to {spec.email.max_rcpt} people"
        yield Fault("many-recipients", "warning", ("email", "max_rcpt"), message)


def shell_faults(spec: PolicySpec) -> Iterator[Fault]:
    """Programs that run others."""
    if spec.shell is None:
        return
    shell = spec.shell
    names = {program.rpartition("/")[2] for program in shell.programs} | set(shell.programs)
    for index, program in enumerate(shell.programs):
        name = program.rpartition("/")[2]
        path = ("shell", "programs", index)
        if name in WRAPPERS:
            message = f"{program!r} runs the command in its arguments"
            yield Fault("running-program", "error", path, message, "name the programs themselves")
        elif name in INTERPRETERS:
            message = f"{program!r} runs any program that it is given"
            yield Fault("running-program", "error", path, message, "hold it in the sandbox")
    for program in shell.args_deny:
        if program not in names:
            message = f"{program!r} is not in shell.programs"
            where = ("shell", "args_deny", program)
            yield Fault("unreachable-option", "warning", where, message, of_key=True)
    if shell.options_that_run_programs == "allow":
        message = "options that run other programs are let through"
        where_ = ("shell", "options_that_run_programs")
        yield Fault("running-options", "warning", where_, message, "use deny")


def sql_faults(spec: PolicySpec) -> Iterator[Fault]:
    """Tables and statements."""
    if spec.sql is None:
        return
    for index, table in enumerate(spec.sql.tables):
        if set(table) <= {"*", "."}:
            message = f"{table!r} is every table"
            yield Fault("wide-table", "warning", ("sql", "tables", index), message)
    writing = {"insert", "update", "delete", "merge", "create", "drop", "alter", "truncatetable"}
    for index, kind in enumerate(spec.sql.statements):
        if kind.lower() in writing:
            message = f"{kind} changes what is stored"
            yield Fault("writing-sql", "warning", ("sql", "statements", index), message)
