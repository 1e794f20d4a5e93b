"""Writes a directory's classifier as ONNX, and as int8 where int8 says the same.

The command `tyrian model export DIR [--int8]` calls `export_onnx`; a guard with backend `onnx`
takes the files from where it puts them, `DIR/onnx/`.
"""

import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tyrian.errors import MissingDependencyError, ModelError
from tyrian.models.selftest import PROMPT_ATTACKS
from tyrian.models.transformer.backend import F64, Ids, padded, softmax
from tyrian.models.transformer.directory import Directory
from tyrian.models.transformer.onnx_model import MAX_TOKENS_KEY, OnnxModel
from tyrian.models.transformer.origin import WEIGHTS_KEY, digest_of_weights
from tyrian.models.transformer.tokens import Tokenizer
from tyrian.models.transformer.torch_model import WINDOW, forward
from tyrian.models.transformer.windows import windows

if TYPE_CHECKING:
    import torch

OPSET = 17
MOST_DIFFERENCE = 0.02
"""Greatest difference of a probability that int8 may make on any calibration window."""
MOST_ROUNDING = 1e-4
"""Greatest difference that the 32-bit export may make."""
DEFAULT_CALIBRATION = (*PROMPT_ATTACKS.attacks, *PROMPT_ATTACKS.benign)
_GATE_KEY = "tyrian.int8_difference"
_PLAIN, _INT8 = "model.onnx", "model_int8.onnx"


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written, and how far its scores are from those of torch."""

    path: Path
    """The file that a guard will take: int8 where it was asked for."""
    is_int8: bool
    windows: int
    """Windows that were compared."""
    difference: float
    """Greatest difference of a probability between torch and the file at `path`."""
    float_difference: float
    """The same for the 32-bit file."""
    bytes: int
    """Size on disk of the file at `path`, with the weights beside it."""
    float_bytes: int
    window_tokens: int
    """Tokens of the longest window that the files take."""


def export_onnx(
    directory: Path,
    *,
    int8: bool,
    calibration: Sequence[str] = DEFAULT_CALIBRATION,
    max_tokens: int = WINDOW,
) -> ExportReport:
    """Write `onnx/model.onnx`, and with `int8` also `onnx/model_int8.onnx`, into the directory.

    int8 is dynamic and per channel: weights of linear maps and embeddings become 8-bit integers,
    activations are measured at run time. `calibration` are texts like those that the guard will
    judge, attacks and benign ones; every window of them is scored by torch and by the files.
    ModelError, and no int8 file, where any probability differs by more than `MOST_DIFFERENCE`;
    files appear under their names only once they have passed. An int8 file of an earlier export
    goes where this one writes none, so that guards never prefer it to what is newer. Longer windows
    than `max_tokens` are not possible with the export, because its position tables end there; nor
    are longer ones than the model's own.

    This is what `tyrian model export DIR --int8` calls.
    """
    opened = Directory.open(directory)
    tokenizer = Tokenizer(opened.tokenizer)
    most = min(max_tokens, opened.max_tokens)
    batch = _calibration_windows(tokenizer, calibration, most)
    target = directory / "onnx"
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".export-") as made:
        work = Path(made)
        run, expected = _exported(opened, tokenizer, work / _PLAIN, most, batch)
        plain = _difference(opened, tokenizer, work / _PLAIN, batch, expected)
        if plain > MOST_ROUNDING:
            raise ModelError(f"the exported model differs from torch by {plain:.5f}")
        del run
        files = [_PLAIN]
        worst = plain
        if int8:
            try:
                worst = _quantised(opened, tokenizer, work, batch, expected)
            except ModelError:
                _remove(target / _INT8)
                raise
            files.append(_INT8)
        sizes = [_size(work / name) for name in files]
        for name in files:
            _put(work / name, target / name)
        if not int8:
            _remove(target / _INT8)
    return ExportReport(
        path=target / files[-1],
        is_int8=int8,
        windows=len(batch),
        difference=worst,
        float_difference=plain,
        bytes=sizes[-1],
        float_bytes=sizes[0],
        window_tokens=most,
    )


def _calibration_windows(tokenizer: Tokenizer, texts: Sequence[str], most: int) -> list[Ids]:
    overlap = (most - tokenizer.framing) // 4
    found = [w.ids for text in texts for w in windows(tokenizer, text, most, overlap)]
    if len(found) < 2:
        raise ModelError(
            "the calibration set is empty", hint="give a few dozen texts of both kinds"
        )
    return found


def _exported(
    directory: Directory, tokenizer: Tokenizer, file: Path, most: int, batch: Sequence[Ids]
) -> tuple[Callable[..., Any], list[F64]]:
    """Write the 32-bit file; torch's probabilities of the windows are the reference."""
    try:
        import onnx
        import torch
    except ImportError as error:
        raise MissingDependencyError(
            f"the package {error.name} is not here",
            hint="get it: pip install 'tyrian[hf,onnx]'",
        ) from None

    # Before the weights are read: of weights that change meanwhile the export is refused later.
    origin = digest_of_weights(directory.weights())
    run = forward(directory, most, torch.device("cpu"))

    class Exported(torch.nn.Module):
        def forward(self, input_ids: "torch.Tensor", attention_mask: "torch.Tensor") -> Any:
            return run(input_ids, attention_mask)

    with torch.inference_mode():
        expected = [softmax(run(torch.tensor([ids]), None).float().numpy()) for ids in batch]
    example = tuple(map(torch.from_numpy, padded([batch[0], batch[0][:5]], tokenizer.pad_id)))
    axes = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings(), torch.no_grad():
        # The tracer warns of constants that the folding makes on purpose.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Exported().eval(),
            example,
            str(file),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "logits": {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )
    graph = onnx.load(str(file))
    _constants_to_weights(graph.graph)
    _describe(graph, MAX_TOKENS_KEY, str(most))
    _describe(graph, WEIGHTS_KEY, origin)
    _save(graph, file)
    return run, expected


