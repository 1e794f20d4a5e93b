"""Files that hold a person's secrets, or that a system runs by itself."""

import re

SENSITIVE = re.compile(
    r"(?:~|\$HOME|\$\{HOME\}|/home/[^/\s'\"]+|/root|/Users/[^/\s'\"]+)/+\.(?:ssh|aws|azure|kube|gnupg|netrc"
    r"|docker|bashrc|bash_profile|zshrc|profile|git-credentials|config/(?:gcloud|autostart|systemd)"
    r"|cache/huggingface/token|huggingface/token|pypirc|npmrc|bash_history|mozilla)"
    r"|/etc/(?:passwd|shadow|sudoers|cron|crontab|ld\.so\.preload|profile|systemd|rc\.local|init\.d)"
    r"|\bauthorized_keys\b|\bid_(?:rsa|ed25519|ecdsa)\b|\.git-credentials\b|/proc/(?:self|\d+)/(?:environ|mem)"
    r"|\bwallet\.dat\b|Login Data\b|/var/run/docker\.sock|/var/spool/cron|Library/LaunchAgents"
    r"|\\Start Menu\\|CurrentVersion\\Run\b|169\.254\.169\.254|metadata\.google\.internal",
)
"""Credentials, start-up files, the addresses of cloud credentials."""
BY_ITSELF = frozenset({"sitecustomize.py", "usercustomize.py"})
"""Modules that Python imports whenever it starts."""
