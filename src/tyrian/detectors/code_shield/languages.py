"""The table of languages."""

from collections.abc import Mapping
from types import MappingProxyType

from tyrian.detectors.code_shield.syntax import Syntax
from tyrian.detectors.code_shield.syntax_scripts import JAVASCRIPT, PHP, PYTHON, RUBY, TYPESCRIPT
from tyrian.detectors.code_shield.syntax_setup import DOCKERFILE, KUBERNETES, SHELL, SQL, TERRAFORM
from tyrian.detectors.code_shield.syntax_typed import CPP, CSHARP, GO, JAVA, KOTLIN, RUST, SWIFT, C

SYNTAXES: Mapping[str, Syntax] = MappingProxyType(
    {
        syntax.name: syntax
        for syntax in (
            PYTHON, JAVASCRIPT, TYPESCRIPT, JAVA, C, CPP, CSHARP, PHP, GO, RUST, RUBY, KOTLIN,
            SWIFT, SHELL, SQL, DOCKERFILE, TERRAFORM, KUBERNETES,
        )
    }
)  # fmt: skip
"""Every language that has rules, by name."""

_TAGS = """
python: py python2 python3 py3 pyi ipython jupyter sage
javascript: js jsx mjs cjs node nodejs ecmascript vue svelte
typescript: ts tsx mts cts
java: jsp
c: h
cpp: c++ cc cxx hpp hxx h++ arduino cuda
csharp: cs c# dotnet aspnet
php: php3 php5 php7 php8 phtml
go: golang
rust: rs
ruby: rb erb rails
kotlin: kt kts
swift:
shell: sh bash zsh ksh console shell-session shellsession terminal fish ash dash
sql: mysql postgres postgresql psql plsql pgsql tsql sqlite mariadb
dockerfile: docker containerfile
terraform: tf hcl tfvars opentofu
kubernetes: k8s kube helm
"""

TAGS: Mapping[str, str] = MappingProxyType(
    {
        tag: line.partition(":")[0]
        for line in _TAGS.strip().splitlines()
        for tag in (line.partition(":")[0], *line.partition(":")[2].split())
    }
)
"""Fence tags and short names, in lower case, to the language that they mean."""

YAML_TAGS = frozenset({"yaml", "yml"})
"""Tags that may mean Kubernetes, which the text has to show."""


def language_of_tag(tag: str) -> str | None:
    """The language that a fence's tag names; None for an unknown or empty one."""
    return TAGS.get(tag.strip().lower())
