"""Functions whose result is what they are given, or what they are asked of, in another dress."""

_PASSING_TEXT = """
String str Arrays.asList asList List.of of text Template literal_eval raw arrayOf
listOf vec encode decode trim strip rstrip lstrip lower upper toString to_string
to_s c_str as_str StringBuilder append SqlCommand as_bytes into clone to_owned bytes
bytearray Buffer.from from unicode u GetBytes FromBase64String b64decode HexToBytes
"""
_FORMS_TEXT = """
getBytes toCharArray toByteArray ToCharArray encode encodeToByteArray unpack bytes
as_bytes into_bytes b utf8
"""
_KEEPING_TEXT = """
trim strip lstrip rstrip lower upper toLowerCase toUpperCase ToLower ToUpper Trim toString
ToString get getOrDefault first split Split substring Substring substr slice at pop decode
replace Replace text
"""
PASSING = frozenset(_PASSING_TEXT.split())
"""Functions whose result is their argument in another dress."""
FORMS = frozenset(_FORMS_TEXT.split())
"""Methods whose result is their owner in another dress."""
KEEPING = frozenset(_KEEPING_TEXT.split())
"""Methods whose result holds their owner, or a part of it."""
LOOK_UPS = frozenset({"get", "Get", "getOrDefault", "GetValueOrDefault", "match", "switch"})
"""Functions whose result is chosen, not made, by their arguments."""
OF_OWNER = frozenset({"join", "concat", "joined", "joinToString", "appending", "plus"})
"""Methods that make a text of their owner and their arguments."""
NO_OWNERS = frozenset({"path", "posix", "win32", "os", "string", "paths"})
"""Modules and file paths, whose `join` is about its arguments alone."""
