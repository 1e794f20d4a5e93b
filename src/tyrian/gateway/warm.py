"""Everything that would be loaded by the first request is loaded at the start."""

import asyncio
import encodings.idna
import encodings.latin_1  # noqa: F401

from tyrian.core.detection import Stage
from tyrian.core.message import Message, ToolCall
from tyrian.firewall.firewall import Firewall

_SAMPLE = (
    "Hello, mail me at nobody@example.com or see https://example.com/?a=1 \u200b aGVsbG8gd29ybGQ="
)


async def warm_up(firewall: Firewall | None) -> None:
    """Judge a sample at every stage, without writing it down, so that models and tables load."""
    if firewall is None:
        return
    call = ToolCall("call_0", "sample", '{"text": "hello"}')
    samples = {
        Stage.INPUT: Message.user(_SAMPLE),
        Stage.TOOL_RESULT: Message.tool(_SAMPLE, tool_call_id="call_0"),
        Stage.OUTPUT: Message.assistant(_SAMPLE),
        Stage.TOOL_CALL: Message.assistant(calls=[call]),
    }
    for stage, message in samples.items():
        await firewall.judge(message, stage=stage)
    for guard in firewall.guards:
        warm = getattr(guard.detector, "warm", None)
        if callable(warm):
            await asyncio.to_thread(warm)
