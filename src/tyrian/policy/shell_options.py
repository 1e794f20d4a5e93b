"""Options by which well-known programs run other programs or re-target themselves.

Sources: the programs' own manuals, and GTFOBins for which of them matter.
"""

from collections.abc import Mapping
from types import MappingProxyType


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_GIT = (
    "-c --config-env --exec-path --upload-pack --receive-pack --exec --open-files-in-pager "
    "--ext-diff --textconv --extcmd --git-dir --work-tree --output --template --config "
    "--to-cmd --cc-cmd --smtp-server --sendmail-cmd --strategy "
    "--html-path --paginate --separate-git-dir --super-prefix"
)

RUNNING_OPTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "git": tuple(_GIT.split()),
        "find": (
            *("-exec", "-execdir", "-ok", "-okdir", "-delete"),
            *("-fprint", "-fprint0", "-fprintf", "-fls", "-files0-from"),
        ),
        "fd": ("-x", "-X", "--exec", "--exec-batch"),
        "rg": ("--pre", "--hostname-bin", "--search-zip", "-z"),
        "tar": (
            *("--to-command", "--checkpoint-action", "--use-compress-program", "-I", "-F"),
            *("--info-script", "--new-volume-script", "--rsh-command", "--rmt-command"),
            *("--absolute-names", "-P"),
        ),
        "zip": ("-T", "-TT", "--unzip-command", "--test"),
        "sort": ("--compress-program", "-o", "--output", "-T", "--files0-from"),
        "split": ("--filter",),
        "rsync": ("-e", "--rsh", "--rsync-path", "--daemon", "--config"),
        "ssh": ("-o", "-F", "-E", "-w", "-L", "-R", "-D", "-J", "-S", "-I", "-t"),
        "scp": ("-o", "-F", "-S", "-D", "-J"),
        "sftp": ("-o", "-F", "-S", "-D", "-b", "-J"),
        "curl": (
            *("-o", "-O", "-K", "--config", "--output", "--remote-name", "-T", "--upload-file"),
            *("--engine", "--proxy", "-x", "--preproxy", "--unix-socket", "--resolve"),
            *("--connect-to", "--dump-header", "-D", "--cookie-jar", "--trace", "--netrc-file"),
        ),
        "wget": (
            *("--use-askpass", "-O", "--output-document", "-e", "--execute", "--post-file"),
            *("--body-file", "-i", "--input-file", "-o", "--output-file", "-a", "--config", "-P"),
        ),
        "man": ("-P", "--pager", "-H", "--html", "-C", "--config-file", "-T", "--preprocessor"),
        "sed": ("-i", "--in-place", "-f", "--file", "-e", "--expression", "-s"),
        "awk": ("-f", "-i", "-l", "-E", "--file", "--include", "--load", "--exec"),
        "less": ("-o", "-O", "--log-file", "-k", "--lesskey-src", "--lesskey-file"),
        "make": ("--eval", "-f", "--file", "-C", "-I", "-E"),
        "strace": ("-o", "--output"),
        "tcpdump": ("-z", "-w"),
        "nmap": ("--script", "--script-args", "--interactive", "-iL", "-oN"),
        "gcc": ("-wrapper", "-fplugin", "-specs", "-B"),
        "cc": ("-wrapper", "-fplugin", "-specs", "-B"),
        "diff": ("--to-file", "--from-file"),
        "grep": ("--file", "-f"),
        "date": ("-f", "--file", "-s", "--set"),
        "docker": ("--privileged", "-v", "--volume", "--mount", "--device", "--pid", "--net"),
        "pip": ("-i", "--index-url", "--extra-index-url", "-e", "--editable", "-r", "--target"),
        "npm": ("--script-shell", "--registry", "--prefix", "--node-options"),
        "openssl": ("-engine", "-provider", "-provider-path"),
        "ip": ("-b", "-batch", "-n", "-netns"),
        "vim": ("-c", "--cmd", "-S", "-s", "-u", "-w", "-W"),
        "ls": ("--dired",),
    }
)

RUNNING_SUBCOMMANDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "git": _words(
            "config alias filter-branch submodule difftool mergetool instaweb daemon send-email "
            "bisect hook credential web--browse remote-ext upload-pack receive-pack shell "
            "http-backend cvsserver p4 svn update-index fast-import maintenance gui gitk "
            "request-pull"
        ),
        "ip": frozenset(("netns", "vrf")),
        "docker": frozenset(("exec", "run", "cp")),
    }
)
"""Subcommands that run what a repository, a configuration or an argument says."""

KNOWN_SUBCOMMANDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "git": _words(
            "add am annotate apply archive blame branch bundle cat-file check-attr check-ignore "
            "checkout cherry cherry-pick clean clone commit count-objects describe diff diff-files "
            "diff-index diff-tree fetch for-each-ref format-patch fsck gc grep help init log "
            "ls-files ls-remote ls-tree merge merge-base mv name-rev notes pull push range-diff "
            "rebase reflog remote reset restore rev-list rev-parse revert rm shortlog show "
            "show-branch show-ref sparse-checkout stage stash status switch symbolic-ref tag "
            "version whatchanged worktree --version --help"
        )
    }
)
"""Where any other word may be an alias that runs something else."""

WHOLE_OPTIONS = frozenset(("--text", "--exec", "--out", "--post", "--net"))
"""Options that are the beginning of a longer one without being short for it."""

SHORT_BY_SUBCOMMAND: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType(
    {
        ("git", "grep"): ("-O",),
        ("git", "clone"): ("-u", "-c"),
        ("git", "rebase"): ("-x",),
        ("git", "archive"): ("-o",),
        ("git", "format-patch"): ("-o",),
        ("git", "diff"): ("-O",),
        ("git", ""): ("-C", "-p"),
    }
)
"""Short options that run programs only after one subcommand ('' before any)."""

WRAPPERS = _words(
    "env nice nohup time timeout xargs stdbuf setsid sudo doas su watch chroot unshare nsenter "
    "exec eval command builtin source . ionice taskset flock script strace ltrace gdb busybox "
    "toybox find-exec parallel systemd-run runuser pkexec start-stop-daemon ld.so"
)
"""Programs whose arguments are a command."""

INTERPRETERS = _words(
    "sh bash dash zsh ksh fish csh tcsh ash rbash python python2 python3 perl ruby node nodejs "
    "php lua awk gawk mawk tclsh expect osascript pwsh powershell deno bun irb ghci"
)
"""Programs whose arguments may be a program's text."""

INLINE_OPTIONS = ("-c", "-e", "-E", "-r", "--eval", "--print", "-p", "-m", "-i", "-s", "-")
