"""Files as NumPy and pickle write them; archives, texts and templates beside them."""

import argparse
import collections
import datetime
import decimal
import fractions
import gzip
import io
import json
import pathlib
import pickle
import re
import tarfile
import uuid
import zipfile
from collections.abc import Callable, Iterator

import numpy as np
from tests.corpus.supply.malicious import gguf, gguf_tensor, gguf_text
from tests.corpus.supply.rar import rar4, rar5
from tests.corpus.supply.texts import good_texts

Entry = tuple[str, str, bytes]
"""What wrote it and what it holds, file name, content."""

_TEMPLATES = {
    "ChatML": "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
    "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "Llama 3": "{% set loop_messages = messages %}{% for message in loop_messages %}"
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ "
    "message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
    "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}",
    "Mistral": "{{ bos_token }}{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% else %}{{ message['content'] + eos_token}}{% endif %}{% endfor %}",
    "tools": "{%- set ns = namespace(last=messages|length - 1) %}{%- for m in messages[::-1] %}"
    "{%- set i = (messages|length - 1) - loop.index0 %}{%- if ns.last and m.role == 'user' and "
    "m.content is string %}{{ m.content.split('</think>')[-1].lstrip('\n') }}{%- break %}"
    "{%- endif %}"
    "{%- endfor %}{%- for t in tools %}{{ t | tojson(indent=2) }}{% endfor %}"
    "{% generation %}{{ messages[-1]['content'] }}{% endgeneration %}"
    "{{ messages | map(attribute='content') | join(', ') }}{{ strftime_now('%d %b %Y') }}",
}


def all_entries() -> Iterator[Entry]:
    """Every entry, each in a folder of its own."""
    for number, (told, name, data) in enumerate(_entries()):
        yield told, f"{number:03d}/{name}", data


def _entries() -> Iterator[Entry]:
    yield from _pickles()
    yield from _numpy()
    yield from _others()
    yield from good_texts()


def _pickles() -> Iterator[Entry]:
    plain = {"a": [1, -2.5, None, True], "b": ("x", "os", "system"), "c": {1, 2}, "d": 10**60}
    library = [
        datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), datetime.timedelta(1),
        decimal.Decimal("1.5"), fractions.Fraction(1, 3), re.compile("a+"), uuid.UUID(int=7),
        argparse.Namespace(lr=0.1), pathlib.PurePosixPath("a/b"), collections.Counter("aab"),
        collections.OrderedDict(a=1), collections.defaultdict(list, a=[1]), 1j, bytearray(b"x"),
        collections.deque([1], maxlen=3), frozenset([1]), slice(1, 2), range(4), b"os\nsystem\n",
    ]  # fmt: skip
    shared = ["again"] * 3
    loop: list[object] = [1]
    loop.append(loop)
    arrays = [
        np.arange(5), np.float32(2), np.array([{}, None], dtype=object), np.array(["a", "bc"]),
        np.ma.array([1, 2], mask=[False, True]), np.random.RandomState(1), np.random.default_rng(1),
        np.zeros(2, dtype=[("a", "i4"), ("b", "f8")]), np.array(["2020"], dtype="M8[D]"),
    ]  # fmt: skip
    for version in range(6):
        for told, value in (
            ("data", plain), ("library classes", library), ("shared texts", [shared, shared]),
            ("a loop", loop), ("NumPy values", arrays), ("long texts", ["os.system " * 99] * 3),
            ("many numbers", list(range(70_000))),
        ):  # fmt: skip
            yield f"pickle: {told}, protocol {version}", "a.pkl", pickle.dumps(value, version)
    several = b"".join(
        pickle.dumps(one, version) for version, one in enumerate([plain, 1, "a", [2]])
    )
    yield "pickle: several in a file", "many.pkl", several
    yield "pickle: without an ending", "weights", pickle.dumps(plain)


def saved(save: Callable[[io.BytesIO], object]) -> bytes:
    made = io.BytesIO()
    save(made)
    return made.getvalue()


def _numpy() -> Iterator[Entry]:
    for told, value in (
        ("numbers", np.arange(6).reshape(2, 3)), ("texts", np.array(["a", "bcd"])),
        ("objects", np.array([{}, None, "x"], dtype=object)), ("nothing", np.zeros((0, 3))),
        ("fields", np.zeros(2, dtype=[("a", "i4"), ("b", "f8", (2,))])),
        ("a scalar", np.array(3.0)), ("column order", np.asfortranarray(np.ones((2, 3)))),
    ):  # fmt: skip
        yield f"numpy: {told}", "a.npy", saved(lambda to, value=value: np.save(to, value))  # type: ignore[misc]
        yield (
            f"numpy: {told}, npz",
            "a.npz",
            saved(
                lambda to, value=value: np.savez_compressed(to, value)  # type: ignore[misc]
            ),
        )


def _others() -> Iterator[Entry]:
    state = pickle.dumps({"a": np.ones(2)})
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sub/a.pkl", state)
        archive.writestr("sub/readme.txt", "text")
    yield "zip: files in a folder", "a.zip", made.getvalue()
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w", format=form) as archive_:
            info = tarfile.TarInfo("a" * 60 + "/" + "ü" * 45 + ".pkl")
            info.size = len(state)
            archive_.addfile(info, io.BytesIO(state))
        yield f"tar: format {form}", "a.tar", made.getvalue()
        yield f"tar: format {form}, gzip", "a.tar.gz", gzip.compress(made.getvalue())
    for told, template in _TEMPLATES.items():
        config = {"chat_template": template, "model_max_length": 10**30}
        yield f"config: {told}", "tokenizer_config.json", json.dumps(config).encode()
        yield f"template: {told}", "chat_template.jinja", template.encode()
        keys = [
            ("general.name", 8, gguf_text("x")),
            ("tokenizer.chat_template", 8, gguf_text(template)),
        ]
        yield f"gguf: {told}", "a.gguf", gguf(keys)
    yield "gguf: a tensor", "t.gguf", gguf([], [gguf_tensor((4, 2))]) + bytes(32)
    yield "text: tells of os.system", "README.md", b"Never call `os.system` or `eval(x)` here.\n"
    yield "text: a vocabulary that begins like opcodes", "vocab.txt", b"cat\ndog\n(lp0\n."
    yield "text: the words of a pickle", "merges.txt", b"#version\ncos\nsystem\n"
    yield "rar: stored", "a.rar", rar5("config.json", b"{}")
    yield "rar: stored, the older format", "b.rar", rar4("config.json", b"{}")
    yield "image", "logo.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    yield (
        "config: numbers",
        "config.json",
        b'{"layers": 2, "eps": 1e-5, "inf": Infinity, "a": null}',
    )
