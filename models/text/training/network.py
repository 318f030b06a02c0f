"""The encoder in PyTorch with the heads of the phone task on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.text.score import AGENT_LABELS, CUSTOMER_LABELS

LABELS = (*CUSTOMER_LABELS, *AGENT_LABELS)
TARGETS = ("none", "agent", "company", "product", "third")
SEVERITY_STEPS = 3
"""Logits of severity ≥ 1, ≥ 2, ≥ 3."""
_EPS = 1e-12
_DROPOUT = 0.1
_HEAD_DROPOUT = 0.2


@dataclass(frozen=True)
class Shape:
    """Sizes of an encoder; `layers` may be fewer than the pretrained one has."""

    pieces: int
    positions: int = 512
    hidden: int = 384
    layers: int = 12
    heads: int = 12
    inner: int = 1536


class Layer(nn.Module):
    """One transformer layer (post-norm, exact GELU), as in BERT."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.attention = nn.Linear(shape.hidden, 3 * shape.hidden)
        self.mixed = nn.Linear(shape.hidden, shape.hidden)
        self.wide = nn.Linear(shape.hidden, shape.inner)
        self.narrow = nn.Linear(shape.inner, shape.hidden)
        self.attention_norm = nn.LayerNorm(shape.hidden, eps=_EPS)
        self.output_norm = nn.LayerNorm(shape.hidden, eps=_EPS)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """`states` [batch, tokens, hidden]; `mask` [batch, 1, 1, tokens], 0 or very negative."""
        batch, tokens, hidden = states.shape
        split = self.attention(states).view(batch, tokens, 3, self.heads, hidden // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        chance = _DROPOUT if self.training else 0.0
        if torch.onnx.is_in_onnx_export():
            weights = query @ key.transpose(-1, -2) * (hidden // self.heads) ** -0.5 + mask
            seen = torch.softmax(weights, -1) @ value
        else:
            seen = functional.scaled_dot_product_attention(
                query, key, value, attn_mask=mask, dropout_p=chance
            )
        mixed = self.mixed(seen.transpose(1, 2).reshape(batch, tokens, hidden))
        states = self.attention_norm(states + functional.dropout(mixed, chance))
        inner = self.narrow(functional.gelu(self.wide(states)))
        return self.output_norm(states + functional.dropout(inner, chance))


class Encoder(nn.Module):
    """Tokens to one vector each."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.words = nn.Embedding(shape.pieces, shape.hidden)
        self.positions = nn.Embedding(shape.positions, shape.hidden)
        self.norm = nn.LayerNorm(shape.hidden, eps=_EPS)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))

    @staticmethod
    def mask(filled: Tensor) -> Tensor:
        """What attention adds for tokens [batch, tokens] that are there (1) or padding (0)."""
        return (1.0 - filled[:, None, None, :]) * -1e4

    def lower(self, ids: Tensor, mask: Tensor, count: int) -> Tensor:
        """Token numbers [batch, tokens] to the states after `count` layers."""
        places = torch.arange(ids.shape[1], device=ids.device)
        states: Tensor = self.norm(self.words(ids) + self.positions(places)[None])
        for layer in self.layers[:count]:
            states = layer(states, mask)
        return states

    def upper(self, states: Tensor, mask: Tensor, count: int) -> Tensor:
        """The states after `count` layers to those after the last."""
        for layer in self.layers[count:]:
            states = layer(states, mask)
        return states

    def forward(self, ids: Tensor, filled: Tensor) -> Tensor:
        """`ids`, `filled` [batch, tokens] -> [batch, tokens, hidden]; `filled`: 1 where a token."""
        return self.lower(ids, self.mask(filled), len(self.layers))


class PhoneModel(nn.Module):
    """Encoder and heads: labels, severity and target of an utterance, labels of its tokens."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = Encoder(shape)
        self.labels = nn.Linear(shape.hidden, len(LABELS))
        self.severity = nn.Linear(shape.hidden, SEVERITY_STEPS)
        self.target = nn.Linear(shape.hidden, len(TARGETS))
        self.evidence = nn.Linear(shape.hidden, len(LABELS))
        self.strongest = nn.Parameter(torch.zeros(len(LABELS)))
        self.register_buffer("centre", torch.zeros(shape.hidden))
        self.register_buffer("spread", torch.ones(shape.hidden))
        self.dropout = nn.Dropout(_HEAD_DROPOUT)

    def forward(
        self, ids: Tensor, filled: Tensor, own: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits: labels [batch, 29], severity [batch, 3], target [batch, 5], and the labels of
        each token [batch, tokens, 29].

        `own`: 1 at the tokens of the utterance itself (not of its context or marks).
        """
        return self.judged(self.encoder(ids, filled), own)

    def judged(self, states: Tensor, own: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The same from the encoder's outputs [batch, tokens, hidden]."""
        states = (states - self.centre) / self.spread
        share = own.to(states.dtype)[:, :, None]
        pooled = self.dropout((states * share).sum(1) / share.sum(1).clamp(min=1.0))
        tokens = self.evidence(self.dropout(states))
        strongest = (torch.sigmoid(tokens) * share).amax(1)
        labels = self.labels(pooled) + self.strongest * strongest
        return labels, self.severity(pooled), self.target(pooled), tokens

    def standardise(self, pooled: Tensor) -> None:
        """Let the heads see the encoder's outputs with mean 0 and deviation 1.

        `pooled` [utterances, hidden]. The outputs lie in a narrow cone far from zero (Ethayarajh
        2019), which makes heads learn slowly.
        """
        self.centre = pooled.mean(0)
        self.spread = pooled.std(0).clamp(min=1e-3)


def pretrained(tensors: Mapping[str, np.ndarray], layers: int) -> PhoneModel:
    """A model whose encoder is the pretrained one (its first `layers` layers)."""
    pieces, hidden = tensors["words.weight"].shape
    shape = Shape(pieces=pieces, hidden=hidden, layers=layers)
    model = PhoneModel(shape)
    wanted = model.encoder.state_dict().keys()
    model.encoder.load_state_dict(
        {name: torch.from_numpy(tensors[name].copy()) for name in tensors if name in wanted}
    )
    return model
