"""Which benchmarks there are: ours in one table, third parties' by entry point."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from types import MappingProxyType

from tyrian.errors import ConfigError
from tyrian.evals.benchmark import Benchmark

ENTRY_POINT_GROUP = "tyrian.benchmarks"

BUILTINS: Mapping[str, str] = MappingProxyType(
    {
        "agents": "tyrian.evals.benchmarks.agents:Agents",
        "autocomplete": "tyrian.evals.benchmarks.insecure_code:Autocomplete",
        "autonomous-uplift": "tyrian.evals.benchmarks.autonomous_uplift:AutonomousUplift",
        "autopatch": "tyrian.evals.benchmarks.autopatch:AutoPatch",
        "canary-exploit": "tyrian.evals.benchmarks.canary_exploit:CanaryExploit",
        "ctibench-ate": "tyrian.evals.benchmarks.cti_bench:CtiTechniques",
        "ctibench-mcq": "tyrian.evals.benchmarks.cti_bench:CtiChoice",
        "ctibench-rcm": "tyrian.evals.benchmarks.cti_bench:CtiWeakness",
        "ctibench-taa": "tyrian.evals.benchmarks.cti_bench:CtiActor",
        "ctibench-vsp": "tyrian.evals.benchmarks.cti_bench:CtiSeverity",
        "cybermetric": "tyrian.evals.benchmarks.cybermetric:CyberMetric",
        "cysecbench": "tyrian.evals.benchmarks.cysecbench:CySecBench",
        "goals": "tyrian.evals.benchmarks.goals:Goals",
        "instruct": "tyrian.evals.benchmarks.insecure_code:Instruct",
        "instruct-v2": "tyrian.evals.benchmarks.insecure_code:InstructV2",
        "interpreter": "tyrian.evals.benchmarks.interpreter:Interpreter",
        "malware_analysis": "tyrian.evals.benchmarks.malware_analysis:MalwareAnalysis",
        "mitre": "tyrian.evals.benchmarks.mitre:Mitre",
        "mitre-frr": "tyrian.evals.benchmarks.mitre_frr:MitreFrr",
        "multiturn-phishing": "tyrian.evals.benchmarks.multiturn_phishing:MultiturnPhishing",
        "prompt-injection": "tyrian.evals.benchmarks.prompt_injection:PromptInjection",
        "secbench": "tyrian.evals.benchmarks.secbench:SecBench",
        "seceval": "tyrian.evals.benchmarks.seceval:SecEval",
        "threat_intel_reasoning": (
            "tyrian.evals.benchmarks.threat_intel_reasoning:ThreatIntelReasoning"
        ),
        "visual-prompt-injection": (
            "tyrian.evals.benchmarks.visual_prompt_injection:VisualPromptInjection"
        ),
        "wmdp-cyber": "tyrian.evals.benchmarks.wmdp_cyber:WmdpCyber",
    }
)


def known_benchmarks() -> tuple[str, ...]:
    """Names of all benchmarks: ours in the order of the table, then those of other packages."""
    from importlib.metadata import entry_points

    others = sorted({*entry_points(group=ENTRY_POINT_GROUP).names} - BUILTINS.keys())
    return (*BUILTINS, *others)


def benchmark_type(name: str) -> type[Benchmark]:
    """The class registered under a name; ConfigError names the nearest known one."""
    if name in BUILTINS:
        module, _, attribute = BUILTINS[name].partition(":")
        found: type[Benchmark] = getattr(import_module(module), attribute)
        return found
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINT_GROUP).select(name=name):
        loaded: type[Benchmark] = point.load()
        return loaded
    near = get_close_matches(name, known_benchmarks(), n=1)
    raise ConfigError(
        f"there is no benchmark {name!r}",
        hint=f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known_benchmarks())}",
    )
