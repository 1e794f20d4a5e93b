"""A second stage for tests, of which a network without weights is the encoder."""

from tyrian.models.encoder.guard import Encoder, Layers
from tyrian.models.encoder.pieces import UNKNOWN, Vocabulary
from tyrian.models.linear import LinearModel
from tyrian.models.stages import Mix, SecondStage


def steady_stage(
    network: Layers, harm: LinearModel, *, gate: float = -2.0, harm_gate: float = 99.0
) -> SecondStage:
    """What the network says counts for three fifths, the first stage for two, a glance for none."""
    encoder = Encoder(network, Vocabulary.of([UNKNOWN]), "steady", {}, {})
    mix = Mix(gate, harm_gate, first=0.4, glance=0.0, read=0.6, harm=0.0, offset=0.0, unread=-4.0)
    return SecondStage(encoder, harm, mix)
