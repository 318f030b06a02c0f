"""Fresh heated calls from a seed, with the stages and cues they must lead to.

The course of a call is drawn first (how far the customer climbs, whether the agent forgets a step,
whether somebody apologises), so the expected entries hold by construction; the sentences come from
the grammar and stand in no file.
"""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

from benchmarks.synthesis.grammar import Grammar, load_grammar
from benchmarks.synthesis.scripts import ROOT, Call, Expected, Line, ScriptError, Turn

_LADDER = ("mirror", "respect_request", "consequence", "end_call")
# What decides the ladder; an angry opening ("was soll das") is not listed beside it.
_ATTACK_LABELS = {
    "unable": ("competence_attack",),
    "too_stupid": ("competence_attack",),
    "clueless": ("competence_attack",),
    "name_m": ("insult",),
    "name_f": ("insult",),
}
_AGENT_STEPS = {
    "respect_request": (
        ("respect", ("respect_request",)),
        ("respect_kindly", ("empathy", "respect_request")),
    ),
    "consequence": (
        ("consequence", ("consequence_announcement",)),
        ("consequence_kindly", ("empathy", "consequence_announcement")),
    ),
}
_WOMEN = frozenset({"de+f3"})
_CALM_TURNS_TO_RESET = 3
_MAX_DRAWS = 1000
_FOLDERS = ("tests", "benchmarks", "configs", "models", "monitor", "api", "docs")
_TEXT_KINDS = frozenset({".yaml", ".yml", ".json", ".jsonl", ".py", ".md", ".txt", ".csv", ".tsv"})
_IGNORED = frozenset({"node_modules", "build", "dist", "__pycache__"})


def fresh_call(seed: int, known: str = "") -> Call:
    """Compose a call; the same seed and ``known`` give the same call.

    No turn of it stands in ``known`` (see :func:`repository_text`): such a sentence is drawn again.
    """
    rng = random.Random(seed)
    return _Composer(seed, rng, _grammar(), known).compose()


def repository_text(root: Path = ROOT) -> str:
    """Return everything written in the text files of the repository, in lower case."""
    paths = (path for name in _FOLDERS for path in sorted((root / name).rglob("*")))
    texts = (
        path.read_text(encoding="utf-8")
        for path in paths
        if path.suffix in _TEXT_KINDS and _IGNORED.isdisjoint(path.parts)
    )
    return "\n".join(texts).lower()


@cache
def _grammar() -> Grammar:
    return load_grammar()


