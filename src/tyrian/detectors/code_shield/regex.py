"""Regular expressions of rules, which are matched in linear time or not at all."""

from functools import lru_cache

import re2

from tyrian.errors import ConfigError

_MAX_MEM = 8 << 20


@lru_cache(maxsize=8192)
def compiled(pattern: str) -> "re2._Regexp":
    """The expression, compiled for bytes in linear time; ConfigError where that cannot be."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEM
    try:
        return re2.compile(f"(?m){pattern}".encode(), options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0] if error.args else "not valid"
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ConfigError(
            f"the regular expression cannot be used: {text}",
            hint="look-around and back-references could take super-linear time; use RE2 syntax",
        ) from None
