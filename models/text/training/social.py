"""A second head for short written texts, learned from the tweets of GermEval 2018.

It has upper layers of its own on the trunk that the phone task shares, so the phone task pays
nothing for it; a linear model over n-grams of the spelling stands beside it.
Data: Wiegand, Siegel, Ruppenhofer 2018 (CC BY 4.0), training part only.
"""

from __future__ import annotations

import math
import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.text.encoder.manifest import SocialRule
from models.text.encoder.tokens import TokenReader
from models.text.training.metrics import official
from models.text.training.network import Encoder, Shape

_NO_SPEECH = re.compile(r"https?://\S+|\|LBR\||@\w+")
_PAD = 1
_FINE = ("OTHER", "PROFANITY", "INSULT", "ABUSE")


@dataclass(frozen=True)
class Tweet:
    """A labelled tweet; `fine` is an index into OTHER, PROFANITY, INSULT, ABUSE."""

    text: str
    offensive: bool
    fine: int


@dataclass(frozen=True)
class SocialSettings:
    """How to train the head for written texts."""

    epochs: int = 2
    batch: int = 16
    rate: float = 1.5e-4
    fine_weight: float = 0.5
    offensive_weight: float = 1.3
    seed: int = 1


def read_tweets(path: Path) -> list[Tweet]:
    """The tweets of a file of the shared task (text, coarse, fine; tab-separated)."""
    tweets = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            text, coarse, fine = line.strip().split("\t")
            tweets.append(Tweet(text, coarse == "OFFENSE", _FINE.index(fine)))
    return tweets


class SocialModel(nn.Module):
    """Encoder, one logit for offensive; while training also the kind of offence."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.encoder = Encoder(shape)
        self.offensive = nn.Linear(shape.hidden, 1)
        self.kind = nn.Linear(shape.hidden, len(_FINE))
        self.dropout = nn.Dropout(0.2)
        self.register_buffer("centre", torch.zeros(shape.hidden))
        self.register_buffer("spread", torch.ones(shape.hidden))

    def pooled(self, states: Tensor, own: Tensor) -> Tensor:
        """The standardised mean of the text's own tokens, [texts, hidden]."""
        share = own.to(states.dtype)[:, :, None]
        mean = (states * share).sum(1) / share.sum(1).clamp(min=1.0)
        return (mean - self.centre) / self.spread

    def judged(self, states: Tensor, own: Tensor) -> Tensor:
        """Logits that the texts are offensive, [texts]."""
        return self.offensive(self.pooled(states, own))[:, 0]


@dataclass(frozen=True)
class Read:
    """A tweet's states after the trunk [tokens, hidden] and which tokens are its own [tokens]."""

    states: Tensor
    own: Tensor


@torch.no_grad()
def through_trunk(
    encoder: Encoder, trunk: int, reader: TokenReader, texts: Sequence[str]
) -> list[Read]:
    """The texts after the layers that nothing changes: computed once."""
    encoder.eval()
    read = [reader.read(_NO_SPEECH.sub(" ", text), "customer") for text in texts]
    order = sorted(range(len(read)), key=lambda index: len(read[index].ids))
    result: dict[int, Read] = {}
    for start in range(0, len(order), 32):
        chosen = order[start : start + 32]
        width = max(len(read[index].ids) for index in chosen)
        ids, filled = torch.full((len(chosen), width), _PAD), torch.zeros(len(chosen), width)
        for at, index in enumerate(chosen):
            ids[at, : len(read[index].ids)] = torch.tensor(read[index].ids)
            filled[at, : len(read[index].ids)] = 1
        states = encoder.lower(ids, Encoder.mask(filled), trunk)
        for at, index in enumerate(chosen):
            tokens = read[index]
            own = torch.zeros(len(tokens.ids))
            own[tokens.own_start : tokens.own_end] = 1
            result[index] = Read(states[at, : len(tokens.ids)].clone(), own)
    return [result[index] for index in range(len(texts))]


