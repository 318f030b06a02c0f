"""Train the demo model from text to a measured model folder.

Every step keeps its result in the work folder and is skipped when that exists; ``--again STEP``
does a step and those after it anew.
"""

import argparse
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from models.asr.training import assemble, graph, language_model, lexicon, synthesise, text
from models.asr.training.network import Acoustics, train

STEPS = ("synthesis", "network", "graph", "heldout")
# Chosen by the perplexity of every eighth hand-written sentence, left out of the model for it.
OWN_WEIGHT, TEMPLATE_WEIGHT, BREADTH_WEIGHT = 3.0, 1.0, 1.0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m models.asr.training", description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for shards and results")
    parser.add_argument("--out", type=Path, help="put the model there (else it stays in --work)")
    parser.add_argument("--seconds", type=float, default=1700, help="training time of the network")
    parser.add_argument("--units", type=int, default=256, help="width of the network")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tweets", type=Path, help="germeval2018.training.txt, for breadth")
    parser.add_argument("--again", choices=STEPS, help="redo from this step on")
    return parser.parse_args()


def build_graph(corpus: text.Corpus, shards: list[Path], folder: Path) -> dict[str, Any]:
    """Lexicon, language model and decoding graph in ``folder``; returns their sizes."""
    alone_path = folder.parent / "alone.pkl"
    alone: dict[str, tuple[str, ...] | None] = {}
    if alone_path.exists():
        alone = pickle.loads(alone_path.read_bytes())
    alone |= {word: synthesise.isolated(word) for word in corpus.vocabulary if word not in alone}
    alone_path.write_bytes(pickle.dumps(alone))
    words = lexicon.build(corpus.vocabulary, alone, lexicon.heard(shards))
    weighted = [
        (weight, sentence.split())
        for weight, sentences in (
            (OWN_WEIGHT, corpus.own),
            (TEMPLATE_WEIGHT, corpus.templated),
            (BREADTH_WEIGHT, corpus.breadth),
        )
        for sentence in sentences
    ]
    model = language_model.estimate(weighted, words)
    shutil.rmtree(folder, ignore_errors=True)
    size = graph.build(words, model, folder)
    return {
        "words": len(words),
        "pronunciations": sum(map(len, words.values())),
        "ngram_histories": len(model.seen),
        **{f"graph_{key}": value for key, value in size.items()},
    }


def main() -> None:
    """Run the steps that are not done yet."""
    options = _options()
    work: Path = options.work
    shards, network, graph_folder = work / "shards", work / "network.npz", work / "graph"
    results = {
        "synthesis": shards,
        "network": network,
        "graph": graph_folder,
        "heldout": work / "heldout",
    }
    for step in STEPS[STEPS.index(options.again) :] if options.again else ():
        if results[step].is_dir():
            shutil.rmtree(results[step])
        results[step].unlink(missing_ok=True)
    work.mkdir(parents=True, exist_ok=True)

    excluded = text.Exclusion()
    corpus = text.corpus(options.tweets, seed=options.seed)
    print(f"{len(corpus.sentences)} sentences, {len(corpus.vocabulary)} words", flush=True)
    paths = synthesise.synthesise_corpus(corpus, options.seed, shards)
    heard_file = work / "heard.txt"
    if not network.exists():
        acoustics, sentences = train(
            paths,
            excluded,
            seconds=options.seconds,
            units=options.units,
            seed=options.seed,
            snapshot=work / "snapshot.npz",
        )
        heard_file.write_text("\n".join(sentences) + "\n", encoding="utf-8")
        acoustics.save(network)
    acoustics = Acoustics.load(network)
    size_file, read_file = work / "graph.json", work / "read.txt"
    if not graph_folder.exists():
        size_file.write_text(json.dumps(build_graph(corpus, paths, graph_folder)))
        read_file.write_text("\n".join(corpus.sentences) + "\n", encoding="utf-8")
    index = work / "heldout" / "index.json"
    if not index.exists():
        maker = [sys.executable, "-m", "models.asr.training.heldout", str(index.parent)]
        subprocess.run(maker, check=True)

    model = work / "model"
    shutil.rmtree(model, ignore_errors=True)
    heard = heard_file.read_text(encoding="utf-8").splitlines()
    read = read_file.read_text(encoding="utf-8").splitlines()
    assemble.assemble(acoustics, graph_folder, {*heard, *read}, model)
    report = work / "report.json"
    command = [sys.executable, "-m", "models.asr.training.evaluate", str(model), str(index)]
    subprocess.run([*command, "--out", str(report)], check=True)  # vosk: its own process
    details = {
        "hours_of_speech": round(acoustics.hours, 1),
        "frame_accuracy": round(acoustics.accuracy, 3),
        # the network heard these before a call began to use them; a new synthesis leaves them out
        "heard_before_held_out": sorted({sentence for sentence in heard if sentence in excluded}),
        **json.loads(size_file.read_text()),
        "figures": json.loads(report.read_text()),
    }
    assemble.write_manifest(model, details)
    if options.out:
        assemble.put_in_place(model, options.out)
        print(f"{options.out}: replaced")


if __name__ == "__main__":
    main()
