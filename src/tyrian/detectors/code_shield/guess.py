"""Which language a piece of code without a tag is in."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import re2

_READ = 8000
"""Characters that are looked at."""
_LEAST = 2.0
"""The score under which a text is not taken for code of a language."""

_SHEBANG = re.compile(
    r"\A\s*#!\s*/\S*?(?:env\s+)?(?:-S\s+)?\b(python|node|bash|sh|zsh|ksh|ruby|php|deno|perl|swift)"
)
_SHEBANGS = {
    "python": "python", "node": "javascript", "deno": "typescript", "bash": "shell", "sh": "shell",
    "zsh": "shell", "ksh": "shell", "ruby": "ruby", "php": "php", "swift": "swift",
}  # fmt: skip

_FEATURES: Mapping[str, Mapping[str, float]] = {
    "python": {
        r"^[ \t]*(?:async )?def \w+\(.*\).*:[ \t]*(?:#.*)?$": 4,
        r"^[ \t]*from [\w.]+ import ": 5,
        r"^import \w+(?:\.\w+)*(?: as \w+)?[ \t]*$": 3,
        r"^[ \t]*(?:if|elif|for|while|with|try|except|else|class)\b.*:[ \t]*$": 2.5,
        r"\bself\.\w+": 2,
        r"\bprint\(": 1,
        r"\b(?:None|True|False)\b": 1,
        r"\belif\b|\b__\w+__\b|\blambda \w+:": 2,
        r"\b(?:os|sys|subprocess|pickle|hashlib|requests|json|re)\.\w+\(": 2,
        r"\bf\"[^\"\n]*\{": 1.5,
        r"^[ \t]*@\w[\w.]*(?:\(.*\))?[ \t]*$": 1,
    },
    "javascript": {
        r"\b(?:const|let) [\w{\[$]": 3,
        r"\bvar \w+[ \t]*=": 2,
        r"=>": 1.5,
        r"\bfunction\b[ \t]*\w*\(": 2,
        r"\brequire\([\"']": 4,
        r"\b(?:document|window|console|process|module|exports)\.\w+": 3,
        r"^[ \t]*import .* from [\"']": 3,
        r"===|!==": 2,
        r"`[^`\n]*\$\{": 2,
        r"\b(?:async|await|typeof|undefined)\b": 1,
        r"\.(?:then|forEach|innerHTML|addEventListener)\b": 2,
    },
    "typescript": {
        r"^[ \t]*(?:export )?(?:interface|type|enum) \w+": 3,
        r"\b\w+\??: (?:string|number|boolean|any|unknown|void|never)\b": 4,
        r"\)[ \t]*: (?:Promise<|string|void|any|number|boolean)": 4,
        r"\bas (?:any|unknown|string|const)\b": 3,
        r"\b(?:private|public|readonly) \w+: ": 3,
        r"\b(?:const|let) [\w{\[$]": 1.5,
        r"^[ \t]*import .* from [\"']": 1.5,
        r"^[ \t]*@(?:Component|Injectable|Controller|Get|Post)\(": 3,
    },
    "java": {
        r"^[ \t]*import (?:static )?java[x]?\.": 6,
        r"^[ \t]*package [\w.]+;": 4,
        r"\b(?:public|private"
        r"|protected)[ \t]+(?:static[ \t]+)?(?:final[ \t]+)?[\w<>\[\]]+[ \t]+\w+[ \t]*[(=;]": 3,
        r"\bSystem\.(?:out|err|getProperty|getenv)": 4,
        r"\bString(?:\[\])? \w+": 2,
        r"\bnew [A-Z]\w*(?:<[\w<>, ]*>)?\(": 1.5,
        r"\bthrows \w+": 3,
        r"@Override": 3,
        r"\b(?:Statement|PreparedStatement|HttpServletRequest|Runtime|Cipher|MessageDigest)\b": 3,
    },
    "c": {
        r"^[ \t]*#[ \t]*include[ \t]*[<\"][\w/]+\.h[>\"]": 5,
        r"\b(?:char|int|void|size_t|unsigned|struct \w+)[ \t]+\*?\w+[ \t]*[\[(;=,]": 2,
        r"\b(?:malloc|free|strcpy|strcat|sprintf|memcpy|printf|scanf|gets|strlen|fopen"
        r"|snprintf)[ \t]*\(": 3,
        r"\bNULL\b": 1.5,
        r"\w->\w": 1,
        r"^[ \t]*#[ \t]*(?:define|ifdef|ifndef|endif)\b": 2.5,
        r"\bsizeof\b": 1.5,
        r"\btypedef\b": 2,
    },
    "cpp": {
        r"\bstd::\w+": 5,
        r"^[ \t]*#[ \t]*include[ \t]*<(?:iostream|string|vector|map|memory|cstdlib|fstream"
        r"|cstring|algorithm)>": 6,
        r"\b(?:cout|cin|cerr)[ \t]*(?:<<|>>)": 4,
        r"\w::\w+\(": 2,
        r"\b(?:template[ \t]*<|namespace \w+|using namespace|nullptr|constexpr|virtual"
        r"|override)": 3,
        r"\b(?:static_cast|reinterpret_cast|dynamic_cast|unique_ptr|shared_ptr)\b": 4,
        r"\b(?:char|int|void|size_t|unsigned)[ \t]+\*?\w+[ \t]*[\[(;=,]": 1,
        r"^[ \t]*#[ \t]*include": 2,
        r"\bclass \w+[^;\n]*\{?$": 1,
    },
    "csharp": {
        r"^[ \t]*using (?:System|Microsoft|Newtonsoft)[\w.]*;": 6,
        r"\bnamespace [\w.]+[ \t;{]*$": 2.5,
        r"\bConsole\.(?:Write|Read)": 5,
        r"\b(?:string|var|bool) \w+ = ": 2,
        r"\b(?:public|private|internal|protected)[ \t]+(?:static |async |override |readonly "
        r"|virtual )*[\w<>\[\]?]+[ \t]+\w+[ \t]*[({=;]": 2.5,
        r"\$\"[^\"\n]*\{|@\"": 2.5,
        r"\b(?:SqlCommand|SqlConnection|IActionResult|Process\.Start|HttpContext|Task<)": 5,
        r"\{ get; ": 4,
        r"\[(?:HttpGet|HttpPost|Route|Serializable|Authorize|FromBody)": 4,
    },
    "php": {
        r"<\?php": 10,
        r"<\?=": 6,
        r"\$_(?:GET|POST|REQUEST|COOKIE|SERVER|FILES|SESSION)\b": 8,
        r"^[ \t]*\$\w+[ \t]*=": 4,
        r"\$\w+->\w+": 4,
        r"\becho\b": 1,
        r"\bfunction \w*\([^)\n]*\$": 4,
        r"\b(?:mysqli?_\w+|htmlspecialchars|isset|array_\w+|str_replace|preg_\w+)\(": 4,
    },
    "go": {
        r"^package \w+[ \t]*$": 5,
        r"^func (?:\(\w+ \*?\w+\) )?\w+\(": 5,
        r":=": 2.5,
        r"\bif err != nil\b": 6,
        r"\b(?:fmt|http|exec|os|log|strings|json)\.[A-Z]\w+": 4,
        r"^[ \t]*import \(?$": 3,
        r"\bfunc\(": 3,
        r"\b(?:chan|defer|go func|interface\{\}|nil)\b": 2,
    },
    "rust": {
        r"\bfn \w+(?:<[^>\n]*>)?\(": 4,
        r"\blet mut \w+": 5,
        r"\b\w+!\(": 2.5,
        r"\b(?:use|mod|pub|impl|crate)\b[ \t]+[\w:]+": 2,
        r"&(?:mut|str|self)\b": 3.5,
        r"\bunsafe[ \t]*\{": 3,
        r"->[ \t]*(?:Result|Option|Self|i32|u\d+|String|bool)\b": 4,
        r"\.unwrap\(\)|\.expect\(\"": 4,
        r"\bmatch \w+.*\{": 2.5,
        r"#\[\w+": 3,
    },
    "ruby": {
        r"^[ \t]*def (?:self\.)?\w+[?!]?(?:\(.*\))?[ \t]*$": 4,
        r"^[ \t]*end[ \t]*$": 3.5,
        r"\bdo \|\w+": 5,
        r"^[ \t]*require(?:_relative)? ['\"]": 5,
        r"#\{\w": 2,
        r"\b(?:puts|attr_accessor|before_action|params\[:)": 4,
        r"\bclass \w+ < [A-Z]": 4,
        r":\w+ =>": 3,
        r"@\w+ = ": 1.5,
        r"\b(?:unless|elsif|nil\?|\.each|render|redirect_to)\b": 2,
    },
    "kotlin": {
        r"\bfun (?:\w+\.)?\w+\(": 5,
        r"\bval \w+(?:[ \t]*:[ \t]*\w+)?[ \t]*=": 4,
        r"\bvar \w+: [A-Z]\w*\??": 3,
        r"\bprintln\(": 1.5,
        r"\b(?:data class|companion object|override fun|suspend fun|lateinit)\b": 6,
        r"\?\.let|\?:|!!\.": 3,
        r"^[ \t]*import (?:kotlin|android|java)[\w.]*[ \t]*$": 4,
        r"\bwhen[ \t]*\(": 2,
    },
    "swift": {
        r"^[ \t]*import (?:Foundation|UIKit|SwiftUI|CryptoKit|CommonCrypto|WebKit|Security"
        r"|Vapor)\b": 8,
        r"\bfunc \w+\([^)\n]*\)(?:[ \t]*(?:throws|async))*[ \t]*->": 5,
        r"\bguard (?:let|case|var)?\b": 4,
        r"\blet \w+(?:: \w+)?[ \t]*=": 2,
        r"\bif let \w+": 3,
        r"\\\(\w": 4,
        r"\b(?:URLSession|NSString|UserDefaults|DispatchQueue|FileManager|try\?|try!|WKWebView)": 5,
        r"\b(?:private|public|fileprivate|internal) (?:let|var|func)\b": 4,
    },
    "shell": {
        r"^[ \t]*(?:sudo|apt-get|apt|curl|wget|rm|chmod|chown|echo|cd|mkdir|docker|kubectl"
        r"|git|pip|npm|ssh|scp|tar|cat|grep|sed|awk|export|source|systemctl|nc|dd|mkfs|kill"
        r"|crontab|useradd|iptables|mount|find|xargs|tee|bash|sh|cp|mv|ln|nohup|base64)\b": 2.5,
        r"^[ \t]*if \[\[? ": 5,
        r"\bfi[ \t]*$": 4,
        r"^[ \t]*(?:done|esac)\b": 4,
        r"\$\([\w/]": 2.5,
        r"\$\{?\w+\}?": 1,
        r"\|[ \t]*(?:bash|sh|grep|awk|sed|xargs|tee|sudo|wc|sort|head)\b": 4,
        r"^[A-Z_]+=\S*[ \t]*$": 2.5,
        r"&&[ \t]*\w+|2>&1|>[ \t]*/dev/null": 2,
        r"[ \t]--?[a-zA-Z][\w-]*(?:[ \t]|$)": 1,
        r"^\$ \w": 4,
        r":\(\)[ \t]*\{": 6,
    },
    "sql": {
        r"(?i)^[ \t]*(?:select\b.+\bfrom|insert into|update \w+ set|delete from"
        r"|create (?:table|user|database|procedure|function|or replace)|drop (?:table"
        r"|database)|alter (?:table|user|login)|grant )\b": 6,
        r"(?i)\b(?:where|inner join|left join|group by|order by)\b": 1.5,
        r"(?i)\b(?:varchar|nvarchar|declare @\w+|begin tran|execute immediate|sp_executesql"
        r"|exec )": 3,
        r"^[ \t]*--[ \t]": 1.5,
        r"(?i)\bidentified by\b|\bwith password\b": 4,
    },
    "dockerfile": {
        r"^FROM [\w./:@${}-]+(?:[ \t]+(?:AS|as) \w+)?[ \t]*$": 7,
        r"^(?:RUN|COPY|ADD|WORKDIR|EXPOSE|ENTRYPOINT|CMD|USER|ENV|ARG|VOLUME|HEALTHCHECK"
        r"|LABEL)[ \t]+\S": 4,
    },
    "terraform": {
        r"^[ \t]*(?:resource|data) \"\w+\" \"[\w-]+\"[ \t]*\{": 9,
        r"^[ \t]*(?:variable|provider|module|output) \"[\w-]+\"[ \t]*\{": 6,
        r"^[ \t]*(?:terraform|locals)[ \t]*\{": 4,
    },
    "kubernetes": {
        r"^[ \t]*apiVersion:[ \t]*\S": 6,
        r"^[ \t]*kind:[ \t]*(?:Pod|Deployment|Service|DaemonSet|StatefulSet|Job|CronJob|Role"
        r"|ClusterRole\w*|Secret|ConfigMap|Ingress|ServiceAccount|NetworkPolicy"
        r"|PersistentVolume|Namespace|RoleBinding|PodSecurityPolicy|ReplicaSet|List)\b": 6,
        r"^[ \t]*(?:containers|securityContext|metadata|spec):[ \t]*$": 2.5,
        r"^[ \t]*(?:privileged|hostNetwork|hostPID|hostPath|runAsUser"
        r"|allowPrivilegeEscalation):": 5,
    },
}


class Guess(NamedTuple):
    """A language that a text may be in."""

    language: str
    score: float


class _Compiled(NamedTuple):
    patterns: "re2._Set"
    owners: tuple[tuple[str, float], ...]


@lru_cache(maxsize=1)
def _compiled() -> _Compiled:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 32 << 20
    patterns = re2.Set.SearchSet(options)
    owners = []
    for language, features in _FEATURES.items():
        for pattern, weight in features.items():
            patterns.Add(f"(?m){pattern}".encode())
            owners.append((language, weight))
    patterns.Compile()
    return _Compiled(patterns, tuple(owners))


def guesses(code: str, most: int = 2) -> list[Guess]:
    """The likeliest languages, best first; none where the text does not look like code."""
    shebang = _SHEBANG.match(code)
    if shebang and shebang[1] in _SHEBANGS:
        return [Guess(_SHEBANGS[shebang[1]], 20.0)]
    table = _compiled()
    scores: dict[str, float] = {}
    for index in table.patterns.Match(code[:_READ].encode("utf-8", "surrogatepass")) or ():
        language, weight = table.owners[index]
        scores[language] = scores.get(language, 0.0) + weight
    found = [Guess(language, score) for language, score in scores.items() if score >= _LEAST]
    found.sort(key=lambda guess: -guess.score)
    if len(found) > 1 and found[0].score >= 3 * found[1].score:
        return found[:1]
    return found[:most]
