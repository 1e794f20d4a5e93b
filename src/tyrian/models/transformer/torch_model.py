"""Sequence classifiers in torch: DeBERTa-v2 folded, other architectures through transformers."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tyrian.errors import MissingDependencyError, ModelError
from tyrian.models.transformer.backend import F64, Ids, default_threads, padded, softmax
from tyrian.models.transformer.deberta import FoldedDeberta, is_foldable
from tyrian.models.transformer.directory import Directory, identity

if TYPE_CHECKING:
    import torch

    Forward = Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]

PACKAGES = ("torch", "safetensors", "tokenizers")
WINDOW = 128
"""Tokens of a window where nothing else is said: the cheapest per token on a CPU."""


class TorchModel:
    """The classifier of a directory, its weights mapped into memory and shared between processes.

    With `pack` a CPU gets copies of most linear maps, a third of the weights, in the order in which
    it reads them fastest; without, every tensor is shared. `threads` bounds the threads of one
    call; torch keeps that number for the whole process. `device` is `cpu`, `cuda`, `cuda:1`, or
    `auto`: a GPU where there is one.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        pad_id: int,
        max_tokens: int = WINDOW,
        device: str = "auto",
        threads: int = 0,
        pack: bool = True,
    ) -> None:
        torch = _torch()
        files = directory.weights()
        torch.set_num_threads(threads or default_threads())
        self.max_tokens = min(max_tokens, directory.max_tokens)
        self.revision = identity(directory.path / "config.json", directory.tokenizer, *files)
        self._pad_id = pad_id
        self._device = device_of(device)
        is_gpu = self._device.type != "cpu"
        self.group = 32 if is_gpu else 1
        self.batch_tokens = 16_384 if is_gpu else 256
        self._forward = forward(directory, self.max_tokens, self._device, pack=pack and not is_gpu)

    def probabilities(self, batch: Sequence[Ids]) -> F64:
        """Probabilities [windows, classes]."""
        torch = _torch()
        ids, mask = padded(batch, self._pad_id)
        with torch.inference_mode():
            given = torch.from_numpy(ids).to(self._device)
            shown = None if mask.all() else torch.from_numpy(mask).to(self._device)
            logits = self._forward(given, shown).float().cpu().numpy()
        return softmax(logits)


def forward(
    directory: Directory, max_tokens: int, device: "torch.device", *, pack: bool = False
) -> "Forward":
    """Ids and mask to logits; ModelError where the weights do not fit the configuration."""
    if not is_foldable(directory.config):
        return _transformers(directory, device)
    tensors = read_tensors(directory, device)
    try:
        with _torch().inference_mode():
            return FoldedDeberta(directory.config, tensors, max_tokens, pack=pack).logits
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"the weights in {directory.path.name} do not fit its config.json "
            f"({type(error).__name__})",
            hint="pull the model again",
        ) from None


def read_tensors(directory: Directory, device: "torch.device") -> "dict[str, torch.Tensor]":
    """Every tensor as 32-bit floats; on a CPU mapped from the file, not copied.

    Processes that map one file share its pages, so that workers hold the weights once.
    """
    from safetensors import SafetensorError, safe_open

    found: dict[str, torch.Tensor] = {}
    for file in directory.weights():
        try:
            with safe_open(file, framework="pt", device=str(device)) as opened:
                for name in opened.keys():  # noqa: SIM118 - not a mapping
                    plain = name.replace(".gamma", ".weight").replace(".beta", ".bias")
                    found[plain] = opened.get_tensor(name).to(_torch().float32)
        except (SafetensorError, OSError) as error:
            raise ModelError(
                f"cannot read {file.name} in {directory.path.name} ({type(error).__name__})",
                hint="the file is damaged; pull the model again",
            ) from None
    return found


def _transformers(directory: Directory, device: "torch.device") -> "Forward":
    try:
        from transformers import AutoModelForSequenceClassification
    except ImportError:
        raise MissingDependencyError(
            f"architecture {directory.architecture!r} needs the package transformers",
            hint="get it: pip install 'tyrian[hf]'",
        ) from None
    try:
        model, info = AutoModelForSequenceClassification.from_pretrained(
            directory.path, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except Exception as error:  # noqa: BLE001 - whatever a damaged directory makes it raise
        raise ModelError(
            f"transformers cannot load {directory.path.name} ({type(error).__name__})",
            hint="is it the directory of a sequence classifier?",
        ) from None
    if info["missing_keys"]:
        hint = "these are not the weights of a trained classifier; pull the model again"
        raise ModelError(f"the weights lack {sorted(info['missing_keys'])[0]!r}", hint=hint)
    model = model.float().to(device).eval()

    def run(ids: "torch.Tensor", mask: "torch.Tensor | None") -> "torch.Tensor":
        logits: torch.Tensor = model(
            input_ids=ids, attention_mask=_torch().ones_like(ids) if mask is None else mask
        ).logits
        return logits

    return run


def device_of(name: str) -> "torch.device":
    """The device of that name, `auto` a GPU where there is one; ModelError for none that is here.

    It also refuses devices that hold no numbers.
    """
    if name == "auto":
        name = "cuda" if _torch().cuda.is_available() else "cpu"
    try:
        device: torch.device = _torch().device(name)
        _torch().empty(0, device=device).cpu()
    except (RuntimeError, AssertionError, ImportError):
        raise ModelError(
            f"there is no device {name!r} here", hint="write device: cpu, or leave it out"
        ) from None
    return device


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise MissingDependencyError(
            "the package torch is not here", hint="get it: pip install 'tyrian[hf]'"
        ) from None
    return torch
