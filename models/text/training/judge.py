"""Judge a finished model on labelled utterances: `python -m models.text.training.judge DIR …`.

Reads the model as the program does (onnxruntime, no torch) and prints tables in Markdown: all
figures for the network alone, the rules alone and both; then of both together F1 by label, by
dialect and by kind of hard negative, the time per utterance, and the fairness check.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from models.text.encoder.combined import CombinedModel
from models.text.encoder.model import load_encoder_model
from models.text.lexicon import load_lexicon_model
from models.text.score import TextModel
from models.text.training import corpus, fairness, metrics
from models.text.training.corpus import Utterance

FAIRNESS = Path(__file__).parent / "corpus" / "fairness" / "fairness.jsonl"


def _judged(
    model: TextModel, rows: Sequence[Utterance]
) -> tuple[list[metrics.Judged], list[float]]:
    pairs, took_ms = [], []
    for row in rows:
        begin = time.perf_counter()
        score = model.score(row.text, row.channel, row.context)
        took_ms.append(1000 * (time.perf_counter() - begin))
        pairs.append(metrics.Judged(row, score))
    return pairs, took_ms


def _table(columns: dict[str, dict[str, float]]) -> str:
    names = list(dict.fromkeys(name for values in columns.values() for name in values))
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name in names:
        cells = (_cell(name, values.get(name, float("nan"))) for values in columns.values())
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(name: str, value: float) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:.0f}" if name in ("n", "hard_n") else f"{100 * value:.1f}"


def _by_group(
    pairs: Sequence[metrics.Judged], group: Callable[[str], bool]
) -> dict[str, dict[str, float]]:
    tags = sorted({tag for pair in pairs for tag in pair.gold.tags if group(tag)})
    return {tag: metrics.figures([p for p in pairs if tag in p.gold.tags]) for tag in tags}


def _turned(groups: dict[str, dict[str, float]], figures: Sequence[str]) -> str:
    lines = ["| | " + " | ".join(figures) + " |", "|---" * (len(figures) + 1) + "|"]
    lines += [
        f"| {tag} | " + " | ".join(_cell(name, values[name]) for name in figures) + " |"
        for tag, values in groups.items()
    ]
    return "\n".join(lines)


def main() -> None:
    """Print every table; `--json` writes what was given beside what was wanted."""
    parser = argparse.ArgumentParser(prog="python -m models.text.training.judge")
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--model", type=Path, help="folder of the model (otherwise the shipped)")
    parser.add_argument("--json", type=Path, help="write every utterance's score there")
    options = parser.parse_args()
    rows = corpus.read(options.corpus)
    begin = time.perf_counter()
    encoder = load_encoder_model(options.model)
    start_secs = time.perf_counter() - begin
    rules = load_lexicon_model()
    both = CombinedModel(encoder, rules)
    models: dict[str, TextModel] = {"network": encoder, "rules": rules, "both": both}
    judged, columns = {}, {}
    for name, model in models.items():
        judged[name], took_ms = _judged(model, rows)
        columns[name] = metrics.figures(judged[name])
        median, slow = np.percentile(took_ms, [50, 95])
        print(f"{name}: {median:.1f} ms median, {slow:.1f} ms p95 an utterance")
    print(f"start of the network: {start_secs:.2f} s\n")
    print(_table(columns), "\n")
    print(_table({name: metrics.label_f1(pairs) for name, pairs in judged.items()}), "\n")
    pairs = judged["both"]
    few = ("n", "macro_f1", "attack_precision", "attack_recall", "severity_2_right")
    print(_turned(_by_group(pairs, lambda tag: not tag.startswith("hard")), few), "\n")
    hard = ("n", "hard_false_alarms", "exact", "severity_exact")
    print(_turned(_by_group(pairs, lambda tag: tag.startswith("hard")), hard), "\n")
    print(fairness.table(both), "\n")
    print(fairness.variants_table(both, FAIRNESS))
    if options.json is not None:
        options.json.write_text(
            "\n".join(
                json.dumps(
                    {
                        "id": pair.gold.id,
                        "wanted": [pair.gold.labels, pair.gold.severity, pair.gold.target],
                        "given": [pair.score.assigned, pair.score.severity, pair.score.target],
                    }
                )
                for pair in pairs
            ),
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
