"""Clouds, hosting, infrastructure and observability."""

from tyrian.core.detection import Severity
from tyrian.detectors.secrets.checks import at_least, is_aws_key_id
from tyrian.detectors.secrets.rule import SecretRule, near, token

_CRITICAL = Severity.CRITICAL
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

RULES: tuple[SecretRule, ...] = (
    # AWS
    token(
        "aws-access-key-id",
        "AWS access key id",
        r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",
        "akia",
        "asia",
        "abia",
        "acca",
        check=is_aws_key_id,
    ),
    near(
        "aws-secret-access-key",
        "AWS secret access key",
        r"(?i:secret[_ -]?access[_ -]?key|aws[_ -]?secret(?:[_ -]?key)?|aws[_ -]?sk)['\"]?"
        r"[ \t]{0,4}(?:=>|=|:)[ \t]{0,4}['\"]?(?P<secret>[A-Za-z0-9/+]{40})(?![/+=])",
        "secret_access_key",
        "secretaccesskey",
        "secret access key",
        "secret-access-key",
        "aws_secret",
        "aws secret",
        "aws-secret",
        "awssecret",
        "aws_sk",
        check=at_least(4.2),
        severity=_CRITICAL,
        score=0.95,
    ),
    token("aws-mws", "Amazon MWS auth token", rf"amzn\.mws\.{_UUID}", "amzn.mws."),
    token("aws-bedrock", "Amazon Bedrock API key", r"ABSK[A-Za-z0-9+/]{109,269}={0,2}"),
    token(
        "aws-bedrock-short",
        "Amazon Bedrock short-term key",
        r"bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t[A-Za-z0-9+/=_-]{0,2000}",
    ),
    # Google
    token("google-api-key", "Google API key", r"AIza[A-Za-z0-9_-]{35}(?![_-])"),
    token("google-oauth-secret", "Google OAuth client secret", r"GOCSPX-[A-Za-z0-9_-]{28}"),
    token("google-oauth-token", "Google OAuth access token", r"ya29\.[A-Za-z0-9_-]{30,1200}"),
    token("google-refresh-token", "Google refresh token", r"1//0[A-Za-z0-9_-]{60,150}"),
    near(
        "google-service-account",
        "Google service account key id",
        r"\"private_key_id\"[ \t]{0,4}:[ \t]{0,4}\"(?P<secret>[0-9a-f]{40})",
        "private_key_id",
        offsets=(1,),
        severity=_CRITICAL,
        score=0.9,
    ),
    # Azure
    near(
        "azure-storage-key",
        "Azure storage account key",
        r"(?i:AccountKey|SharedAccessKey|AZURE_STORAGE_KEY)[ \t]{0,3}[=:][ \t]{0,3}['\"]?"
        r"(?P<secret>[A-Za-z0-9+/]{43}(?:=|[A-Za-z0-9+/]{43}==))",
        "accountkey",
        "sharedaccesskey",
        "azure_storage_key",
        severity=_CRITICAL,
        score=0.95,
    ),
    near(
        "azure-client-secret",
        "Azure AD client secret",
        r"[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}",
        *(f"{digit}q~" for digit in range(10)),
        offsets=(3,),
        check=at_least(3.5),
        score=0.9,
    ),
    near(
        "azure-devops-pat",
        "Azure DevOps personal access token",
        r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}",
        "azdo",
        offsets=(76,),
        score=0.95,
    ),
    near(
        "azure-annotated-key",
        "Azure annotated key",
        r"[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{18}[A-Za-z0-9]{4}[A-Za-z0-9]{4}",
        "jqqj99",
        offsets=(52,),
        score=0.95,
    ),
    near(
        "azure-sas",
        "Azure shared access signature",
        r"[?&]sv=20\d\d-\d\d-\d\d[^\s\"'<>]{10,300}?&sig=(?P<secret>[A-Za-z0-9%/+]{43,60}(?:=|%3[dD]))",
        "sv=20",
        offsets=(1,),
        score=0.85,
        tail=r"&sig=[A-Za-z0-9%/+]{43}",
        reach=320,
    ),
    # other clouds and hosts
    token("alibaba-key-id", "Alibaba Cloud access key id", r"LTAI[A-Za-z0-9]{17,26}"),
    token("tencent-key-id", "Tencent Cloud secret id", r"AKID[A-Za-z0-9]{32}"),
    token("yandex-api-key", "Yandex Cloud API key", r"AQVN[A-Za-z0-9_-]{35,38}"),
    token("digitalocean", "DigitalOcean token", r"do[opr]_v1_[0-9a-f]{64}", "dop_", "doo_", "dor_"),
    token("heroku", "Heroku API key", r"HRKU-(?:AA[A-Za-z0-9_-]{58}|[0-9a-f-]{36})"),
    token(
        "fly",
        "Fly.io token",
        r"(?:fo1_[\w-]{43}|fm[12][ar]?_[A-Za-z0-9+/=_-]{100,500})",
        "fo1_",
        "fm1",
        "fm2",
    ),
    token("cloudflare-origin-ca", "Cloudflare origin CA key", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}"),
    near(
        "cloudflare-api-token",
        "Cloudflare API token",
        r"(?i:cloudflare|cf_)[\w .-]{0,20}(?i:token|key)['\"]?[ \t]{0,4}[=:][ \t]{0,4}['\"]?"
        r"(?P<secret>[A-Za-z0-9_-]{40}|[0-9a-f]{37})",
        "cloudflare",
        "cf_",
        check=at_least(3.3),
    ),
    token("databricks", "Databricks token", r"dapi[0-9a-f]{32}(?:-\d)?"),
    token(
        "netlify",
        "Netlify token",
        r"nf[pcoub]_[A-Za-z0-9_]{36}",
        "nfp_",
        "nfc_",
        "nfo_",
        "nfu_",
        "nfb_",
    ),
    token("render", "Render API key", r"rnd_[A-Za-z0-9]{28,40}"),
    token(
        "vercel",
        "Vercel token",
        r"vc[piarck]_[A-Za-z0-9]{24,60}",
        "vcp_",
        "vci_",
        "vca_",
        "vcr_",
        "vck_",
        "vcc_",
    ),
    token("supabase", "Supabase token", r"sbp_(?:oauth_|v0_)?[0-9a-f]{40}"),
    token("supabase-secret", "Supabase secret key", r"sb_secret_[A-Za-z0-9_-]{22,40}"),
    token("planetscale", "PlanetScale token", r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9=._-]{32,64}"),
    token("neon", "Neon API key", r"napi_[a-z0-9]{64}"),
    token(
        "tailscale",
        "Tailscale key",
        r"tskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9]{6,24}-[A-Za-z0-9]{20,40}",
    ),
    near(
        "ngrok",
        "ngrok token",
        r"2[A-Za-z0-9]{26}_[A-Za-z0-9]{21}",
        "ngrok",
        within=100,
    ),
    # infrastructure as code, secret stores
    token(
        "vault", "HashiCorp Vault token", r"hv[sbr]\.[A-Za-z0-9_-]{24,300}", "hvs.", "hvb.", "hvr."
    ),
    near(
        "terraform-cloud",
        "Terraform Cloud token",
        r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}",
        ".atlasv1.",
        offsets=(14,),
        score=0.95,
    ),
    token("pulumi", "Pulumi access token", r"pul-[0-9a-f]{40}"),
    token(
        "doppler",
        "Doppler token",
        r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{1,40}\.)?[A-Za-z0-9]{40,44}",
        "dp.",
    ),
    token("onepassword", "1Password service account token", r"ops_eyJ[A-Za-z0-9+/=_-]{250,1200}"),
    token("infracost", "Infracost API key", r"ico-[A-Za-z0-9]{32}"),
    # observability
    token("grafana-cloud", "Grafana Cloud token", r"glc_eyJ[A-Za-z0-9+/]{60,400}={0,3}"),
    token("grafana", "Grafana service account token", r"glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}"),
    token("new-relic", "New Relic key", r"NRAK-[A-Z0-9]{27}"),
    token("new-relic-insert", "New Relic insert key", r"NRII-[A-Za-z0-9_-]{32}"),
    token("sentry", "Sentry token", r"sntry[su]_[A-Za-z0-9+/=_-]{60,400}", "sntrys_", "sntryu_"),
    token(
        "dynatrace",
        "Dynatrace token",
        r"dt0[a-zA-Z][0-9]{2}\.[A-Z2-7]{8,24}\.[A-Z2-7]{64}",
        "dt0c",
        "dt0s",
    ),
    near(
        "datadog",
        "Datadog key",
        r"(?i:datadog|dd_a)[\w .-]{0,20}(?i:key)['\"]?[ \t]{0,4}[=:][ \t]{0,4}['\"]?"
        r"(?P<secret>[0-9a-f]{40}|[0-9a-f]{32})",
        "datadog",
        "dd_api_key",
        "dd_app_key",
        check=at_least(3.0),
    ),
    token("launchdarkly", "LaunchDarkly key", rf"(?:api|sdk)-{_UUID}", "api-", "sdk-", score=0.85),
    token("sonarqube", "SonarQube token", r"sq[pua]_[0-9a-f]{40}", "sqp_", "squ_", "sqa_"),
    token("snyk", "Snyk token", r"snyk_(?:uat|sat)\.[0-9a-f]{8}\.[A-Za-z0-9_-]{60,400}", "snyk_"),
    token(
        "buildkite", "Buildkite token", r"bk(?:ua|pt|aj)_[0-9a-f]{40}", "bkua_", "bkpt_", "bkaj_"
    ),
    token(
        "circleci",
        "CircleCI token",
        r"CCI(?:PAT|PRJ)_[A-Za-z0-9]{22}_[0-9a-f]{40}",
        "ccipat_",
        "cciprj_",
    ),
    token("prefect", "Prefect API key", r"pn[ub]_[A-Za-z0-9]{36}", "pnu_", "pnb_"),
)