def train(
    encoder: Mapping[str, Tensor],
    shape: Shape,
    trunk: int,
    read: Sequence[Read],
    tweets: Sequence[Tweet],
    settings: SocialSettings,
) -> SocialModel:
    """Fine-tune the layers above the trunk, starting from the phone task's weights `encoder`."""
    torch.manual_seed(settings.seed)
    rng = random.Random(settings.seed)
    model = SocialModel(shape)
    model.encoder.load_state_dict(encoder)
    model.encoder.requires_grad_(False)
    for layer in model.encoder.layers[trunk:]:
        layer.requires_grad_(True)
    with torch.no_grad():
        some = rng.sample(range(len(read)), min(512, len(read)))
        model.eval()
        means = torch.cat([_pooled(model, [read[at]], trunk) for at in some])
        model.centre, model.spread = means.mean(0), means.std(0).clamp(min=1e-3)
        model.offensive.weight.mul_(0.2)
        model.kind.weight.mul_(0.2)
    upper = [value for value in model.encoder.parameters() if value.requires_grad]
    heads = [*model.offensive.parameters(), *model.kind.parameters()]
    optimizer = torch.optim.AdamW(
        [{"params": upper, "lr": settings.rate}, {"params": heads, "lr": 1e-3}], weight_decay=0.01
    )
    steps = math.ceil(len(read) / settings.batch) * settings.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / (0.1 * steps), (steps - step) / (steps * 0.9))
    )
    begin = time.monotonic()
    for epoch in range(settings.epochs):
        model.train()
        total = 0.0
        for chosen in _batches(read, settings.batch, rng):
            offensive = torch.tensor([float(tweets[at].offensive) for at in chosen])
            kind = torch.tensor([tweets[at].fine for at in chosen])
            with torch.autocast("cpu", torch.bfloat16):
                pooled = model.dropout(_pooled(model, [read[at] for at in chosen], trunk))
                coarse, fine = model.offensive(pooled)[:, 0], model.kind(pooled)
            loss = functional.binary_cross_entropy_with_logits(
                coarse.float(), offensive, weight=1 + offensive * (settings.offensive_weight - 1)
            ) + settings.fine_weight * functional.cross_entropy(
                fine.float(), kind, label_smoothing=0.05
            )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_([*upper, *heads], 1.0)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(chosen)
        seconds = time.monotonic() - begin
        print(f"  epoch {epoch + 1}: loss {total / len(read):.3f}, {seconds:.0f} s", flush=True)
    return model.eval()


def _pooled(model: SocialModel, read: Sequence[Read], trunk: int) -> Tensor:
    width = max(len(item.own) for item in read)
    states = torch.zeros(len(read), width, read[0].states.shape[1])
    own, filled = torch.zeros(len(read), width), torch.zeros(len(read), width)
    for at, item in enumerate(read):
        states[at, : len(item.own)] = item.states
        own[at, : len(item.own)] = item.own
        filled[at, : len(item.own)] = 1
    return model.pooled(model.encoder.upper(states, Encoder.mask(filled), trunk), own)


def _batches(read: Sequence[Read], size: int, rng: random.Random) -> list[list[int]]:
    order = list(range(len(read)))
    rng.shuffle(order)
    batches = []
    for start in range(0, len(order), size * 16):
        near = sorted(order[start : start + size * 16], key=lambda at: len(read[at].own))
        batches += [near[at : at + size] for at in range(0, len(near), size)]
    rng.shuffle(batches)
    return batches


@torch.no_grad()
def predict(model: SocialModel, read: Sequence[Read], trunk: int) -> np.ndarray:
    """Logits that the texts are offensive."""
    model.eval()
    return np.array([float(model.offensive(_pooled(model, [item], trunk))[0, 0]) for item in read])


def settle(
    network: np.ndarray, words: np.ndarray, gold: np.ndarray
) -> tuple[SocialRule, dict[str, float]]:
    """Weights of both models and the offset at which the official score is best.

    The figures of the mixture are of the same held-out texts on which its three numbers were
    chosen, so they flatter a little.
    """
    from sklearn.linear_model import LogisticRegression

    both = np.stack([network, words], 1)
    mixture = LogisticRegression(C=10.0, class_weight="balanced").fit(both, gold)
    weights = np.maximum(mixture.coef_[0], 0.0)
    mixed = both @ weights
    offsets = [-float(np.quantile(mixed, share)) for share in np.arange(0.5, 0.8, 0.005)]
    scores = np.array([official(gold, (mixed + offset > 0).astype(int)) for offset in offsets])
    smooth = np.convolve(np.pad(scores, 4, mode="edge"), np.ones(9) / 9, mode="valid")
    offset = offsets[int(np.argmax(smooth))]
    return SocialRule(float(weights[0]), float(weights[1]), offset), {
        "texts": float(len(gold)),
        "network": official(gold, (network > 0).astype(int)),
        "words": official(gold, (words > 0).astype(int)),
        "both": official(gold, (mixed + offset > 0).astype(int)),
        "both at even odds": official(gold, mixture.predict(both).astype(int)),
    }
