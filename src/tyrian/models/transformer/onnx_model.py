"""Sequence classifiers in ONNX Runtime: our own exports, or any with the usual inputs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tyrian.errors import ConfigError, MissingDependencyError, ModelError
from tyrian.models.transformer.backend import F64, Ids, default_threads, padded, softmax
from tyrian.models.transformer.directory import Directory, identity
from tyrian.models.transformer.origin import check_origin

PACKAGES = ("onnxruntime", "tokenizers")
MAX_TOKENS_KEY = "tyrian.max_tokens"
"""Metadata of an export: the most tokens that its position tables hold."""


class OnnxModel:
    """The classifier of a directory's ONNX file; weights beside the graph are mapped and shared.

    `threads` bounds the threads of one call; they sleep while there is nothing to do. ModelError
    where the file cannot be loaded, or is an export of other weights than lie in the directory;
    ConfigError where an export holds shorter windows than `max_tokens`, and the model longer ones.
    """

    group = 1
    batch_tokens = 256

    def __init__(
        self,
        directory: Directory,
        *,
        pad_id: int,
        max_tokens: int = 128,
        threads: int = 0,
        file: Path | None = None,
    ) -> None:
        found = file or directory.onnx
        if found is None:
            raise ModelError(
                f"no ONNX file in {directory.path.name}",
                hint="make one: tyrian model export DIR --int8",
            )
        self._session = session(found, threads or default_threads())
        self._wanted = {one.name for one in self._session.get_inputs()}
        unknown = self._wanted - {"input_ids", "attention_mask", "token_type_ids"}
        if unknown or "input_ids" not in self._wanted:
            raise ModelError(f"{found.name} does not take what a text classifier takes")
        described = self._session.get_modelmeta().custom_metadata_map
        check_origin(directory, found, described)
        self.max_tokens = min(max_tokens, directory.max_tokens)
        _check_length(directory, found, described.get(MAX_TOKENS_KEY, ""), self.max_tokens)
        beside = [f for f in (found.with_name(f"{found.name}.data"),) if f.is_file()]
        self.revision = identity(
            directory.path / "config.json", directory.tokenizer, found, *beside
        )
        self._pad_id = pad_id

    def probabilities(self, batch: Sequence[Ids]) -> F64:
        """Probabilities [windows, classes]."""
        ids, mask = padded(batch, self._pad_id)
        given = {
            "input_ids": ids,
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(ids),
        }
        logits = self._session.run(None, {name: given[name] for name in self._wanted})[0]
        return softmax(np.asarray(logits))


def _check_length(directory: Directory, file: Path, held: str, wanted: int) -> None:
    if held.isdecimal() and int(held) < wanted:
        command = f"tyrian model export {directory.path} --window-tokens {wanted}"
        if "int8" in file.name:
            command += " --int8"
        raise ConfigError(
            f"{file.name} in {directory.path.name} holds windows of {held} tokens, not of {wanted}",
            hint=f"export again: {command}; or write window_tokens: {held}",
        )


def session(file: Path, threads: int) -> Any:
    """An inference session on the CPU with that many threads."""
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError:
        raise MissingDependencyError(
            "the package onnxruntime is not here", hint="get it: pip install 'tyrian[onnx]'"
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            file, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # noqa: BLE001 - its errors have no common base
        raise ModelError(
            f"ONNX Runtime cannot load {file.name} ({type(error).__name__})",
            hint="the file is damaged or too new; export it again",
        ) from None
