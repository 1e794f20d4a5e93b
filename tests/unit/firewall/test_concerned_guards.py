"""Guards that judge only messages which hold something that they read."""

from tyrian.core.decision import Effect
from tyrian.core.detection import Detection, DetectorInfo, Stage, View
from tyrian.core.message import ImagePart, Message, TextPart, ToolCall
from tyrian.firewall.firewall import Firewall
from tyrian.firewall.guard import Guard
from tyrian.policy.guard import GuardPolicy, GuardRule


class Images:
    """Finds every image bad, and is not asked about anything else."""

    info = DetectorInfo("images", "images", ("image",))
    is_bounded = False

    def concerns(self, message: Message) -> bool:
        return bool(message.images)

    def detect(self, view: View) -> Detection:
        assert view.subject.images
        return Detection({"image": 1.0})


def firewall(*stages: Stage) -> Firewall:
    rules = [GuardRule("images", stage, {"image": Effect.BLOCK}) for stage in stages]
    return Firewall([Guard(Images(), stage) for stage in stages], GuardPolicy(rules))


async def test_a_guard_runs_only_for_messages_that_concern_it() -> None:
    judge = firewall(Stage.INPUT)
    text = await judge.scan(Message.user("hello"))
    assert (text.effect, text.runs) == (Effect.ALLOW, ())
    image = await judge.scan(Message.user([TextPart("see"), ImagePart("data:image/png,x")]))
    assert (image.effect, len(image.runs)) == (Effect.BLOCK, 1)


async def test_an_answer_with_calls_is_asked_about_by_its_excerpts() -> None:
    judge = firewall(Stage.OUTPUT, Stage.TOOL_CALL)
    call = ToolCall("c1", "f", "{}")
    decision = await judge.scan(Message.assistant([TextPart("see")], calls=[call]))
    assert (decision.effect, decision.runs) == (Effect.ALLOW, ())
    parts = [ImagePart("data:image/png,x")]
    assert (await judge.scan(Message.assistant(parts, calls=[call]))).effect is Effect.BLOCK


class Undecided(Images):
    """Fails where it is asked what concerns it, and finds nothing."""

    def concerns(self, message: Message) -> bool:
        raise ValueError(message.text)

    def detect(self, view: View) -> Detection:
        return Detection()


async def test_a_guard_that_cannot_say_what_concerns_it_judges_every_message() -> None:
    rule = GuardRule("images", Stage.INPUT, {"image": Effect.BLOCK})
    judge = Firewall([Guard(Undecided(), Stage.INPUT)], GuardPolicy([rule]))
    decision = await judge.scan(Message.user("hello"))
    assert (decision.effect, len(decision.runs)) == (Effect.ALLOW, 1)
