"""Putting a changed stack to use: seen before, on every worker, nothing lost, and taken back."""

import html
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, update
from tests.warm.program import tyrian

from tyrian.errors import StoreError
from tyrian.gateway.accounts import audit
from tyrian.gateway.accounts.assignments import Assignments
from tyrian.gateway.accounts.holdings import Holder
from tyrian.gateway.accounts.organisations import Organisations
from tyrian.gateway.accounts.role_book import RoleBook
from tyrian.gateway.console.stack.file import ChangedMeanwhileError, StackFile, digest_of
from tyrian.gateway.store.engine import Store
from tyrian.gateway.store.models.audit import AuditEvent
from tyrian.gateway.store.models.organisations import Membership
from tyrian.gateway.store.models.sign_in import ConsoleSession

BLOCKS = """\
# Ours.   Kept as it is: ä
agent:
  preflight_guards:
    - name: pattern
      patterns: [{id: codename, words: [bluebird]}]
      block_classes: [codename]
"""
FLAGS = BLOCKS.replace("block_classes", "flag_classes") + "# the end, without a newline"
WORKERS = 2


class Gateway:
    """`tyrian serve` with several workers and a stack file."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.home = folder / "home"
        self.stack = folder / "stack.yaml"
        plain = {k: v for k, v in os.environ.items() if not k.startswith("TYRIAN_")}
        self.env = {**plain, "TYRIAN_HOME": str(self.home), "NO_COLOR": "1", "COLUMNS": "200"}
        self.log: list[str] = []
        self.output = folder / "output"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [*tyrian(), "serve", "--port", "0", *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                env=self.env,
            )
        ready: queue.Queue[bool] = queue.Queue()
        self.reader = threading.Thread(target=self._read, args=(ready,), daemon=True)
        self.reader.start()
        assert ready.get(timeout=60), "\n".join(self.log)
        self.url = self._found(r"http://\S+(?=/setup#)")
        self.key = self._found(r"tyr_live_\w{49}")
        self.store = Store.open(self.home / "tyrian.db")

    def _found(self, pattern: str) -> str:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.output.read_text()):
                return found[0]
            time.sleep(0.05)
        raise AssertionError("\n".join(self.log))

    def _read(self, ready: "queue.Queue[bool]") -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            for line in lines:
                self.log.append(line)
                if '"event": "ready"' in line:
                    ready.put(True)
        ready.put(False)

    def link(self, email: str = "") -> str:
        command = [*tyrian(), "console", "link", *([email] if email else [])]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=self.env)
        found = re.search(r"/setup#\S+", done.stdout)
        assert found, done.stdout
        return self.url + found[0]

    def effect(self) -> str:
        """What becomes of the word, on whichever worker takes a new connection."""
        body = {
            "model": "tyrian-scripted",
            "messages": [{"role": "user", "content": "the bluebird sings"}],
        }
        answer = httpx2.post(
            f"{self.url}/v1/chat/completions",
            json=body,
            headers={"authorization": f"Bearer {self.key}", "connection": "close"},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        return answer.headers["x-tyrian-effect"]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(40)
        self.reader.join(10)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("apply")
    (folder / "stack.yaml").write_text(BLOCKS)
    gateway = Gateway(folder, "--workers", str(WORKERS), "--stack", str(folder / "stack.yaml"))
    yield gateway
    gateway.stop()
    assert not [line for line in gateway.log if "Traceback" in line], "\n".join(gateway.log)


@pytest.fixture(scope="module")
def owner(served: Gateway, kit: Any) -> Iterator[Any]:
    visit = kit.Visit(served).sign_in()
    yield visit
    visit.http.close()
    kit.once(served.store.close())


@pytest.fixture
def visit(served: Gateway, owner: Any) -> Any:
    """The owner, with the stack that blocks in use."""
    if put(served, owner, BLOCKS):
        wait_for(served, "block")
    return owner


def fields(page: str) -> dict[str, str]:
    """The form that puts a text to use."""
    form = page.partition('action="/stack/apply"')[2].partition("</form>")[0]
    assert form, re.sub(r"<[^>]+>", " ", page)[-3_000:]
    found = dict(re.findall(r'name="(digest|against)" value="([^"]*)"', form))
    text = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", form, re.DOTALL)
    assert text
    return {**found, "text": html.unescape(text[1]), "sure": "yes"}


def checked(owner: Any, text: str) -> Any:
    digest = re.search(r'name="digest" value="(\w+)"', owner.get("/stack/check").text)
    assert digest
    return owner.post("/stack/check", {"text": text, "digest": digest[1]})


def put(served: Gateway, owner: Any, text: str) -> bool:
    """Put a text to use; False where it is already."""
    if served.stack.read_text() == text:
        return False
    for _ in range(40):  # another worker may not have followed yet
        answer = owner.post("/stack/apply", fields(checked(owner, text).text))
        if answer.status_code == 303:
            return True
        time.sleep(0.1)
    raise AssertionError(answer.text)


def wait_for(served: Gateway, effect: str, limit_s: float = 60.0) -> float:
    """Seconds until every worker does so."""
    began = time.monotonic()
    in_a_row = 0
    last = began
    while in_a_row < 12 * WORKERS:
        if served.effect() == effect:
            in_a_row += 1
        else:
            in_a_row, last = 0, time.monotonic()
        assert time.monotonic() - began < limit_s
    return last - began


def last_entry(served: Gateway, kit: Any) -> AuditEvent:
    async def read() -> AuditEvent:
        async with served.store.read() as session:
            query = select(AuditEvent).where(AuditEvent.type.startswith("stack."))
            found = await session.scalars(query.order_by(AuditEvent.sequence.desc()).limit(1))
            return found.one()

    entry: AuditEvent = kit.once(read())
    return entry


def test_a_change_is_in_use_on_every_worker_and_no_request_is_lost(
    served: Gateway, visit: Any, kit: Any
) -> None:
    page = checked(visit, FLAGS).text
    assert "codename flagged, no longer blocked" in page
    assert "Look here" in page
    form = fields(page)
    assert form["text"] == FLAGS
    asked: list[str] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            asked.append(served.effect())

    asking = threading.Thread(target=ask)
    asking.start()
    answer = visit.post("/stack/apply", form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/stack?done=stack-applied")
    assert wait_for(served, "flag") < 5
    is_over.set()
    asking.join(30)
    assert set(asked) == {"block", "flag"}
    assert served.stack.read_text() == FLAGS
    assert served.stack.with_name("stack.yaml.previous").read_text() == BLOCKS
    entry = last_entry(served, kit)
    assert entry.type == "stack.applied"
    assert entry.details["digest"] == digest_of(FLAGS)
    assert entry.details["previous"] == digest_of(BLOCKS)
    assert any("flagged" in one for one in entry.details["changes"])
    assert entry.actor["address"] == "127.0.0.1"
    assert kit.once(audit.verify(served.store)).faults == []
    assert "put a changed stack to use" in visit.get("/audit").text


def test_the_version_before_is_one_click_away(served: Gateway, visit: Any, kit: Any) -> None:
    put(served, visit, FLAGS)
    wait_for(served, "flag")
    assert 'href="/stack/check?previous"' in visit.get("/stack").text
    page = visit.get("/stack/check?previous").text
    assert "codename blocked, no longer flagged" in page
    assert "Stronger" in page
    form = fields(page)
    assert visit.post("/stack/apply", form).status_code == 303
    wait_for(served, "block")
    assert served.stack.read_text() == BLOCKS
    assert last_entry(served, kit).type == "stack.reverted"


def test_what_is_weaker_is_not_done_before_somebody_says_they_saw_it(
    served: Gateway, visit: Any
) -> None:
    form = fields(checked(visit, FLAGS).text)
    answer = visit.post("/stack/apply", {**form, "sure": ""})
    assert answer.status_code == 400
    assert "Say that you have seen" in answer.text
    assert served.stack.read_text() == BLOCKS


def test_an_invalid_stack_is_refused_with_its_place(served: Gateway, visit: Any) -> None:
    form = fields(checked(visit, FLAGS).text)
    for text, words in (
        (BLOCKS.replace("codename]\n", "nickname]\n"), "line 6"),
        ("agent: {", "line 1"),
        (BLOCKS + "  policy_runtime: {config: /etc/passwd}\n", "outside of the folder"),
        (BLOCKS + "audit: {path: stack.yaml}\n", "in the file itself only"),
        ("agent: {}\n", "would allow everything"),
    ):
        answer = visit.post("/stack/apply", {**form, "text": text})
        assert answer.status_code == 400
        assert words in answer.text
    assert "root:" not in answer.text
    assert served.stack.read_text() == BLOCKS


def test_what_cannot_be_built_is_told_and_leaves_everything_as_it_was(
    served: Gateway, visit: Any
) -> None:
    text = BLOCKS + 'review: {webhook: "http://127.0.0.1:9/", webhook_secret_env: NOT_THERE}\n'
    answer = visit.post("/stack/apply", fields(checked(visit, text).text))
    assert answer.status_code == 400
    assert "NOT_THERE is not set" in answer.text
    assert served.stack.read_text() == BLOCKS
    assert served.effect() == "block"


def test_a_file_that_somebody_else_changed_is_not_overwritten(served: Gateway, visit: Any) -> None:
    form = fields(checked(visit, FLAGS).text)
    by_hand = BLOCKS + "# by hand\n"
    served.stack.write_text(by_hand)
    try:
        answer = visit.post("/stack/apply", form)
        assert answer.status_code == 409
        assert "was changed since" in answer.text
        assert served.stack.read_text() == by_hand
        assert "The file says something else" in visit.get("/stack").text
        # The form begins with what the file holds now, and is compared with what runs.
        assert "# by hand" in visit.get("/stack/check").text
    finally:
        served.stack.write_text(BLOCKS)


def test_what_is_written_by_hand_waits_for_the_next_start(served: Gateway, visit: Any) -> None:
    served.stack.write_text(FLAGS)
    try:
        time.sleep(2)
        assert {served.effect() for _ in range(12)} == {"block"}
    finally:
        served.stack.write_text(BLOCKS)


def test_only_who_holds_the_permission_in_the_gateways_organisation_may(
    served: Gateway, visit: Any, kit: Any
) -> None:
    form = fields(checked(visit, FLAGS).text)
    other = kit.once(Organisations(served.store).create("Other"))

    async def change(table: Any, **values: Any) -> None:
        async with served.store.write() as session:
            await session.execute(update(table).values(**values))

    async def somebody() -> str:
        async with served.store.read() as session:
            return str(await session.scalar(select(Membership.user_id)))

    given, holder = Assignments(served.store), Holder("user", kit.once(somebody()))
    roles = RoleBook(served.store)
    applies = kit.once(roles.create("org_default", "Applies", ["stack.apply"])).id
    reads = kit.once(roles.create("org_default", "Reads", ["stack.read"])).id

    def may() -> bool:
        page = visit.post("/stack/check", {"text": FLAGS})
        offered = page.status_code == 200 and "stack/apply" in page.text
        # Without the tick that something gets weaker it is not done, but asked for.
        is_let = visit.post("/stack/apply", {**form, "sure": ""}).status_code != 403
        assert offered is is_let
        return is_let

    kit.once(change(Membership, role="admin"))
    try:
        assert not may()
        kit.once(given.give("org_default", holder, applies))
        assert may()
        kit.once(change(Membership, role="viewer"))
        assert not may()
        kit.once(given.give("org_default", holder, reads))
        assert may()
        kit.once(given.take("org_default", holder, applies))
        assert not may()
        kit.once(change(Membership, role="owner", organisation_id=other.id))
        kit.once(change(ConsoleSession, organisation_id=other.id))
        assert visit.post("/stack/apply", form).status_code == 403
        assert "stack/apply" not in visit.post("/stack/check", {"text": FLAGS}).text
    finally:
        kit.once(change(Membership, role="owner", organisation_id="org_default"))
        kit.once(change(ConsoleSession, organisation_id="org_default"))
    assert visit.post("/stack/apply", {**form, "token": "x"}).status_code == 403
    assert served.stack.read_text() == BLOCKS


def test_a_sign_in_that_is_long_ago_is_not_enough(served: Gateway, visit: Any, kit: Any) -> None:
    form = fields(checked(visit, FLAGS).text)

    async def age(seconds: int) -> None:
        async with served.store.write() as session:
            created = ConsoleSession.created_at - seconds
            await session.execute(update(ConsoleSession).values(created_at=created))

    kit.once(age(16 * 60))
    try:
        answer = visit.post("/stack/apply", form)
        assert answer.status_code == 403
        assert "sign in again" in answer.text
        assert "Sign in again first" in visit.post("/stack/check", {"text": FLAGS}).text
    finally:
        kit.once(age(-16 * 60))
    assert served.stack.read_text() == BLOCKS


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1440, "dark")])
def test_a_change_is_seen_and_put_to_use_in_a_browser(
    served: Gateway, visit: Any, browser: Any, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, storage_state=None
    )
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto(served.link())
    page.wait_for_url(f"{served.url}/")
    page.goto(f"{served.url}/stack/check")
    text = f"{FLAGS}, {width} wide"  # not the version before, which would be a way back
    page.fill("#text", text)
    page.get_by_role("button", name="Check it").click()
    page.wait_for_selector("#changes")
    page.locator("summary", has_text="Line by line").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = axe.run(page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    put_to_use = page.get_by_role("button", name="Put it to use")
    put_to_use.click()
    assert page.url.endswith("/stack/check"), "the box must be ticked first"
    page.check("[name=sure]")
    put_to_use.click()
    page.wait_for_selector("[role=status] >> text=The change is in use", timeout=8_000)
    assert page.url == f"{served.url}/stack?done=stack-applied"
    assert "The change is in use" in page.inner_text("[role=status]")
    assert served.stack.read_text() == text
    context.close()


def test_a_stack_that_is_built_in_cannot_be_replaced(tmp_path: Path, kit: Any) -> None:
    running = kit.run(kit.build(tmp_path))
    try:
        visit = running.client().sign_in()
        page = visit.post("/stack/check", {"text": FLAGS}).text
        assert "It cannot be put to use from here" in page
        assert "tyrian serve --stack FILE" in page
        assert visit.post("/stack/apply", {"text": FLAGS}).status_code == 409
    finally:
        running.stop()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text("one")
    path.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    file = StackFile(link)
    with pytest.raises(ChangedMeanwhileError):
        file.replace("two", digest_of("else"))
    file.replace("two", digest_of("one"))
    assert path.read_text() == "two"
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert file.read_previous() == "one"
    assert file.hindrance() == ""
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "link.yaml", "stack.yaml", "stack.yaml.previous",
    ]  # fmt: skip
    path.unlink()
    assert "is gone" in file.hindrance()


def test_a_place_that_cannot_be_written_is_told() -> None:
    fixed = StackFile(Path("/proc/version"))
    with pytest.raises(StoreError, match="cannot be replaced"):
        fixed.replace("x", digest_of(fixed.read()))
