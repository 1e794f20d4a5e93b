"""A prompt-attack classifier over texts of any length: tokenizer, windows, model, batches."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

from tyrian.models.classifier import Scored
from tyrian.models.transformer.backend import Ids, WindowModel
from tyrian.models.transformer.batching import Batcher, BusyError
from tyrian.models.transformer.directory import Directory
from tyrian.models.transformer.labels import BENIGN, meanings
from tyrian.models.transformer.onnx_model import OnnxModel
from tyrian.models.transformer.spacing import Joined, joined
from tyrian.models.transformer.tokens import Tokenizer
from tyrian.models.transformer.torch_model import WINDOW, TorchModel
from tyrian.models.transformer.windows import Window, windows

OVERLAP_SHARE = 4
"""Neighbouring windows share one part in so many of their tokens."""
GPU_WAIT_S = 0.002

Visit = Callable[[Window, Mapping[str, float]], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a directory is run; two guards with equal settings share one model."""

    backend: str
    """`torch` or `onnx`."""
    window_tokens: int = WINDOW
    threads: int = 0
    """0: half of the processors."""
    device: str = "auto"
    pack: bool = True
    """For torch on a CPU: a tenth faster, with a third of the weights once per process."""
    labels: tuple[str, ...] = ()
    """Names of the classes in the order of the logits, in place of those in config.json."""


class TransformerClassifier:
    """Scores every window of a text; safe to share between threads.

    `labels` are meanings: benign and malicious, or benign, injection and jailbreak.
    """

    def __init__(
        self, tokenizer: Tokenizer, model: WindowModel, labels: tuple[str, ...], *, wait_s: float
    ) -> None:
        self.labels = labels
        self.revision = model.revision
        self._tokenizer = tokenizer
        self._model = model
        self._size = model.max_tokens
        self._overlap = (model.max_tokens - tokenizer.framing) // OVERLAP_SHARE
        self._batcher = Batcher(
            model.probabilities, batch_tokens=model.batch_tokens, max_wait_s=wait_s
        )

    def score(self, text: str) -> Mapping[str, float]:
        """The probability of each label, the attack's greatest over all windows."""
        return self.locate(text).scores

    def locate(self, text: str) -> Scored:
        """The probabilities of the window that looks most like an attack, and its place."""
        best = Scored({})

        def visit(window: Window, scores: Mapping[str, float]) -> None:
            nonlocal best
            if not best.scores or scores[BENIGN] < best.scores[BENIGN]:
                best = Scored(scores, window.start, window.end)

        self.read(text, visit)
        return best

    def read(
        self,
        text: str,
        visit: Visit,
        *,
        seen: set[Ids] | None = None,
        is_settled: Callable[[], bool] = lambda: False,
        deadline: float | None = None,
    ) -> int:
        """Show each window with its scores to `visit`; return how many characters were judged.

        That is the length of the text unless `deadline` (of `time.monotonic`) came first; where
        `is_settled` says that nothing more can change the answer, the rest counts as judged.
        Windows whose ids are in `seen` are passed over: their scores are known.
        """
        known: set[Ids] = set() if seen is None else seen
        reached = 0
        for group in self._groups(text):
            new: dict[Ids, Window] = {}
            for window in group:
                if window.ids not in known:
                    new.setdefault(window.ids, window)
            if new:
                if deadline is not None and reached and time.monotonic() >= deadline:
                    return reached
                try:
                    found = self._batcher.submit(list(new), deadline)
                except BusyError:
                    return reached
                known.update(new)
                for window, row in zip(new.values(), found.tolist(), strict=True):
                    visit(window, dict(zip(self.labels, row, strict=True)))
            reached = max(reached, group[-1].end)
            if is_settled():
                return len(text)
        return len(text)

    def joined(self, text: str) -> Joined | None:
        """The text with its spread words put together, None where there are none."""
        return joined(self._tokenizer, text)

    def _groups(self, text: str) -> Iterator[list[Window]]:
        every = windows(self._tokenizer, text, self._size, self._overlap)
        while group := list(islice(every, self._model.group)):
            yield group


_LOADED: WeakValueDictionary[tuple[Path, str, Settings], TransformerClassifier] = (
    WeakValueDictionary()
)
_LOADING = Lock()


def load_classifier(path: Path, settings: Settings) -> TransformerClassifier:
    """The classifier of a directory, one per process for equal files and settings.

    Raises ModelError where the files cannot be used and MissingDependencyError where a package is
    missing.
    """
    directory = Directory.open(path.resolve())
    stamps = ",".join(_stamp(file) for file in _files(directory, settings))
    with _LOADING:
        key = (directory.path, stamps, settings)
        known = _LOADED.get(key)
        if known is None:
            known = _LOADED[key] = _load(directory, settings)
        return known


def _load(directory: Directory, settings: Settings) -> TransformerClassifier:
    labels = meanings(settings.labels or directory.label_names)
    tokenizer = Tokenizer(directory.tokenizer)
    model: WindowModel
    if settings.backend == "onnx":
        model = OnnxModel(
            directory,
            pad_id=tokenizer.pad_id,
            max_tokens=settings.window_tokens,
            threads=settings.threads,
        )
    else:
        model = TorchModel(
            directory,
            pad_id=tokenizer.pad_id,
            max_tokens=settings.window_tokens,
            device=settings.device,
            threads=settings.threads,
            pack=settings.pack,
        )
    wait_s = GPU_WAIT_S if model.group > 1 else 0.0
    return TransformerClassifier(tokenizer, model, labels, wait_s=wait_s)


def _files(directory: Directory, settings: Settings) -> tuple[Path, ...]:
    common = (directory.path / "config.json", directory.tokenizer)
    if settings.backend != "onnx":
        return (*common, *directory.weights())
    found = directory.onnx
    # An export is refused once its weights are others.
    return (*common, *directory.safetensors, *((found,) if found else ()))


def _stamp(file: Path) -> str:
    status = file.stat()
    return f"{status.st_size}:{status.st_mtime_ns}"