class _Composer:
    """Writes turn after turn, and beside them what the monitor must show."""

    def __init__(self, seed: int, rng: random.Random, grammar: Grammar, known: str) -> None:
        self._seed = seed
        self._rng = rng
        self._grammar = grammar
        self._known = known
        self._customer_voice, self._agent_voice = rng.choice(grammar.voices)
        self._topic = grammar.draw(rng)
        self._turns: list[Turn] = []
        self._expected: list[Expected] = []
        self._heat = rng.uniform(0.45, 0.6)

    def compose(self) -> Call:
        self._agent("greeting", ("greeting", "open_question"))
        self._open()
        top = self._rng.choice(_LADDER)
        for stage in _LADDER[: _LADDER.index(top) + 1]:
            self._climb(stage)
        if top != "end_call":
            self._calm_down(top)
        return Call(
            id=f"fresh_{self._seed}",
            title=f"Frischer Anruf {self._seed}",
            customer_voice=self._customer_voice,
            agent_voice=self._agent_voice,
            turns=tuple(self._turns),
            expected=tuple(self._expected),
            line=Line(noise_db=round(self._rng.uniform(-36.0, -31.0), 1)),
        )

    def _open(self) -> None:
        """First the concern, then anger about it, then the agent's understanding."""
        if self._chance(0.4):
            self._customer("calm_opening", ("complaint",), agitation=self._rng.uniform(0.15, 0.25))
            self._agent("only_work", ("solution_offer",))
            self._customer("grumble", ("frustration",), agitation=self._heat)
        else:
            self._customer("frustration", ("complaint", "frustration"), agitation=self._heat)
        self._expect("understanding", "understanding", "frustration about the matter")
        if self._chance(0.2):
            self._agent("only_work", ("solution_offer",))
            self._attack()
            self._expect("understanding", "understanding", "attack while empathy was not said")
        self._agent("empathy", ("empathy", "solution_offer"))
        if self._chance(0.4):
            self._customer("grumble", ("frustration",), agitation=self._heat)
            self._agent("only_work", ("solution_offer",))

    def _climb(self, stage: str) -> None:
        """An attack that cues ``stage``; the agent says it, perhaps only after the next attack."""
        attack = self._attack()
        self._expect(stage, stage, "attack of severity 2, the rung below was said")
        if stage == "end_call":
            self._agent("termination", ("call_termination", "farewell"))
            self._expect("end_call", "aftercare", "the call ended in end_call")
            return
        if self._chance(0.15):
            self._agent("only_work", ("solution_offer",))
            attack = self._attack()
            self._expect(stage, stage, "attack again, the cued step was not said")
        if stage == "mirror":
            self._agent(f"mirror_{attack}", ("paraphrase",))
            return
        rule, labels = self._rng.choice(_AGENT_STEPS[stage])
        self._agent(rule, labels)
        if self._chance(0.25):
            self._customer("grumble", ("frustration",), agitation=self._heat)
            self._agent("only_work", ("solution_offer",))

    def _calm_down(self, top: str) -> None:
        """The customer takes it back or just cools off; now and then it flares up once more."""
        if self._chance(0.6):
            self._apologise()
            if self._chance(0.3):
                attack = self._attack()
                also_ok = () if top == "mirror" else ("respect_request",)
                self._expect("mirror", "mirror", "attack after the step down", also_ok)
                self._agent(f"mirror_{attack}", ("paraphrase",))
                if self._chance(0.5):
                    self._apologise()
        for _ in range(_CALM_TURNS_TO_RESET - 1):
            self._customer("level", (), agitation=self._rng.uniform(0.1, 0.25))
            self._agent("level_answer", ("solution_offer",))
        self._customer("thanks", ("thanks",), agitation=self._rng.uniform(0.1, 0.25))
        self._expect("calm", "none", "third calm turn in a row")
        self._agent("farewell", ("farewell",))

    def _apologise(self) -> None:
        self._customer("apology", ("apology",), agitation=self._rng.uniform(0.2, 0.35))
        self._expect("understanding", "none", "apology steps down")
        self._agent("accept", ("solution_offer",))

    def _attack(self) -> str:
        """Say an attack on the agent; return its kind, which names the fitting paraphrase."""
        kinds = [kind for kind in _ATTACK_LABELS if kind != "name_f" or self._agent_voice in _WOMEN]
        kind = self._rng.choice(kinds)
        drawn = self._grammar.draw(self._rng)
        self._topic = {**drawn, "thing": self._topic["thing"], "fault": self._topic["fault"]}
        self._heat = min(1.0, self._heat + self._rng.uniform(0.05, 0.12))
        self._customer(f"attack_{kind}", _ATTACK_LABELS[kind], agitation=self._heat, severity=2)
        return kind

    def _agent(self, rule: str, labels: tuple[str, ...]) -> None:
        pause_secs = self._rng.uniform(0.6, 1.6)
        agitation = self._rng.uniform(0.05, 0.15)
        self._say("agent", rule, labels, agitation, pause_secs, 0)

    def _customer(
        self, rule: str, labels: tuple[str, ...], *, agitation: float, severity: int = 0
    ) -> None:
        pause_secs = self._rng.uniform(0.3, 1.2)
        self._say("customer", rule, labels, agitation, pause_secs, severity)

    def _say(
        self,
        channel: str,
        rule: str,
        labels: tuple[str, ...],
        agitation: float,
        pause_secs: float,
        severity: int,
    ) -> None:
        text = self._new_sentence(rule)
        self._turns.append(
            Turn(channel, text, round(agitation, 2), round(pause_secs, 2), labels, severity)
        )

    def _new_sentence(self, rule: str) -> str:
        for _ in range(_MAX_DRAWS):
            text = self._grammar.sentence(rule, self._topic, self._rng)
            if text not in self._known:
                return text
        raise ScriptError(f"all sentences of rule {rule!r} are known: give it more lines")

    def _expect(self, stage: str, cue: str, why: str, also_ok: tuple[str, ...] = ()) -> None:
        self._expected.append(Expected(len(self._turns) - 1, stage, cue, why, also_ok))

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share
