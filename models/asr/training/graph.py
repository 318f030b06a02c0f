# ruff: noqa: ANN401 - kaldifst has no types
"""Lexicon and language model -> ``HCLG.fst``, with OpenFst through kaldifst.

The recipe is Kaldi's ``mkgraph.sh`` for monophones with one state each: compose, determinise,
minimise, phones -> transition ids, self-loops. Context (C) is the identity.

Import this only in processes that never import vosk: both carry OpenFst, and vosk then hangs.
"""

import math
from collections import Counter
from pathlib import Path
from typing import Any

from models.asr.training.features import INSTALL
from models.asr.training.language_model import Trigram, grammar
from models.asr.training.lexicon import Lexicon
from models.asr.training.phones import PhoneTable

SILENCE_CHANCE = 0.5  # of a pause after a word


def word_ids(lexicon: Lexicon) -> dict[str, int]:
    """Vosk's ``words.txt``: ``<eps>`` is 0, then the words, then the grammar's own symbols."""
    names = ["<eps>", *sorted(lexicon), "#0", "<s>", "</s>"]
    return {name: number for number, name in enumerate(names)}


def lexicon_arcs(
    lexicon: Lexicon, table: PhoneTable, ids: dict[str, int]
) -> tuple[str, int, list[int]]:
    """L as OpenFst text; the phone-side ``#0``; all disambiguation symbols.

    Homophones end in ``#1, #2, ...``; the last symbol follows an initial silence.
    """
    homophones = Counter(phones for variants in lexicon.values() for phones in variants)
    most = max(homophones.values())
    zero = len(table) + 1
    after_silence = zero + most + 1
    no_pause, pause = -math.log(1 - SILENCE_CHANCE), -math.log(SILENCE_CHANCE)
    start, loop, silence, marked, free = 0, 1, 2, 3, 4
    arcs = [
        f"{start} {loop} 0 0 {no_pause:.4f}",
        f"{start} {silence} 0 0 {pause:.4f}",
        f"{silence} {marked} 1 0",
        f"{marked} {loop} {after_silence} 0",
    ]
    met: Counter[tuple[str, ...]] = Counter()
    for word in sorted(lexicon):
        top = max(lexicon[word].values())
        for phones, weight in lexicon[word].items():
            labels = table.ids(phones)
            if homophones[phones] > 1:
                met[phones] += 1
                labels = [*labels, zero + met[phones]]
            state = loop
            for position, label in enumerate(labels):
                output = ids[word] if position == 0 else 0
                cost = -math.log(weight / top) if position == 0 else 0.0
                if position < len(labels) - 1:
                    arcs.append(f"{state} {free} {label} {output} {cost:.4f}")
                    state, free = free, free + 1
                else:
                    arcs.append(f"{state} {loop} {label} {output} {cost + no_pause:.4f}")
                    arcs.append(f"{state} {silence} {label} {output} {cost + pause:.4f}")
    arcs.append(f"{loop} 0")
    return "\n".join(arcs) + "\n", zero, list(range(zero, after_silence + 1))


def build(lexicon: Lexicon, model: Trigram, folder: Path) -> dict[str, int]:
    """Write ``HCLG.fst``, ``words.txt``, ``phones.txt``, ``phones/word_boundary.int``.

    Returns states and arcs of the graph.
    """
    try:
        import kaldifst
    except ImportError as error:
        raise RuntimeError(f"kaldifst is missing; install it with: {INSTALL}") from error
    table, ids = PhoneTable(), word_ids(lexicon)
    text, zero, _ = lexicon_arcs(lexicon, table, ids)
    words = kaldifst.compile(text)
    kaldifst.add_self_loops(words, [zero], [ids["#0"]])
    kaldifst.arcsort(words, "olabel")
    sentences = kaldifst.compile(grammar(model, ids))
    kaldifst.arcsort(sentences, "ilabel")
    graph = kaldifst.compose(words, sentences)
    kaldifst.determinize_star(graph, use_log=True)
    kaldifst.minimize_encoded(graph)
    graph = kaldifst.compile(_with_transition_ids(kaldifst, graph, len(table)))
    kaldifst.minimize_encoded(graph)
    looped, size = _with_self_loops(kaldifst, graph)
    final = kaldifst.compile(looped, fst_type="const")

    (folder / "phones").mkdir(parents=True, exist_ok=True)
    final.write(str(folder / "HCLG.fst"))
    (folder / "words.txt").write_text("".join(f"{w} {i}\n" for w, i in ids.items()), "utf-8")
    names = ["<eps>", *table.names]
    phones = "".join(f"{name} {number}\n" for number, name in enumerate(names))
    (folder / "phones.txt").write_text(phones, "utf-8")
    boundaries = "".join(f"{n} {b}\n" for n, b in enumerate(table.boundaries, 1))
    (folder / "phones" / "word_boundary.int").write_text(boundaries, "utf-8")
    return size


def _with_transition_ids(kaldifst: Any, graph: Any, phones: int) -> str:
    """Phone ``p`` becomes the transition id ``2p`` that leaves it; disambiguation vanishes."""
    first: list[str] = []
    rest: list[str] = []
    finals: list[str] = []
    for state in range(graph.num_states):
        lines = first if state == graph.start else rest
        for arc in kaldifst.ArcIterator(graph, state):
            label = 2 * arc.ilabel if 0 < arc.ilabel <= phones else 0
            lines.append(f"{state} {arc.nextstate} {label} {arc.olabel} {arc.weight.value:.5f}")
        cost = graph.final(state).value
        if not math.isinf(cost):
            finals.append(f"{state} {cost:.5f}")
    return "\n".join([*first, *rest, *finals]) + "\n"


def _with_self_loops(kaldifst: Any, graph: Any) -> tuple[str, dict[str, int]]:
    """Kaldi's reordered self-loops: a state is split by the transition id that entered it, and
    loops on that id minus one. The loop costs nothing: durations are left to the network.
    """
    start = (graph.start, 0)
    numbers = {start: 0}
    queue = [start]
    arcs, finals = [], []
    for state, entered in queue:  # grows while it is read
        number = numbers[state, entered]
        if entered:
            arcs.append(f"{number} {number} {entered - 1} 0 0")
        for arc in kaldifst.ArcIterator(graph, state):
            target = (arc.nextstate, arc.ilabel)
            if target not in numbers:
                numbers[target] = len(numbers)
                queue.append(target)
            cost = arc.weight.value
            arcs.append(f"{number} {numbers[target]} {arc.ilabel} {arc.olabel} {cost:.5f}")
        cost = graph.final(state).value
        if not math.isinf(cost):
            finals.append(f"{number} {cost:.5f}")
    size = {"states": len(numbers), "arcs": len(arcs)}
    return "\n".join([*arcs, *finals]) + "\n", size
