"""Words and marks that attacks on models are made of, as expressions for `re` and RE2 alike.

They are for the bytes of a text in UTF-8, whatever their case. Alternatives have no gaps between
words: gaps would make the automaton of a linear engine grow with every text. None can match NUL.
"""

VERBS = (
    r"ignor|disregard|forget|forgot|overrid|overrul|overwrit|bypass|neglect|discard|supersed|"
    r"cancel|revok|nullif|circumvent|erase|delet|abandon|stop |never ?mind|n't follow|"
    r"not follow|obey|instead|reveal|repeat|print|output|show me|display|leak|expose|dump|"
    r"recite|translat|encode|respond|reply|say |state that|write|tell me|give me|forward|"
    r"transmit|exfiltrat|execut|invoke|simulat|imagin|act as|behave|become|remember|include|"
    r"remove|exclude|start |begin|switch|how to|how do|how can|explain|describe|create|make a|"
    r"generate|develop|provide|teach|list |swear|insult|confirm|convince|manifesto|prioriti|"
    r"append|prefix|answer|refuse|require|suppose|build|making|order you|disclos|recall|access"
)
OBJECTS = (
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
SURE = (
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
LONG_RUN = r"[A-Za-z0-9+/_-]{40}"
"""What is encoded has no blanks; apart from the others, whose automaton it would multiply."""
USUAL = frozenset(
    # typography that English has too: dashes, quotes, dots, marks, money, degrees
    "\u00a0\u00a3\u00a7\u00a9\u00ae\u00b0\u00b1\u00b2\u00b3\u00b7\u00bc\u00bd\u00be\u00d7\u00e8\u00e9"
    "\u2013\u2014\u2018\u2019\u201c\u201d\u2022\u2026\u20ac\u2122\u2192"
)
"""Letters beyond ASCII that may stand in any text; all others are odd."""