def _quantised(
    directory: Directory,
    tokenizer: Tokenizer,
    work: Path,
    batch: Sequence[Ids],
    expected: Sequence[F64],
) -> float:
    """Write the int8 file; ModelError where it does not say the same."""
    import onnx
    from onnxruntime.quantization import (  # type: ignore[import-untyped]
        QuantType,
        quantize_dynamic,
    )

    file = work / _INT8
    with _quiet():
        # Seven bits: eight would overflow the 16-bit sums of processors without VNNI, and the file
        # may be carried from one machine to another.
        quantize_dynamic(
            onnx.load(str(work / _PLAIN)),
            str(file),
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )
    graph = onnx.load(str(file))
    _save(graph, file)
    worst = _difference(directory, tokenizer, file, batch, expected)
    if not worst <= MOST_DIFFERENCE:
        raise ModelError(
            f"int8 changes a score by {worst:.3f}, more than {MOST_DIFFERENCE}: refused",
            hint="the 32-bit export (without int8) has the model's own scores; use that one",
        )
    graph = onnx.load(str(file), load_external_data=False)
    _describe(graph, _GATE_KEY, f"{worst:.6f}")
    onnx.save_model(graph, str(file))
    return worst


def _difference(
    directory: Directory,
    tokenizer: Tokenizer,
    file: Path,
    batch: Sequence[Ids],
    expected: Sequence[F64],
) -> float:
    """Greatest difference of any probability, each window judged by itself as a guard does."""
    longest = max(map(len, batch))
    model = OnnxModel(directory, pad_id=tokenizer.pad_id, max_tokens=longest, file=file, threads=1)
    return max(
        float(np.abs(model.probabilities([ids]) - wanted).max())
        for ids, wanted in zip(batch, expected, strict=True)
    )


def _describe(graph: Any, key: str, value: str) -> None:
    entry = graph.metadata_props.add()
    entry.key, entry.value = key, value


def _constants_to_weights(graph: Any) -> None:
    """The tracer writes weights as constants, which can be neither mapped nor made int8."""
    kept = []
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            weight = graph.initializer.add()
            weight.CopyFrom(node.attribute[0].t)
            weight.name = node.output[0]
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)


def _save(graph: Any, file: Path) -> None:
    """Weights beside the graph, where ONNX Runtime maps them instead of copying them."""
    import onnx

    beside = file.with_name(f"{file.name}.data")
    beside.unlink(missing_ok=True)
    onnx.save_model(
        graph,
        str(file),
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=beside.name,
        size_threshold=1024,
    )


def _put(made: Path, target: Path) -> None:
    """Move a file and the weights beside it into place, the graph last."""
    beside = made.with_name(f"{made.name}.data")
    if beside.is_file():
        beside.chmod(made.stat().st_mode)  # written for its owner alone, unlike the graph
        os.replace(beside, target.with_name(beside.name))
    os.replace(made, target)


def _remove(file: Path) -> None:
    """Remove a file, if it is there, and the weights beside it, the graph first."""
    file.unlink(missing_ok=True)
    file.with_name(f"{file.name}.data").unlink(missing_ok=True)


def _size(file: Path) -> int:
    beside = file.with_name(f"{file.name}.data")
    return file.stat().st_size + (beside.stat().st_size if beside.is_file() else 0)


class _quiet(warnings.catch_warnings):  # noqa: N801 - a context manager, named like one
    """Keeps the quantiser's advice, which goes to the root logger, out of our output."""

    def __enter__(self) -> Any:
        import logging

        self._before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        found = super().__enter__()
        warnings.simplefilter("ignore")
        return found

    def __exit__(self, *given: Any) -> None:
        import logging

        logging.disable(self._before)
        super().__exit__(*given)
