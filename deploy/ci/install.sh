#!/usr/bin/env bash
# Installs Tyrian from a checkout into an environment of its own, every package by its hash.
# Prints the directory of the program. TYRIAN_CI_HOME says where; a temporary directory without it.
set -euo pipefail

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
home=${TYRIAN_CI_HOME:-$(mktemp -d)}

python=""
for one in python3.13 python3.12 python3.11 python3; do
    if command -v "$one" >/dev/null &&
        "$one" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'; then
        python=$one
        break
    fi
done
if [[ -z $python ]]; then
    echo "tyrian: Python 3.11, 3.12 or 3.13 is needed; set one up before this step" >&2
    exit 2
fi

if [[ ! -x $home/bin/tyrian ]]; then
    "$python" -m venv "$home"
    "$home/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes -r "$source/requirements/serve.txt" >&2
    "$home/bin/python" -m pip install --quiet --disable-pip-version-check \
        --no-deps --no-build-isolation "$source" >&2
fi
echo "$home/bin"
