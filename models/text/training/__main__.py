"""Train the text model from the corpus to a measured model folder.

Every step keeps its result in the work folder and is skipped when that exists; ``--again STEP``
does a step and those after it anew. Same inputs, threads and machine: same model.

    base     pretrained encoder, cut down to German
    folds    cross-validated predictions: calibration, thresholds, honest figures
    phone    the final network, trained on everything
    social   the head for written texts (only with --tweets)
    export   8-bit ONNX files, tokenizer and manifest in --out
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from models.text.encoder import manifest
from models.text.encoder.combined import combined
from models.text.encoder.decide import Calibration, Logits, decide
from models.text.encoder.grams import Words
from models.text.encoder.manifest import SocialRule
from models.text.encoder.tokens import TokenReader, Tokens
from models.text.lexicon import load_lexicon_model
from models.text.score import TextScore
from models.text.training import base, calibrate, corpus, export, fit, metrics, social, words
from models.text.training.corpus import Utterance
from models.text.training.network import PhoneModel, pretrained

STEPS = ("base", "folds", "phone", "social", "export")
SOCIAL_FOLDS = 5
SOCIAL_WORDS_STRENGTH = 3.0
Predictions = list[tuple[Tokens, Logits]]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m models.text.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--corpus", type=Path, nargs="+", required=True,
                        help="folders or files of labelled utterances (training part)")  # fmt: skip
    parser.add_argument("--rules-saw", nargs="*", default=["dev", "check"],
                        help="corpus files that the lexicon was written on")  # fmt: skip
    parser.add_argument("--tweets", type=Path, help="germeval2018.training.txt")
    parser.add_argument("--work", type=Path, required=True, help="folder for what steps leave")
    parser.add_argument("--out", type=Path, required=True, help="put the model there")
    parser.add_argument("--name", default="de-e5s")
    parser.add_argument("--epochs", type=int, default=fit.Settings.epochs)
    parser.add_argument("--layers", type=int, default=fit.Settings.layers)
    parser.add_argument("--folds", type=int, default=3, help="cross-validation, by likeness")
    parser.add_argument("--judge-folds", type=int,
                        help="train and judge only so many of them (all)")  # fmt: skip
    parser.add_argument("--keep-fold", action="store_true",
                        help="ship the first fold's network, do not train again")  # fmt: skip
    parser.add_argument("--social-folds", type=int, default=1,
                        help="how many of five folds judge the written-text head")  # fmt: skip
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", choices=STEPS, help="redo from this step on")
    return parser.parse_args()


def cross_validated(
    tensors: dict[str, np.ndarray],
    reader: TokenReader,
    rows: list[Utterance],
    settings: fit.Settings,
    work: Path,
    folds: tuple[int, int],
) -> tuple[list[Utterance], Predictions]:
    """Rows, and what a network says of them that never saw them or one much like them.

    `folds`: how many there are, and how many of them are judged. What a recogniser made of a
    row is trained on beside it, but not judged.
    """
    count, judged_folds = folds
    fold_of = corpus.folds(rows, count, settings.seed)
    result: dict[int, tuple[Tokens, Logits]] = {}
    for fold in range(judged_folds):
        path = work / f"fold-{fold}.pt"
        if not path.exists():
            print(f"fold {fold + 1} of {count}", flush=True)
            seen = [row for row, own in zip(rows, fold_of, strict=True) if own != fold]
            model = fit.train(tensors, reader, seen, settings)
            torch.save(model.state_dict(), path)
        left = [
            index
            for index, own in enumerate(fold_of)
            if own == fold and rows[index].heard_from is None
        ]
        spelling = words.train_phone(
            [row for row, own in zip(rows, fold_of, strict=True) if own != fold]
        )
        found = fit.predict(
            _loaded(tensors, settings, path), spelling, reader, [rows[index] for index in left]
        )
        result.update(zip(left, found, strict=True))
    order = sorted(result)
    return [rows[index] for index in order], [result[index] for index in order]


def _loaded(tensors: dict[str, np.ndarray], settings: fit.Settings, path: Path) -> PhoneModel:
    model = pretrained(tensors, settings.layers)
    model.load_state_dict(torch.load(path))
    return model.eval()


def judged(
    rows: list[Utterance], found: Predictions, calibration: Calibration
) -> list[metrics.Judged]:
    """Each row with what the network alone says of it."""
    return [
        metrics.Judged(row, decide(row.text, row.channel, tokens, logits, calibration))
        for row, (tokens, logits) in zip(rows, found, strict=True)
    ]


def with_rules(
    pairs: list[metrics.Judged], rules: list[TextScore], calibration: Calibration,
    trust: dict[str, float],
) -> list[metrics.Judged]:  # fmt: skip
    """The same together with the lexicon."""
    return [
        metrics.Judged(pair.gold, combined(pair.score, said, calibration, trust))
        for pair, said in zip(pairs, rules, strict=True)
    ]


def _settled(
    rows: list[Utterance], found: Predictions, rules_saw: list[str]
) -> tuple[Calibration, dict[str, float], dict[str, Any]]:
    """Calibration, trust in the rules, and the cross-validated figures."""
    logits = [item[1] for item in found]
    calibration = calibrate.calibrate(rows, logits)
    lexicon = load_lexicon_model()
    rules = [lexicon.score(row.text, row.channel, row.context) for row in rows]
    fresh = [at for at, row in enumerate(rows) if row.source not in rules_saw]
    trust = calibrate.trust(
        [rows[at] for at in fresh], [logits[at] for at in fresh], [rules[at] for at in fresh],
        calibration,
    )  # fmt: skip
    alone = judged(rows, found, calibration)
    both = with_rules(alone, rules, calibration, trust)
    only = [metrics.Judged(row, said) for row, said in zip(rows, rules, strict=True)]
    figures: dict[str, Any] = {
        "all utterances": {"network": metrics.figures(alone)},
        "utterances the rules were not written on": {
            name: metrics.figures([pairs[at] for at in fresh])
            for name, pairs in (("network", alone), ("rules", only), ("both", both))
        },
        "f1 by label, both": metrics.label_f1([both[at] for at in fresh]),
        "by tag, both": {
            tag: metrics.figures([both[at] for at in fresh if tag in rows[at].tags])
            for tag in sorted({tag for at in fresh for tag in rows[at].tags})
        },
    }
    return calibration, trust, figures


def _social(
    options: argparse.Namespace, phone: PhoneModel, reader: TokenReader, trunk: int
) -> dict[str, Any]:
    """Judge the head for written texts on held-out folds, then train it on all tweets."""
    tweets = social.read_tweets(options.tweets)
    settings = social.SocialSettings(seed=options.seed)
    encoder, shape = phone.encoder.state_dict(), phone.shape
    read = social.through_trunk(phone.encoder, trunk, reader, [tweet.text for tweet in tweets])
    order = np.random.default_rng(options.seed).permutation(len(tweets))
    fold_of = np.empty(len(tweets), int)
    fold_of[order] = np.arange(len(tweets)) % SOCIAL_FOLDS
    network_says, words_say, judged_on = [], [], []
    for fold in range(options.social_folds):
        seen = [at for at in range(len(tweets)) if fold_of[at] != fold]
        left = [at for at in range(len(tweets)) if fold_of[at] == fold]
        print(f"written texts, fold {fold + 1}", flush=True)
        model = social.train(
            encoder, shape, trunk, [read[at] for at in seen], [tweets[at] for at in seen], settings
        )
        network_says.append(social.predict(model, [read[at] for at in left], trunk))
        spelling = _social_words([tweets[at] for at in seen])
        words_say.append(np.array([spelling.logits(tweets[at].text)[0] for at in left]))
        judged_on += left
    gold = np.array([tweets[at].offensive for at in judged_on], int)
    rule, figures = social.settle(np.concatenate(network_says), np.concatenate(words_say), gold)
    print(json.dumps(figures), flush=True)
    model = social.train(encoder, shape, trunk, read, tweets, settings)
    torch.save(model.state_dict(), options.work / "social.pt")
    _social_words(tweets).save(options.work / manifest.SOCIAL_WORDS_FILE)
    return {"rule": asdict(rule), "figures": figures}


def _social_words(tweets: list[social.Tweet]) -> Words:
    wanted = np.array([[tweet.offensive] for tweet in tweets])
    texts = [tweet.text for tweet in tweets]
    return words.train(texts, wanted, np.ones_like(wanted), SOCIAL_WORDS_STRENGTH)


def _clear(work: Path, again: str | None) -> None:
    made = {
        "base": ["base.npz", "tokenizer.json"],
        "folds": [path.name for path in work.glob("fold-*.pt")],
        "phone": ["phone.pt"],
        "social": ["social.pt", "social.json"],
        "export": [],
    }
    for step in STEPS[STEPS.index(again) :] if again else ():
        for name in made[step]:
            (work / name).unlink(missing_ok=True)


def main() -> None:
    """Do every step whose result is missing."""
    options = _options()
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    work, out = options.work, options.out
    work.mkdir(parents=True, exist_ok=True)
    _clear(work, options.again)
    rows = corpus.read(options.corpus)
    settings = replace(
        fit.Settings(), epochs=options.epochs, seed=options.seed, layers=options.layers
    )

    if not (work / "base.npz").exists():
        texts = [row.text for row in rows] + [said for row in rows for _, said in row.context]
        if options.tweets is not None:
            texts += [tweet.text for tweet in social.read_tweets(options.tweets)]
        base.build(work, texts)
    with np.load(work / "base.npz") as arrays:
        tensors = {name: arrays[name] for name in arrays.files}
    reader = TokenReader(Tokenizer.from_file(str(work / manifest.TOKENIZER_FILE)))

    folds = (options.folds, options.judge_folds or options.folds)
    held_out, found = cross_validated(tensors, reader, rows, settings, work, folds)
    calibration, trust, figures = _settled(held_out, found, options.rules_saw)
    (work / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    print(json.dumps(figures["utterances the rules were not written on"], indent=1), flush=True)

    if options.keep_fold:
        shutil.copy(work / "fold-0.pt", work / "phone.pt")
    if not (work / "phone.pt").exists():
        print(f"all {len(rows)} utterances", flush=True)
        torch.save(fit.train(tensors, reader, rows, settings).state_dict(), work / "phone.pt")
    phone = _loaded(tensors, settings, work / "phone.pt")

    if options.tweets is not None and not (work / "social.json").exists():
        told = _social(options, phone, reader, settings.trunk)
        (work / "social.json").write_text(json.dumps(told), encoding="utf-8")

    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(work / manifest.TOKENIZER_FILE, out)
    export.write_trunk(phone.encoder, settings.trunk, out / manifest.TRUNK_FILE)
    words.train_phone(rows).save(out / manifest.PHONE_WORDS_FILE)
    export.write_phone(phone, settings.trunk, out / manifest.PHONE_FILE)
    rule = None
    about: dict[str, Any] = {"utterances": len(rows), "settings": asdict(settings)}
    about["cross_validated"] = figures["utterances the rules were not written on"]
    if (work / "social.json").exists():
        told = json.loads((work / "social.json").read_text(encoding="utf-8"))
        rule = SocialRule(**told["rule"])
        about["written_texts"] = told["figures"]
        head = social.SocialModel(phone.shape)
        head.load_state_dict(torch.load(work / "social.pt"))
        export.write_social(head.eval(), settings.trunk, out / manifest.SOCIAL_FILE)
        shutil.copy(work / manifest.SOCIAL_WORDS_FILE, out)
    manifest.write_manifest(out, options.name, calibration, trust, rule, about)


if __name__ == "__main__":
    main()
