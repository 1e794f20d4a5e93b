"""The first look at every text: linear passes of a regex engine in Rust, a million texts a second.

It only chooses which texts a guard reads: whatever attacks with words, marks of chat formats,
hidden or encoded letters has to have one of these in it. What it passes over is not judged
further, so it is made to catch too much rather than too little. The patterns are alternatives
without gaps: gaps would make the engine's automaton grow with every text.
"""

from collections.abc import Sequence

from tyrian.supply.data.extras import need_polars

_VERBS = (
    r"ignor|disregard|forget|forgot|overrid|overrul|overwrit|bypass|neglect|discard|supersed|"
    r"cancel|revok|nullif|circumvent|erase|delet|abandon|stop |never ?mind|n't follow|"
    r"not follow|obey|instead|reveal|repeat|print|output|show me|display|leak|expose|dump|"
    r"recite|translat|encode|respond|reply|say |state that|write|tell me|give me|forward|"
    r"transmit|exfiltrat|execut|invoke|simulat|imagin|act as|behave|become|remember|include|"
    r"remove|exclude|start |begin|switch|how to|how do|how can|explain|describe|create|make a|"
    r"generate|develop|provide|teach|list |swear|insult|confirm|convince|manifesto|prioriti|"
    r"append|prefix|answer|refuse|require|suppose|build|making|order you|disclos|recall|access"
)
_OBJECTS = (
    r"previous|prior |preceding|above|earlier|foregoing|instruct|directive|rules|prompt|"
    r"guideline|restrict|orders|command|told |programming|constraint|everything|safety|filter|"
    r"your task|password|secret|passphrase|credential|token|api key|access code|confidential|"
    r"verbatim|word for word|configuration|conversation|system|assistant|chatbot|language model|"
    r"\bai\b|\bgpt|\bbot\b|\bllm\b|persona|thoughts|after me|never |always |must |pwned|hack|"
    r"bomb|weapon|explosi|malware|ransom|virus|phish|exploit|steal|drugs|\bmeth\b|poison|kill|"
    r"murder|suicid|illegal|launder|counterfeit|fraud|scam|keylog|ddos|racis|hate|nazi|terror|"
    r"sexual|porn|threat|fake|spam|propaganda|insult|trump|is the best|stupid|idiot|punctuation|"
    r"fullstop|context|mentioned|classified|immediate|the code|@|https?:"
)
_SURE = (
    r"you are now|you're now|now you are|from now on|henceforth|pretend|role-?play|impersonat|"
    r"in character|alter ego|\bdan\b|do anything now|jailb|developer mode|debug mode|god mode|"
    r"\bsudo\b|maintenance mode|admin mode|unrestrict|unfilter|uncensor|no restriction|"
    r"no filter|no limit|no moral|no ethic|without restriction|without filter|amoral|"
    r"opposite mode|hypothetical|you must|you will now|you shall|never refuse|cannot refuse|"
    r"can't refuse|not refuse|acting as|new instruction|new task|new rule|new order|"
    r"system prompt|system message|system instruction|system override|system note|"
    r"your instruction|your prompt|your rule|your guideline|initial prompt|hidden prompt|"
    r"secret key|previous instruction|prior instruction|above instruction|instructions above|"
    r"previous prompt|previous command|ignore all|ignore any|ignore previous|ignore your|"
    r"disregard|pwned|attention:|important:|urgent:|instruction:|override:|your task is|"
    r"abandon all|repeat after|i want you to|if you are an ai|dear ai|ai model|ai assistant|"
    r"the user |you were |you received|silently|let's play|very good\. |well done\.|"
    r"that is done|"
    # what models of chat use to tell who speaks
    r"<\||\[/?inst\]|<</?sys>>|</?system>|</?user>|</?assistant>|</?instruction|### ?system|"
    r"### ?instruction|### ?human|### ?user|### ?response|\nsystem:|\nhuman:|\nuser:|"
    r"\nassistant:|!\[[a-z ]*\]\(http|"
    # encoded and spelt letters
    r"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|%[0-9a-f]{2}%[0-9a-f]{2}|&#x?[0-9a-f]+;&#|base ?64|rot-?13|"
    r"cipher|decode|decrypt|morse|[a-z][013457$][a-z]|vtaber|cerivbhf|[01]{7} ?[01]{7}|"
    r"[.-]{1,5} [.-]{1,5} [.-]{1,5} |"
    r"\b[a-z0-9][ ._*|-][a-z0-9][ ._*|-][a-z0-9][ ._*|-][a-z0-9][ ._*|-]|"
    # other languages in plain letters
    r"ignorier|vergiss|vergess|missacht|anweisung|vorherig|bisherig|dass sie als|oublie|ignorez|"
    r"consigne|olvida|ignora |instruccion|istruzion|dimentica|esqueca|desconsider|negeer|"
    r"vergeet|zignoruj|zapomnij|polece|talimat|yoksay|bhool jao|mat kar|ke liye|kar do|mujhe|"
    r"purane|saare |abaikan|lupakan|karna |karne |karo |batao|bata do|samjhao|chahiye|bhai |"
    r"olvide"
)
_LONG_RUN = r"[A-Za-z0-9+/_-]{40}"
"""What is encoded has no blanks; apart from the others, whose automaton it would multiply."""
_ODD = (
    # typography that English has too: dashes, quotes, dots, marks, money, degrees
    r"[^\x00-\x7f\u{a0}\u{a3}\u{a7}\u{a9}\u{ae}\u{b0}-\u{b3}\u{b7}\u{bc}-\u{be}\u{d7}\u{e8}\u{e9}"
    r"\u{2013}\u{2014}\u{2018}\u{2019}\u{201c}\u{201d}\u{2022}\u{2026}\u{20ac}\u{2122}\u{2192}]"
)
_FIRST = f"(?i-u:{_SURE}|{_OBJECTS})"
_SECOND = f"(?i-u:{_SURE}|{_VERBS})"
"""What both find is sure, or has an object and a verb: two passes, the second over few texts."""


def suspects(texts: Sequence[str]) -> list[int]:
    """Places of the texts that a guard should read, in order.

    Texts that are no valid Unicode cannot be looked at by the engine, and are suspects for it.
    """
    need_polars()
    import polars as pl

    try:
        series = pl.Series(texts, dtype=pl.String)
    except UnicodeEncodeError:
        odd = {at for at, text in enumerate(texts) if not _is_valid(text)}
        kept = ["" if at in odd else text for at, text in enumerate(texts)]
        return sorted({*odd, *suspects(kept)})
    first = series.str.contains(_FIRST).arg_true()
    places = first.filter(series.gather(first).str.contains(_SECOND))
    runs = series.str.contains(_LONG_RUN).arg_true()
    wide = (series.str.len_bytes() != series.str.len_chars()).arg_true()
    strange = wide.filter(series.gather(wide).str.contains(_ODD))
    return sorted({*places.to_list(), *runs.to_list(), *strange.to_list()})


def _is_valid(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
