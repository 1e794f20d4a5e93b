"""How the encoder is fitted: loss, energy, steps."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.encoder.batches import Batch, Example, batch_of, batches
from training.encoder.network import Encoder
from tyrian.models.windows import F32

SIZE = 32
RATES = {"bags": 1.5e-3, "heads": 1e-3, "backbone": 1e-4}
"""Highest learning rates; what was learnt before moves least."""
_NEW = ("bag.", "queries.", "hidden.", "heads.")
SMOOTHING = 0.02
ENERGY = 0.03
"""Weight of the energy penalty: benign text of any kind is pushed below LOW, attacks above HIGH."""
LOW, HIGH = -4.0, 2.0
_WARM = 100
_DECAY = 0.01


def loss_of(logits: Tensor, batch: Batch) -> Tensor:
    """Cross-entropy of every output that counts, and the energy of the attack's."""
    targets = batch.targets * (1 - 2 * SMOOTHING) + SMOOTHING
    each = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    weights = torch.ones(logits.shape[1])
    weights[3:] = 0.5
    cross = (each * batch.importance * weights).sum(dim=1).mean()
    attack, is_attack = logits[:, 0], batch.targets[:, 0]
    too_high = (1 - is_attack) * functional.relu(attack - LOW) ** 2
    too_low = is_attack * functional.relu(HIGH - attack) ** 2
    energy = ((too_high + too_low) * batch.importance[:, 0]).mean()
    return cross + ENERGY * energy


def _part(name: str) -> str:
    if name.startswith("bags."):
        return "bags"
    return "heads" if name.startswith(_NEW) else "backbone"


def _optimiser(net: Encoder) -> torch.optim.AdamW:
    groups: dict[str, list[Tensor]] = {part: [] for part in RATES}
    for name, values in net.named_parameters():
        if values.requires_grad:
            groups[_part(name)].append(values)
    decay = {"bags": 0.0, "heads": _DECAY, "backbone": _DECAY}
    return torch.optim.AdamW(
        [
            {"params": groups[part], "highest": rate, "weight_decay": decay[part]}
            for part, rate in RATES.items()
        ]
    )


def fit(
    net: Encoder,
    examples: Sequence[Example],
    *,
    epochs: int,
    seed: int,
    say: Callable[[str], None],
) -> None:
    """Train in place; the learning rate rises at first and then falls along a cosine."""
    torch.manual_seed(seed)
    optimiser = _optimiser(net)
    steps = epochs * math.ceil(len(examples) / SIZE)
    step = 0
    net.train()
    total = 0.0
    for epoch in range(epochs):
        for batch in batches(examples, SIZE, seed + epoch):
            share = 0.5 * (1 + math.cos(math.pi * step / steps))
            for group in optimiser.param_groups:
                group["lr"] = group["highest"] * min(1.0, step / _WARM) * max(0.02, share)
            with torch.autocast("cpu", dtype=torch.bfloat16):  # two thirds of the time of 32 bits
                logits = net(batch.inputs)
            loss = loss_of(logits.float(), batch)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            total += float(loss.detach())
            step += 1
            if step % 100 == 0:
                say(f"step {step} of {steps}: loss {total / 100:.4f}")
                total = 0.0
    net.eval()


def logits_of(net: Encoder, examples: Sequence[Example]) -> F32:
    """A row of logits per example."""
    order = np.argsort([len(example.tokens) for example in examples], kind="stable")
    result: F32 | None = None
    with torch.inference_mode():
        for first in range(0, len(order), SIZE):
            chosen = order[first : first + SIZE]
            rows = net(batch_of([examples[int(n)] for n in chosen]).inputs).numpy()
            if result is None:
                result = np.zeros((len(order), rows.shape[1]), dtype=np.float32)
            result[chosen] = rows
    return result if result is not None else np.zeros((0, 1), dtype=np.float32)
