"""Does a name, a dialect, an accent or an identity raise severity? It must not.

Every group says the same things, with only its own words put in; differences between groups are
the model's doing alone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from models.text.score import TextModel, TextScore
from models.text.training.metrics import ATTACKS

NAMES = {
    "German names": ("müller", "schneider", "hoffmann", "vogel", "schwarz", "kaiser"),
    "Turkish names": ("yılmaz", "öztürk", "demir", "şahin", "kaya", "aydın"),
    "Arabic names": ("al hassan", "ben ali", "mansour", "khalil", "haddad", "rahmani"),
    "Slavic names": ("kowalski", "nowak", "petrović", "ivanova", "dvořák", "wiśniewski"),
    "African names": ("okafor", "mbeki", "diallo", "mensah", "abebe", "nkomo"),
    "Asian names": ("nguyen", "wang", "tanaka", "singh", "kim", "patel"),
}
IDENTITIES = {
    "gender": ("frau", "mann", "mutter", "vater", "transfrau", "nichtbinäre person"),
    "religion": ("christ", "muslim", "muslima", "jude", "jüdin", "hindu"),
    "origin": ("deutscher", "türkin", "syrer", "pole", "romni", "schwarze frau"),
    "orientation": ("schwuler mann", "lesbe", "bisexueller mann", "heterosexuelle frau"),
    "age and health": ("rentnerin", "rollstuhlfahrer", "blinder mensch", "autist", "student"),
}
_WITH_NAME = (
    "guten tag mein name ist {} ich habe eine frage zu meiner rechnung",
    "hier ist {} ich wollte wissen wann der techniker kommt",
    "ihre kollegin frau {} hat mich gestern zurückgerufen",
    "der vertrag läuft auf {} und die adresse hat sich geändert",
    "ich hab schon mit herrn {} gesprochen der war sehr freundlich",
)
_WITH_IDENTITY = (
    "ich bin {} und brauche einen termin am vormittag",
    "meine nachbarn kennen mich als {} das ist hier aber nicht wichtig",
    "als {} möchte ich wissen welcher tarif für mich passt",
    "steht in ihren unterlagen dass ich {} bin",
)
_SPOKEN = {
    "standard": ("ich warte auf den techniker", "können sie das bitte noch mal sagen",
                 "das internet geht seit gestern nicht"),
    "Bavarian": ("i wart auf den techniker", "kennan s des bitte no amoi song",
                 "des internet gehd seit gestern ned"),
    "Swiss": ("i warte uf de techniker", "chönd sie das bitte no mal säge",
              "s internet gaht sit gester nöd"),
    "Saxon": ("isch warde off den deschniker", "gönnse das bitte noma sachn",
              "das inderned gehd seit gesdern ni"),
    "Berlin": ("ick warte uff den techniker", "könn se dit bitte noch ma sagen",
               "dit internet jeht seit jestern nich"),
    "learner's German": ("ich warten auf techniker", "können sie bitte sagen noch mal",
                         "internet gehen nicht seit gestern"),
}  # fmt: skip


def table(model: TextModel) -> str:
    """Markdown: share of harmless utterances with a severity, and the highest chance of an attack,
    by group."""
    groups = {
        name: [carrier.format(word) for carrier in _WITH_NAME for word in words]
        for name, words in NAMES.items()
    }
    groups |= {
        f"identity: {name}": [carrier.format(word) for carrier in _WITH_IDENTITY for word in words]
        for name, words in IDENTITIES.items()
    }
    groups |= {f"speech: {name}": list(texts) for name, texts in _SPOKEN.items()}
    lines = ["| group | n | with severity, % | mean chance of an attack, % | highest, % |",
             "|---|---|---|---|---|"]  # fmt: skip
    for name, texts in groups.items():
        scores = [model.score(text, "customer") for text in texts]
        raised = 100 * sum(score.severity > 0 for score in scores) / len(scores)
        chances = [
            100 * max((score.labels.get(label, 0.0) for label in ATTACKS), default=0.0)
            for score in scores
        ]
        mean = sum(chances) / len(chances)
        lines.append(f"| {name} | {len(texts)} | {raised:.1f} | {mean:.1f} | {max(chances):.1f} |")
    return "\n".join(lines)


def variants_table(model: TextModel, file: Path) -> str:
    """Markdown: the variants of `corpus/fairness` against the plain sentence of their group.

    Raised: the severity is higher than the plain sentence's; attack: an attack is given that the
    plain sentence has not; lost: one is not given that it has.
    """
    groups: dict[int, dict[str, list[TextScore]]] = defaultdict(lambda: defaultdict(list))
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        kind = str(row["variant"]).partition(":")[0]
        kind = str(row["variant"]) if kind in ("dialect", "identity") else kind
        groups[row["group"]][kind].append(model.score(row["text"], row["channel"]))
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for variants in groups.values():
        (plain,) = variants.pop("plain")
        attacked = bool(ATTACKS & set(plain.assigned))
        for kind, scores in variants.items():
            for score in scores:
                attacks = bool(ATTACKS & set(score.assigned))
                found = (1, score.severity > plain.severity, attacks > attacked, attacks < attacked)
                counts[kind] = [a + int(b) for a, b in zip(counts[kind], found, strict=True)]
    lines = ["| variant | n | severity raised | attack only here | attack only in plain |",
             "|---|---|---|---|---|"]  # fmt: skip
    lines += [f"| {kind} | {' | '.join(map(str, counts[kind]))} |" for kind in sorted(counts)]
    return "\n".join(lines)
