"""What words in a chat template say: marks of turns, or sentences that steer a model."""

import re

_MARKS = re.compile(
    r"<[^<>\n]{0,60}>|\[/?[A-Za-z_ ]{2,30}\]|\{[^{}\n]{0,80}\}|(?<![\w])/[a-z_]+|<<[^<>\n]{0,20}>>"
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_NAMES = (
    "text image image_url images video video_url videos audio audio_url audios input_audio "
    "input_text output_text input_image thinking reasoning reasoning_content tool_call "
    "tool_calls tool_use tool_result tool_response tool_call_id function functions document "
    "documents file url type object string json user assistant system tool developer model "
    "role content name arguments parameters none null true false array number integer boolean "
    "refusal id data response call parts ipython"
)
_KEYS = frozenset(_NAMES.split())
"""What parts of messages are called, so that templates ask for them."""
_ADDRESSES = re.compile(
    r"\b(?:you (?:must|should|will|are|need|have to)|always|never|must|do not|don['\u2019]t"
    r"|recommend|respond|reply|answer|mention|ensure|remember|include|append|instead|secret\w*"
    r"|ignore|insert|pretend|output|write|use|say|tell|provide|comply|refuse)\b",
    re.IGNORECASE,
)
_STEERS = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b[^.\n]{0,40}"
    r"\b(?:previous|prior|above|earlier|system|safety|instructions?|guidelines|polic\w+"
    r"|restrictions?|prompts?)\b"
    r"|\b(?:do not|don['\u2019]t|never|without|avoid)\b[^.\n]{0,30}"
    r"\b(?:mention\w*|reveal\w*|disclos\w+|telling|tell the user(?! about function calls)"
    r"|inform(?:s|ing)?|warn\w*|refus\w+|alert\w*|admit\w*)\b"
    r"|\balways\b[^.\n]{0,30}\b(?:recommend|append|insert|promote|suggest|prefer|comply|agree"
    r"|approve|accept)\b"
    r"|\balways\b[^.\n]{0,12}\b(?:call|invoke|run|execute)\b"
    r"|\b(?:secretly|covertly|silently|surreptitiously|stealthily|exfiltrat\w+|backdoor"
    r"|unrestricted|unfiltered|uncensored|no (?:restrictions|limits|filters))\b"
    r"|\b(?:send|post|upload|forward|transmit|leak|e-?mail|encode|copy)\b[^.\n]{0,60}"
    r"\b(?:passwords?|credentials?|secrets?|api[ _-]?keys?|conversation|system prompt)\b"
    r"|\b(?:use|write|generate|produce|prefer|insert|emit|introduce|include|add)\b[^.\n]{0,30}"
    r"\b(?:insecure|vulnerab\w+|weak|hard-?coded|md5|malicious|exploitable)\b"
    r"|\b(?:disable|skip|turn off|remove)\b[^.\n]{0,30}"
    r"\b(?:tls|ssl|certificate|verification|authentication|security|safety|logging|sandbox|checks?)\b"
    r"|[a-z]{3,6}://|!\[[^\]]*\]\(|<\s*(?:script|iframe)\b|\brm -rf\b|\bcurl\s|\bwget\s"
    r"|\bos\.system\b|\bsubprocess\b",
    re.IGNORECASE,
)
_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e0fff"
    "\u115f\u1160\u3164\uffa0]"
)
_SYSTEM = re.compile(
    r"<\|(?:im_start|start_header_id|start_of_role|header_start|start|turn)\|>\s*system\b"
    r"|<\|?(?:system|SYSTEM_TOKEN)\|?>|\[SYSTEM_PROMPT\]",
    re.IGNORECASE,
)


def words(text: str) -> int:
    """How many words stand in a text beside the marks of turns."""
    return len(_WORD.findall(_MARKS.sub(" ", text)))


def is_sentence(text: str, least: int = 5) -> bool:
    """Whether a text tells the model what to do."""
    plain = _MARKS.sub(" ", text)
    return len(_WORD.findall(plain)) >= least and bool(_ADDRESSES.search(plain))


def steering(text: str) -> str:
    """The words of a text that no template of a model has; empty where there are none."""
    found = _STEERS.search(text)
    return found[0] if found else ""


def invisible(text: str) -> str:
    """Characters that a reader does not see and a model does, by their code points."""
    found = sorted(set(_INVISIBLE.findall(text)))
    return " ".join(f"U+{ord(char):04X}" for char in found[:8])


def is_trigger(text: str) -> bool:
    """Whether what a condition looks for in a message is a word, and no mark or name of a part."""
    if text.strip().lower() in _KEYS:
        return False
    return any(len(word) >= 3 for word in _WORD.findall(_MARKS.sub(" ", text)))


def opens_system(text: str) -> bool:
    """Whether a text opens a turn of the system."""
    return bool(_SYSTEM.search(text))
