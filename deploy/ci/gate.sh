#!/usr/bin/env bash
# Runs `tyrian gate` in a CI job: the GitHub Action, the GitLab template and people alike.
#
#   TYRIAN              the program; `tyrian` where it is not set
#   TYRIAN_GATE_PATHS   directories and files, a line each; here where it is not set
#   TYRIAN_GATE_LEVEL   enforce (as the configuration has it), or advise
#   TYRIAN_GATE_CONFIG  the configuration; tyrian-gate.yaml of the directory where it is not set
#   TYRIAN_GATE_BASE    a git revision whose configuration, waivers, keys and baseline count, so that
#                       a change cannot allow itself
#   TYRIAN_GATE_SARIF   file for SARIF; tyrian-gate.sarif where it is not set
#   TYRIAN_GATE_JUNIT   file for JUnit; none where it is not set
#
# Exit codes: 0 may pass, 1 refused, 2 usage, 3 something was not examined.
set -uo pipefail

tyrian=${TYRIAN:-tyrian}
sarif=${TYRIAN_GATE_SARIF:-tyrian-gate.sarif}
config=${TYRIAN_GATE_CONFIG:-}
level=${TYRIAN_GATE_LEVEL:-}
format=text
[[ ${GITHUB_ACTIONS:-} == true ]] && format=github

mapfile -t paths < <(printf '%s\n' "${TYRIAN_GATE_PATHS:-.}" | sed '/^[[:space:]]*$/d')
arguments=(--format "$format" --also "sarif=$sarif")
[[ -n ${TYRIAN_GATE_JUNIT:-} ]] && arguments+=(--also "junit=$TYRIAN_GATE_JUNIT")
[[ -n $level ]] && arguments+=(--level "$level")

before=""
clean() { [[ -z $before ]] || git worktree remove --force "$before" >/dev/null 2>&1; }
trap clean EXIT
if [[ -n ${TYRIAN_GATE_BASE:-} ]]; then
    before=$(mktemp -d)/base
    if ! git worktree add --quiet --detach "$before" "$TYRIAN_GATE_BASE"; then
        echo "tyrian: there is no revision $TYRIAN_GATE_BASE here; fetch it before this step" >&2
        exit 2
    fi
    below=$(git rev-parse --show-prefix)
    place=$before/$below${config:-tyrian-gate.yaml}
    if [[ -f $place ]]; then
        config=$place
    else # a configuration that the change itself brings counts for nothing
        config=$before/tyrian-gate.none.yaml
        echo "version: 1" >"$config"
    fi
fi
[[ -n $config ]] && arguments+=(--config "$config")

talk=$(mktemp)
report=$(mktemp -u)
[[ -n ${GITHUB_STEP_SUMMARY:-} ]] && arguments+=(--also "text=$report")
"$tyrian" gate "${arguments[@]}" -- "${paths[@]}" 2>"$talk"
code=$?
cat "$talk" >&2

if [[ -n ${GITHUB_STEP_SUMMARY:-} ]]; then
    {
        echo "### Tyrian gate"
        echo '```'
        [[ -f $report ]] && cat "$report"
        cat "$talk"
        echo '```'
    } >>"$GITHUB_STEP_SUMMARY"
fi
if [[ -n ${GITHUB_OUTPUT:-} ]]; then
    {
        echo "exit-code=$code"
        echo "sarif=$sarif"
    } >>"$GITHUB_OUTPUT"
fi
rm -f "$talk" "$report"
exit "$code"
