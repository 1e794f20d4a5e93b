"""Sessions, links, passwords with codes, and what must not work."""

import base64
import re
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from tyrian.gateway.console.sign_in.sessions import ABSOLUTE_S, COOKIE, IDLE_S
from tyrian.gateway.console.sign_in.totp import STEP_S, code_at
from tyrian.gateway.store.models.sign_in import ConsoleSession, SignInLink

PASSWORD = "violet snails under old harbours"
EMAIL = "ada@example.com"


def secret_of(page: str) -> bytes:
    """The shared secret on the page that sets an account up."""
    found = re.search(r'<code class="wrap">([A-Z2-7 ]+)</code>', page)
    assert found
    text = found[1].replace(" ", "")
    return base64.b32decode(text + "=" * (-len(text) % 8))


def code(secret: bytes, later: int = 0) -> str:
    return code_at(secret, int(time.time()) // STEP_S + later)


def settled(visit: Any) -> tuple[bytes, str]:
    """Give the visitor a password and an app; the app's secret, and the code that was used."""
    secret = secret_of(visit.get("/account/secure").text)
    used = code(secret)
    fields = {"name": "Ada", "email": EMAIL, "password": PASSWORD, "code": used}
    answer = visit.post("/account/secure", fields)
    assert answer.headers["location"] == "/?done=account-secured", answer.text
    return secret, used


def change_rows(gateway: Any, change: Any) -> None:
    async def write() -> None:
        async with gateway.store.write() as session:
            await session.execute(change)

    gateway.once(write())


def test_a_link_signs_in_once(gateway: Any) -> None:
    link = gateway.link()
    secret = link.partition("#")[2]
    first, second = gateway.client(), gateway.client()
    assert first._send("POST", "/setup", data={"secret": secret}).headers["location"] == "/"
    assert "Good to see you" in first.get("/").text
    refused = second._send("POST", "/setup", data={"secret": secret})
    assert refused.status_code == 403
    assert second.get("/").headers["location"] == "/sign-in"


def test_an_old_link_is_worth_nothing(gateway: Any) -> None:
    secret = gateway.link().partition("#")[2]
    change_rows(gateway, update(SignInLink).values(expires_at=int(time.time()) - 1))
    visit = gateway.client()
    assert visit._send("POST", "/setup", data={"secret": secret}).status_code == 403


def test_the_cookie_is_for_this_host_alone_and_no_script_reads_it(gateway: Any) -> None:
    secret = gateway.link().partition("#")[2]
    answer = gateway.client()._send("POST", "/setup", data={"secret": secret})
    line = answer.headers["set-cookie"].lower()
    assert line.startswith("__host-tyrian-session=")
    for part in ("secure", "httponly", "samesite=lax", "path=/"):
        assert part in line
    assert "domain" not in line


def test_line_39_a_session_ends_when_idle_and_after_a_day_of_work(gateway: Any) -> None:
    visit = gateway.client().sign_in()
    now = int(time.time())
    change_rows(gateway, update(ConsoleSession).values(seen_at=now - IDLE_S - 1))
    assert visit.get("/").status_code == 303
    visit = gateway.client().sign_in()
    change_rows(gateway, update(ConsoleSession).values(expires_at=now, created_at=now - ABSOLUTE_S))
    assert visit.get("/").status_code == 303


def test_line_39_signing_in_again_brings_a_new_session_and_ends_the_old_one(
    gateway: Any,
) -> None:
    visit = gateway.client()
    visit.cookies[COOKIE] = "chosen-by-somebody-else"
    visit.sign_in()
    first = visit.cookies[COOKIE]
    assert first != "chosen-by-somebody-else"
    visit.sign_in()
    assert visit.cookies[COOKIE] != first
    visit.cookies[COOKIE] = first
    assert visit.get("/").status_code == 303


def test_line_39_signing_out_everywhere_else_leaves_only_this_session(gateway: Any) -> None:
    here, there = gateway.client().sign_in(), gateway.client().sign_in()
    assert here.post("/account/sessions/end").status_code == 303
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 303
    assert here.post("/sign-out").headers["location"].startswith("/sign-in")
    assert here.get("/account").status_code == 303


def test_password_and_code_sign_in_and_neither_alone_does(gateway: Any) -> None:
    secret, old = settled(gateway.client().sign_in())
    visit = gateway.client()
    assert visit.get("/sign-in/code").headers["location"] == "/sign-in"
    wrong = visit._send("POST", "/sign-in", data={"email": EMAIL, "password": PASSWORD + "x"})
    assert wrong.status_code == 403
    right = visit._send(
        "POST", "/sign-in", data={"email": EMAIL, "password": PASSWORD, "next": "/keys"}
    )
    assert right.headers["location"] == "/sign-in/code"
    assert COOKIE not in visit.cookies
    bad = visit._send("POST", "/sign-in/code", data={"code": "000000"})
    assert bad.status_code == 403
    # The code of the set-up is used up, so the next one it is.
    used = visit._send("POST", "/sign-in/code", data={"code": old})
    assert used.status_code == 403
    good = visit._send("POST", "/sign-in/code", data={"code": code(secret, 1)})
    assert good.headers["location"] == "/keys"
    assert "Ada" in visit.get("/account").text


def test_setting_an_account_up_ends_the_session_of_the_link(gateway: Any) -> None:
    visit = gateway.client().sign_in()
    before = visit.cookies[COOKIE]
    settled(visit)
    assert visit.cookies[COOKIE] != before
    stale = gateway.client()
    stale.cookies[COOKIE] = before
    assert stale.get("/").status_code == 303


@pytest.mark.parametrize("password", ["short", "password123456", "aaaaaaaaaaaaaaa", EMAIL])
def test_a_weak_password_is_refused_with_advice(shared: Any, password: str) -> None:
    visit = shared.client().sign_in()
    secret = secret_of(visit.get("/account/secure").text)
    fields = {"name": "Ada", "email": EMAIL, "password": password, "code": code(secret)}
    answer = visit.post("/account/secure", fields)
    assert answer.status_code == 400
    assert "password" in answer.text


def test_line_41_guessing_is_slowed_down_for_the_account_from_every_address(
    gateway: Any,
) -> None:
    settled(gateway.client().sign_in())
    visit = gateway.client()
    fields = {"email": EMAIL, "password": "guess after guess after guess"}
    found = [visit._send("POST", "/sign-in", data=fields).status_code for _ in range(7)]
    assert found == [403] * 5 + [429] * 2
    right = visit._send("POST", "/sign-in", data={**fields, "password": PASSWORD})
    assert right.status_code == 429


def test_an_unknown_account_is_told_like_a_wrong_password(shared: Any) -> None:
    answer = shared.client()._send(
        "POST", "/sign-in", data={"email": "nobody@example.com", "password": PASSWORD}
    )
    assert answer.status_code == 403
    assert "E-mail address or password is wrong." in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-site", "origin": "null"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "", "origin": ""},
        {"sec-fetch-site": "", "origin": "null"},
        {"sec-fetch-site": "", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
    ],
)
def test_line_37_a_change_asked_for_elsewhere_is_refused(
    shared: Any, headers: dict[str, str]
) -> None:
    visit = shared.client().sign_in()
    assert visit.post("/keys", headers=headers).status_code == 403
    assert visit.get("/keys?show=ended").status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", "x" * 32])
