"""Source control, package registries and build systems."""

from tyrian.core.detection import Severity
from tyrian.detectors.secrets.checks import ends_with_crc, entropy, is_placeholder
from tyrian.detectors.secrets.rule import SecretRule, near, token

_CRITICAL = Severity.CRITICAL
_CLASSIC_LENGTH = 40


def _is_github_token(value: str) -> bool:
    """The classic length has a checksum; longer tokens have none that is documented."""
    if len(value) == _CLASSIC_LENGTH:
        return ends_with_crc(value)
    return not is_placeholder(value) and entropy(value) >= 4.0


RULES: tuple[SecretRule, ...] = (
    token(
        "github",
        "GitHub token",
        r"gh[pousr]_[A-Za-z0-9]{36,251}",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        check=_is_github_token,
        score=1.0,
        severity=_CRITICAL,
        proven=True,
    ),
    token(
        "github-fine-grained",
        "GitHub fine-grained token",
        r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
        severity=_CRITICAL,
    ),
    token("gitlab", "GitLab personal access token", r"glpat-[A-Za-z0-9_-]{20}(?![\w.-])"),
    token(
        "gitlab-routable",
        "GitLab personal access token",
        r"glpat-[A-Za-z0-9_-]{27,300}\.[0-9a-z]{2}\.[0-9a-z]{2}[0-9a-z]{7}",
        tail=r"\.[0-9a-z]{2}\.[0-9a-z]{9}",
        reach=310,
    ),
    token("gitlab-deploy", "GitLab deploy token", r"gldt-[A-Za-z0-9_-]{20,32}"),
    token("gitlab-trigger", "GitLab pipeline trigger token", r"glptt-[0-9a-f]{40}"),
    token(
        "gitlab-runner", "GitLab runner token", r"glrt(?:r)?-(?:t\d_)?[A-Za-z0-9_-]{20,60}", "glrt"
    ),
    token(
        "gitlab-runner-registration",
        "GitLab runner registration token",
        r"GR1348941[A-Za-z0-9_-]{20}",
    ),
    token("gitlab-job", "GitLab job token", r"glcbt-(?:[0-9a-zA-Z]{1,5}_)?[A-Za-z0-9_-]{20,60}"),
    token("gitlab-feed", "GitLab feed token", r"glft-[A-Za-z0-9_-]{20,40}"),
    token("gitlab-mail", "GitLab incoming mail token", r"glimt-[A-Za-z0-9_-]{20,40}"),
    token("gitlab-agent", "GitLab agent token", r"glagent-[A-Za-z0-9_-]{50,64}"),
    token("gitlab-oauth", "GitLab OAuth secret", r"gloas-[0-9a-f]{64}"),
    token("gitlab-scim", "GitLab SCIM token", r"glsoat-[A-Za-z0-9_-]{20,40}"),
    token("bitbucket", "Bitbucket app password", r"ATBB[A-Za-z0-9]{24}[0-9A-F]{8}"),
    token(
        "atlassian",
        "Atlassian API token",
        r"AT[AC]TT3xFf[A-Za-z0-9_=-]{60,400}=[0-9A-F]{8}",
        "atattt3xff",
        "atattxff",
        "atatt3xff",
        "atctt3xff",
    ),
    token(
        "npm",
        "npm access token",
        r"npm_[A-Za-z0-9]{36}",
        check=ends_with_crc,
        score=1.0,
        severity=_CRITICAL,
        proven=True,
    ),
    token(
        "pypi",
        "PyPI upload token",
        r"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,1000}",
        score=1.0,
        severity=_CRITICAL,
        proven=True,
    ),
    token("rubygems", "RubyGems API key", r"rubygems_[0-9a-f]{48}"),
    token("crates", "crates.io token", r"cio[A-Za-z0-9]{32}", score=0.8),
    token("docker-hub", "Docker Hub token", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,32}"),
    token("nuget", "NuGet API key", r"oy2[a-z0-9]{43}"),
    token("clojars", "Clojars token", r"CLOJARS_[A-Za-z0-9]{60}"),
    token("hex-pm", "Hex key", r"hex_[0-9a-f]{32}", score=0.7),
    token("artifactory", "Artifactory API key", r"AKCp[A-Za-z0-9]{69}"),
    token("artifactory-reference", "Artifactory reference token", r"cmVmdGtu[A-Za-z0-9]{56}"),
    token("sourcegraph", "Sourcegraph token", r"sgp_(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}"),
    near(
        "travis",
        "Travis CI token",
        r"(?i:travis)[\w .-]{0,16}(?i:token)['\"]?[ \t]{0,4}[=:][ \t]{0,4}['\"]?"
        r"(?P<secret>[A-Za-z0-9_-]{22})",
        "travis",
        tail="[=:]",
    ),
    near(
        "codecov",
        "Codecov upload token",
        r"(?i:codecov)[\w .-]{0,16}(?i:token)['\"]?[ \t]{0,4}[=:][ \t]{0,4}['\"]?"
        r"(?P<secret>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",
        "codecov",
        tail="[=:]",
    ),
)
