"""Fine-tune the encoder on the phone task."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.text.encoder.decide import Logits
from models.text.encoder.grams import Words, spoken
from models.text.encoder.tokens import TokenReader, Tokens
from models.text.score import AGENT_LABELS, CUSTOMER_LABELS, Channel
from models.text.training import noise
from models.text.training.corpus import Utterance
from models.text.training.network import LABELS, TARGETS, PhoneModel, pretrained
from models.text.training.swaps import load_swaps

_PAD = 1
_SEEN_FIRST = 512
_RARE_LOGIT = -2.5
_CHANNEL_MASK = {
    "customer": [1.0] * len(CUSTOMER_LABELS) + [0.0] * len(AGENT_LABELS),
    "agent": [0.0] * len(CUSTOMER_LABELS) + [1.0] * len(AGENT_LABELS),
}


@dataclass(frozen=True)
class Settings:
    """How to train. `layers` of the pretrained encoder are used; the lowest `frozen` of them keep
    what they know, the lowest `trunk` are shared with the head for written texts. Rates are of
    AdamW, falling by `layer_decay` from each layer to the one below."""

    layers: int = 6
    trunk: int = 2
    frozen: int = 0
    epochs: int = 6
    batch: int = 24
    rate: float = 5e-4
    head_rate: float = 2e-3
    layer_decay: float = 0.9
    warmup: float = 0.08
    weight_decay: float = 0.01
    severity_weight: float = 0.7
    target_weight: float = 0.3
    evidence_weight: float = 1.0
    noisy_share: float = 0.4
    noise_strength: float = 0.15
    cut_share: float = 0.15
    kind_swap: float = 0.5
    dialect_share: float = 0.15
    dialect_swap: float = 0.5
    strange_context_share: float = 0.1
    smoothing: float = 0.02
    average: float = 0.92
    average_every: int = 4
    seed: int = 1


@dataclass(frozen=True)
class Example:
    """An utterance ready for the network; `carried` [tokens, 29] is None without evidence."""

    tokens: Tokens
    row: Utterance
    carried: np.ndarray | None


class Examples:
    """Makes examples of rows, with noise and strange context where asked for."""

    def __init__(self, reader: TokenReader, rows: Sequence[Utterance]) -> None:
        self._reader = reader
        self._swaps = load_swaps()
        self._rows = rows

    def plain(self, row: Utterance) -> Example:
        """The row as it is."""
        return self._made(row, noise.words_of(row), row.context)

    def varied(self, row: Utterance, settings: Settings, rng: random.Random) -> Example:
        """The row as it might have been heard, after turns that have nothing to do with it."""
        context = row.context
        spoken_in = settings.dialect_swap if rng.random() < settings.dialect_share else 0.0
        words = self._swaps.swapped(row, noise.words_of(row), rng, settings.kind_swap, spoken_in)
        if rng.random() < settings.cut_share:
            row, words = noise.beginning(row, words, rng)
        if rng.random() < settings.noisy_share:
            words = noise.noisy(words, rng, rng.uniform(0.5, 1.5) * settings.noise_strength)
        if not context and rng.random() < settings.strange_context_share:
            context = tuple(
                (other.channel, other.text)
                for other in rng.choices(self._rows, k=rng.choice((1, 1, 2)))
            )
        return self._made(row, words, context)

    def _made(
        self, row: Utterance, words: list[noise.Word], context: tuple[tuple[Channel, str], ...]
    ) -> Example:
        text = " ".join(word.text for word in words)
        tokens = self._reader.read(text, row.channel, context)
        if row.labels and not row.evidence:
            return Example(tokens, row, None)
        by_place: list[frozenset[str]] = []
        for word in words:
            by_place += [word.labels] * (len(word.text) + 1)
        carried = np.zeros((len(tokens.places), len(LABELS)), np.float32)
        for at, (start, _) in enumerate(tokens.places):
            for label in by_place[start] if start < len(by_place) else ():
                carried[at, LABELS.index(label)] = 1.0
        return Example(tokens, row, carried)


@dataclass(frozen=True)
class Batch:
    """Padded examples and what the network should say of them."""

    ids: Tensor
    filled: Tensor
    own: Tensor
    labels: Tensor
    in_channel: Tensor
    severity: Tensor
    target: Tensor
    carried: Tensor
    has_evidence: Tensor


def batched(examples: Sequence[Example]) -> Batch:
    """One batch of all examples."""
    width = max(len(example.tokens.ids) for example in examples)
    count = len(examples)
    ids = torch.full((count, width), _PAD)
    filled, own = torch.zeros(count, width), torch.zeros(count, width)
    labels = torch.zeros(count, len(LABELS))
    severity = torch.zeros(count, 3)
    carried = torch.zeros(count, width, len(LABELS))
    has_evidence = torch.zeros(count)
    for at, example in enumerate(examples):
        tokens, row = example.tokens, example.row
        ids[at, : len(tokens.ids)] = torch.tensor(tokens.ids)
        filled[at, : len(tokens.ids)] = 1
        own[at, tokens.own_start : tokens.own_end] = 1
        for label in row.labels:
            labels[at, LABELS.index(label)] = 1
        severity[at, : row.severity] = 1
        if example.carried is not None:
            has_evidence[at] = 1
            carried[at, tokens.own_start : tokens.own_end] = torch.from_numpy(example.carried)
    return Batch(
        ids, filled, own, labels,
        torch.tensor([_CHANNEL_MASK[example.row.channel] for example in examples]),
        severity,
        torch.tensor([TARGETS.index(example.row.target) for example in examples]),
        carried, has_evidence,
    )  # fmt: skip


def loss_of(model: PhoneModel, batch: Batch, settings: Settings) -> Tensor:
    """The sum of the tasks' losses."""
    with torch.autocast("cpu", torch.bfloat16):
        labels, severity, target, tokens = model(batch.ids, batch.filled, batch.own)
    wanted = batch.labels * (1 - settings.smoothing) + 0.5 * settings.smoothing / 10
    by_label = functional.binary_cross_entropy_with_logits(labels.float(), wanted, reduction="none")
    loss = (by_label * batch.in_channel).sum(1).mean()
    loss = (
        loss
        + settings.severity_weight
        * functional.binary_cross_entropy_with_logits(
            severity.float(), batch.severity, reduction="none"
        )
        .sum(1)
        .mean()
    )
    loss = loss + settings.target_weight * functional.cross_entropy(target.float(), batch.target)
    share = batch.own[:, :, None] * batch.has_evidence[:, None, None] * batch.in_channel[:, None]
    by_token = functional.binary_cross_entropy_with_logits(
        tokens.float(), batch.carried, reduction="none"
    )
    per_token = (by_token * share).sum() / (batch.own.sum() + 1)
    return loss + settings.evidence_weight * per_token


