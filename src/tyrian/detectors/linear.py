"""Regular expressions that are matched in linear time, or not at all."""

import re2

from tyrian.errors import ConfigError


def compiled_linear(
    pattern: str, *, case_sensitive: bool = True, max_mem: int | None = None
) -> "re2._Regexp":
    """The expression, compiled for bytes of UTF-8; ConfigError where RE2 cannot take it.

    `max_mem` is what its automata may take, in bytes; RE2's own limit where it is left out.
    """
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = case_sensitive
    if max_mem is not None:
        options.max_mem = max_mem
    try:
        return re2.compile(pattern.encode(), options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0] if error.args else "not valid"
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ConfigError(
            f"the regular expression cannot be used: {text}",
            hint="look-around and back-references could take super-linear time; use RE2 syntax",
        ) from None