def test_line_37_a_form_without_its_token_is_refused(shared: Any, token: str) -> None:
    visit = shared.client().sign_in()
    assert visit.post("/keys", {"token": token}).status_code == 403


def test_line_37_a_json_body_in_disguise_is_refused(shared: Any) -> None:
    visit = shared.client().sign_in()
    answer = visit._send(
        "POST", "/keys", content=b'{"token": "x"}', headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "\n//x"],
)
def test_nobody_is_sent_to_another_site_after_signing_in(shared: Any, target: str) -> None:
    visit = shared.client().sign_in()
    assert visit.get("/sign-in", params={"next": target}).headers["location"] == "/"


def test_on_a_network_a_link_only_leads_to_making_an_account(tmp_path: Path, kit: Any) -> None:
    gateway = kit.run(kit.build(tmp_path, is_loopback=False))
    try:
        visit = gateway.client()
        secret = gateway.link().partition("#")[2]
        answer = visit._send("POST", "/setup", data={"secret": secret})
        assert answer.headers["location"] == "/account/secure"
        for path in ("/", "/keys", "/decisions", "/members"):
            assert visit.get(path).headers["location"] == "/account/secure"
        assert visit.post("/keys").headers["location"] == "/account/secure"
        settled(visit)
        assert visit.get("/keys").status_code == 200
    finally:
        gateway.stop()


def test_line_47_the_database_holds_no_session_link_or_app_secret(gateway: Any) -> None:
    link = gateway.link().partition("#")[2]
    visit = gateway.client().sign_in()
    secret, _ = settled(visit)
    raw = b"".join(
        p.read_bytes() for p in Path(str(gateway.settings.console.home)).glob("tyrian.db*")
    )
    for value in (link, visit.cookies[COOKIE], PASSWORD):
        assert value.encode() not in raw
    assert secret not in raw
    assert base64.b32encode(secret) not in raw

    async def rows() -> int:
        async with gateway.store.read() as session:
            return len((await session.scalars(select(ConsoleSession))).all())

    assert gateway.once(rows()) > 0


def test_a_disabled_origin_header_of_a_page_is_enough_beside_fetch_metadata(
    shared: Any,
) -> None:
    visit = shared.client().sign_in()
    answer = visit.post("/keys", headers={"origin": "null"})
    assert answer.status_code == 200
    assert "tyr_live_" in answer.text