def train(
    tensors: Mapping[str, np.ndarray],
    reader: TokenReader,
    rows: Sequence[Utterance],
    settings: Settings,
    log: bool = True,
) -> PhoneModel:
    """Fine-tune the pretrained encoder; same rows, settings and threads give the same model."""
    torch.manual_seed(settings.seed)
    rng = random.Random(settings.seed)
    model = pretrained(tensors, settings.layers)
    optimizer = torch.optim.AdamW(_groups(model, settings), fused=True)
    examples = Examples(reader, rows)
    _prepare_heads(model, examples, rng.sample(list(rows), min(len(rows), _SEEN_FIRST)))
    steps = math.ceil(len(rows) / settings.batch) * settings.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(
            (step + 1) / (settings.warmup * steps), (steps - step) / (steps * (1 - settings.warmup))
        ),
    )
    trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
    average = {name: value.detach().clone() for name, value in trained.items()}
    begin, step = time.monotonic(), 0
    for epoch in range(settings.epochs):
        model.train()
        for layer in model.encoder.layers[: settings.frozen]:
            layer.eval()
        total = 0.0
        varied = [examples.varied(row, settings, rng) for row in rows]
        for chosen in _batches(varied, settings.batch, rng):
            loss = loss_of(model, batched(chosen), settings)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(trained.values(), 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            total += float(loss.detach()) * len(chosen)
            if step % settings.average_every == 0:
                keep = min(settings.average, step / (step + 40))
                with torch.no_grad():
                    for name, value in trained.items():
                        average[name].lerp_(value, 1 - keep)
        if log:
            seconds = time.monotonic() - begin
            print(f"  epoch {epoch + 1}: loss {total / len(rows):.3f}, {seconds:.0f} s", flush=True)
    model.load_state_dict(average, strict=False)
    return model.eval()


def _prepare_heads(model: PhoneModel, examples: Examples, rows: Sequence[Utterance]) -> None:
    """Standardise the heads' inputs and let every label start at about its frequency."""
    model.eval()
    pooled = []
    with torch.no_grad():
        for start in range(0, len(rows), 32):
            batch = batched([examples.plain(row) for row in rows[start : start + 32]])
            states = model.encoder(batch.ids, batch.filled) * batch.own[:, :, None]
            pooled.append(states.sum(1) / batch.own.sum(1, keepdim=True).clamp(min=1))
        model.standardise(torch.cat(pooled))
        model.labels.bias.fill_(_RARE_LOGIT)
        model.evidence.bias.fill_(_RARE_LOGIT)
        for head in (model.labels, model.severity, model.target, model.evidence):
            head.weight.mul_(0.2)


def _groups(model: PhoneModel, settings: Settings) -> list[dict[str, object]]:
    """Parameters with their rates: lower layers change less; the words' vectors not at all."""
    encoder = model.encoder
    for part in (encoder.words, encoder.positions, encoder.norm):
        part.requires_grad_(False)
    for layer in encoder.layers[: settings.frozen]:
        layer.requires_grad_(False)
    groups: list[dict[str, object]] = []
    for depth, layer in enumerate(encoder.layers):
        rate = settings.rate * settings.layer_decay ** (len(encoder.layers) - 1 - depth)
        for decays in (True, False):
            chosen = [
                value
                for value in layer.parameters()
                if value.requires_grad and (value.ndim > 1) == decays
            ]
            if chosen:
                decay = settings.weight_decay if decays else 0.0
                groups.append({"params": chosen, "lr": rate, "weight_decay": decay})
    heads = [value for name, value in model.named_parameters() if not name.startswith("encoder.")]
    groups.append({"params": heads, "lr": settings.head_rate, "weight_decay": 0.01})
    return groups


def _batches(examples: Sequence[Example], size: int, rng: random.Random) -> list[list[Example]]:
    """Shuffled batches of examples of about the same length."""
    order = list(range(len(examples)))
    rng.shuffle(order)
    batches = []
    for start in range(0, len(order), size * 16):
        near = sorted(
            order[start : start + size * 16], key=lambda index: len(examples[index].tokens.ids)
        )
        batches += [
            [examples[index] for index in near[at : at + size]] for at in range(0, len(near), size)
        ]
    rng.shuffle(batches)
    return batches


@torch.no_grad()
def predict(
    model: PhoneModel, words: Words, reader: TokenReader, rows: Sequence[Utterance]
) -> list[tuple[Tokens, Logits]]:
    """What the network and the linear models say of each row."""
    examples = Examples(reader, rows)
    plain = [examples.plain(row) for row in rows]
    order = sorted(range(len(rows)), key=lambda index: len(plain[index].tokens.ids))
    result: dict[int, tuple[Tokens, Logits]] = {}
    for start in range(0, len(order), 32):
        chosen = order[start : start + 32]
        batch = batched([plain[index] for index in chosen])
        labels, severity, target, tokens = (
            part.float().numpy() for part in model(batch.ids, batch.filled, batch.own)
        )
        for at, index in enumerate(chosen):
            read = plain[index].tokens
            result[index] = (
                read,
                Logits(
                    labels[at],
                    severity[at],
                    target[at],
                    tokens[at, read.own_start : read.own_end],
                    words.logits(spoken(rows[index].text)),
                ),
            )
    return [result[index] for index in range(len(rows))]
