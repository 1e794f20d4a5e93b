"""Files as PyTorch and safetensors themselves write them."""

import argparse
import pickle
from collections.abc import Iterator

import safetensors.torch
import torch
from tests.corpus.supply.benign import Entry, saved


class Scripted(torch.nn.Module):
    """Something to make TorchScript of."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One layer."""
        found: torch.Tensor = self.inner(x).relu()
        return found


def _net() -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Linear(3, 3), torch.nn.ReLU(), torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm1d(3),
        torch.nn.LSTM(3, 4), torch.nn.Embedding(4, 4), torch.nn.Dropout(), torch.nn.LayerNorm(3),
        torch.nn.TransformerEncoderLayer(8, 2, batch_first=True),
    )  # fmt: skip


def torch_entries() -> Iterator[Entry]:
    """Every file, its content made now."""
    net = _net()
    optimiser = torch.optim.AdamW(net.parameters())
    kinds = [torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
    for told, value in (
        ("tensors of all kinds", {str(kind): torch.ones(3, dtype=kind) for kind in kinds}),
        ("a state", net.state_dict()),
        ("a whole module", net),
        ("a checkpoint", {"model": net.state_dict(), "optimizer": optimiser.state_dict(),
                          "epoch": 3, "args": argparse.Namespace(lr=1)}),
        ("an optimiser", optimiser),
        ("a sparse tensor", torch.eye(3).to_sparse()),
        ("a complex tensor", torch.ones(2, dtype=torch.complex64)),
        ("sizes and devices", [torch.Size([1, 2]), torch.device("cpu"), torch.float16]),
        ("a parameter", torch.nn.Parameter(torch.ones(2))),
        ("nothing", {}),
    ):  # fmt: skip
        yield f"torch: {told}, zip", "a.pt", saved(lambda to, value=value: torch.save(value, to))  # type: ignore[misc]
        yield (
            f"torch: {told}, legacy",
            "a.bin",
            saved(
                lambda to, value=value: torch.save(value, to, _use_new_zipfile_serialization=False)  # type: ignore[misc]
            ),
        )
    for version in (2, 3, 4, 5):
        yield (
            f"torch: by pickle, protocol {version}",
            "p.pkl",
            pickle.dumps({"t": torch.randn(300), "net": net}, version),
        )
    script = torch.jit.script(Scripted())
    yield "torch: TorchScript", "s.pt", saved(lambda to: torch.jit.save(script, to))
    traced = torch.jit.trace(Scripted(), torch.ones(1, 3))  # type: ignore[no-untyped-call]
    yield "torch: TorchScript, traced", "t.pt", saved(lambda to: torch.jit.save(traced, to))
    tensors = {"a": torch.randn(3, 3), "b": torch.ones(2, dtype=torch.bfloat16), "e": torch.ones(0)}
    yield "safetensors: tensors", "m.safetensors", safetensors.torch.save(tensors, {"format": "pt"})
    yield "safetensors: nothing", "n.safetensors", safetensors.torch.save({})
