"""Which targets the egress rules grant, and to which addresses a name may lead."""

import pytest

from tyrian.policy.refusal import Refusal
from tyrian.policy.schema import NetSpec
from tyrian.sandbox.egress.rules import EgressRules, Way, target_of
from tyrian.stack.egress_entry import entry_fault


def net_of(**keys: object) -> NetSpec:
    return NetSpec.model_validate(keys)


def ways(rules: EgressRules, authority: str, *, is_tunnel: bool = True) -> set[Way]:
    return set(rules.grant(target_of(authority), is_tunnel=is_tunnel).ways)


def refused(rules: EgressRules, authority: str, *, is_tunnel: bool = True) -> str:
    with pytest.raises(Refusal) as caught:
        rules.grant(target_of(authority), is_tunnel=is_tunnel)
    return caught.value.rule


def test_an_entry_without_scheme_and_port_means_tls_on_443() -> None:
    rules = EgressRules(["api.example.com"])
    assert ways(rules, "api.example.com:443") == {Way.HTTPS}
    assert ways(rules, "API.example.com:443") == {Way.HTTPS}
    assert refused(rules, "api.example.com:8443") == "net.port"
    assert refused(rules, "api.example.com:443", is_tunnel=False) == "net.scheme"
    assert refused(rules, "evil.example.com:443") == "net.host"
    assert refused(rules, "api.example.com.evil.org:443") == "net.host"


def test_a_wildcard_stands_for_names_below_and_not_for_itself() -> None:
    rules = EgressRules(["*.example.com:8443"])
    assert ways(rules, "a.b.example.com:8443") == {Way.HTTPS}
    assert refused(rules, "example.com:8443") == "net.host"
    assert refused(rules, "notexample.com:8443") == "net.host"


def test_plain_http_and_raw_bytes_must_be_asked_for() -> None:
    rules = EgressRules(["http://mirror.example.com", "tcp://git.example.com:22"])
    assert ways(rules, "mirror.example.com:80", is_tunnel=False) == {Way.HTTP}
    assert refused(rules, "mirror.example.com:80") == "net.scheme"
    assert ways(rules, "git.example.com:22") == {Way.TCP}


def test_hosts_of_the_policy_count_on_its_ports_for_its_schemes() -> None:
    net = net_of(hosts=["docs.example.com"], ports=[443, 80], schemes=["https", "http"])
    rules = EgressRules([], net)
    assert ways(rules, "docs.example.com:443") == {Way.HTTPS}
    assert ways(rules, "docs.example.com:80", is_tunnel=False) == {Way.HTTP}
    assert refused(rules, "docs.example.com:8080") == "net.port"


def test_the_paths_of_the_policy_hold_for_plain_requests() -> None:
    net = net_of(hosts=["docs.example.com"], ports=[80], schemes=["http"], paths=["/open/**"])
    rules = EgressRules(["http://free.example.com"], net)
    rules.check_url("http://docs.example.com/open/a", target_of("docs.example.com:80"))
    rules.check_url("http://free.example.com/any", target_of("free.example.com:80"))
    with pytest.raises(Refusal, match="path"):
        rules.check_url("http://docs.example.com/closed", target_of("docs.example.com:80"))


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "168.63.129.16"),
    ],
)
def test_a_name_never_leads_to_an_inner_address(address: str) -> None:
    grant = EgressRules(["api.example.com"]).grant(target_of("api.example.com:443"), is_tunnel=True)
    grant.check_address("93.184.216.34")
    with pytest.raises(Refusal):
        grant.check_address(address)


def test_an_inner_name_that_is_spelled_out_may_lead_to_private_addresses_only() -> None:
    rules = EgressRules(["api.corp.internal"])
    grant = rules.grant(target_of("api.corp.internal:443"), is_tunnel=True)
    grant.check_address("10.0.0.7")
    for address in ("127.0.0.1", "169.254.169.254", "fd00:ec2::254", "::1"):
        with pytest.raises(Refusal):
            grant.check_address(address)


def test_an_address_counts_only_where_it_is_named() -> None:
    rules = EgressRules(["10.0.0.5:8443", "http://127.0.0.1:11434", "https://[fd00::5]:443"])
    assert rules.grant(target_of("10.0.0.5:8443"), is_tunnel=True).addresses == ("10.0.0.5",)
    assert ways(rules, "127.0.0.1:11434", is_tunnel=False) == {Way.HTTP}
    assert ways(rules, "[fd00:0::5]:443") == {Way.HTTPS}
    assert refused(rules, "10.0.0.6:8443") == "net.host"
    assert refused(rules, "127.0.0.1:22") in ("net.host", "net.port")


def test_a_private_address_in_the_policy_needs_private_ips() -> None:
    closed = EgressRules([], net_of(hosts=["10.0.0.5"]))
    assert refused(closed, "10.0.0.5:443") == "net.private"
    is_open = EgressRules([], net_of(hosts=["10.0.0.5"], private_ips="allow"))
    assert ways(is_open, "10.0.0.5:443") == {Way.HTTPS}


@pytest.mark.parametrize(
    "authority",
    [
        *("api.example.com", "api.example.com:0", "api.example.com:99999", "a b:443", "x@api:443"),
        *("2130706433:443", "0x7f.1:443", "127.1:443", "0177.0.0.1:443", "api.example.com\t:443"),
        *("api.example.com:443:1", "аpi.example.com.:443", "[::1%lo]:443", "[127.0.0.1]:443", ""),
    ],
)
def test_what_has_no_certain_form_is_refused(authority: str) -> None:
    with pytest.raises(Refusal):
        EgressRules(["api.example.com"]).grant(target_of(authority), is_tunnel=True)


@pytest.mark.parametrize(
    "entry", ["*", "https://", "ftp://a.example", "a b", "tcp://a.example", "a:99999", "http://a/b"]
)
def test_a_faulty_entry_is_told(entry: str) -> None:
    assert entry_fault(entry)
    with pytest.raises(ValueError, match=r"must|needs|port|allow-list"):
        EgressRules([entry])
