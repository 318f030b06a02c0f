"""What people read in the terminal, in both languages. Neutral: what is heard, no diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from monitor.events import Evidence

QUOTE_CHARS = 48
QUOTES = 2

_DE: Final[dict[str, str]] = {
    "customer": "Kunde", "agent": "Agent", "mixed": "Gespräch",
    "call": "Gespräch", "source": "Quelle", "source_file": "Datei",
    "source_pipe": "Rohdaten", "source_mic": "Mikrofon", "source_phone": "Telefon",
    "source_demo": "Demo", "models": "Modelle", "policy": "Regelwerk",
    "text_only": "Nur Text: keine Einwilligung zur Stimmanalyse",
    "voice_on": "Stimmanalyse des Kunden mit Einwilligung",
    "recording_on": "Aufnahme mit Einwilligung",
    "stage": "Stufe", "voice": "Stimme", "voice_unknown": "unbekannt", "shouting": "sehr laut",
    "severity": "Schwere {n} von 3", "why": "Warum", "done": "Hinweis erledigt", "step": "Gesagt",
    "said": "gesagt", "stepped_down": "beruhigt", "expired": "nicht mehr aktuell",
    "replaced": "ersetzt", "degraded": "Eingeschränkt", "recovered": "Wieder in Ordnung",
    "interrupted": "Ton unterbrochen", "resumed": "Ton wieder da nach {secs} s",
    "talk_over": "{secs} s gleichzeitig gesprochen", "interruption": "{secs} s ins Wort gefallen",
    "dead_air": "{secs} s Stille",
    "part_asr": "Erkennung", "part_voice": "Stimmanalyse", "part_store": "Speicher",
    "part_audio": "Ton", "part_text": "Textanalyse",
    "summary": "Gespräch beendet", "duration": "Dauer", "highest": "Höchste Stufe",
    "final": "Am Ende", "attacks": "Angriffe", "cues": "Hinweise", "steps": "Vom Agenten gesagt",
    "none": "keine", "lost": "Die Tonquelle ging verloren.", "louder": "lauter",
    "quieter": "leiser", "higher": "höher", "lower": "tiefer", "faster": "schneller",
    "slower": "langsamer", "as_at_start": "{words} als zu Beginn", "semitones": "Halbtöne",
    "agitation": "bewegtere Stimme als zu Beginn", "attack": "{n}. Angriff",
    "mild_attack": "{n}. leichter Angriff", "calm_turns": "{n} ruhige Antworten in Folge",
    "times": "{n}× {label}",
    "label_complaint": "Beschwerde", "label_frustration": "Unmut",
    "label_generalisation": "Verallgemeinerung", "label_competence_attack": "Zweifel am Können",
    "label_insult": "Beleidigung", "label_profanity": "Kraftausdruck", "label_threat": "Drohung",
    "label_legal_threat": "rechtliche Schritte", "label_cancellation": "Kündigung",
    "label_supervisor_request": "Wunsch nach Vorgesetzten", "label_impatience": "Ungeduld",
    "label_disclaimer": "Vorrede „Sie können nichts dafür“", "label_apology": "Entschuldigung",
    "label_price_claim": "frühere Zusage", "label_boundary_crossing": "zu persönlich",
    "label_thanks": "Dank", "label_agent_impolite": "eigene Wortwahl", "label_du_form": "Duzen",
    "label_correction": "Berichtigung", "label_empathy": "Verständnis gezeigt",
    "label_solution_offer": "Lösung angeboten", "label_open_question": "offene Frage",
    "label_paraphrase": "wiedergegeben", "label_quote_disclaimer": "Vorrede aufgegriffen",
    "label_respect_request": "um Respekt gebeten",
    "label_consequence_announcement": "Ende angekündigt",
    "label_call_termination": "Gespräch beendet", "label_hold_explanation": "Wartezeit erklärt",
    "label_confirm_understanding": "Verständnis geprüft", "label_greeting": "Begrüßung",
    "label_farewell": "Verabschiedung",
}  # fmt: skip
_EN: Final[dict[str, str]] = {
    "customer": "Customer", "agent": "Agent", "mixed": "Call",
    "call": "Call", "source": "source", "source_file": "file",
    "source_pipe": "raw samples", "source_mic": "microphone", "source_phone": "phone",
    "source_demo": "demo", "models": "models", "policy": "policy",
    "text_only": "Text only: no consent to voice analysis",
    "voice_on": "Voice analysis of the customer, with consent",
    "recording_on": "Recording, with consent",
    "stage": "Stage", "voice": "Voice", "voice_unknown": "unknown", "shouting": "very loud",
    "severity": "severity {n} of 3", "why": "Why", "done": "Cue done", "step": "Said",
    "said": "said", "stepped_down": "calmer", "expired": "out of date", "replaced": "replaced",
    "degraded": "Limited", "recovered": "All right again",
    "interrupted": "No sound", "resumed": "Sound is back after {secs} s",
    "talk_over": "{secs} s of talking at once", "interruption": "{secs} s of cutting in",
    "dead_air": "{secs} s of silence",
    "part_asr": "recognition", "part_voice": "voice analysis", "part_store": "store",
    "part_audio": "sound", "part_text": "text analysis",
    "summary": "Call over", "duration": "Duration", "highest": "Highest stage",
    "final": "At the end", "attacks": "Attacks", "cues": "Cues", "steps": "Said by the agent",
    "none": "none", "lost": "The audio source was lost.", "louder": "louder",
    "quieter": "quieter", "higher": "higher", "lower": "lower", "faster": "faster",
    "slower": "slower", "as_at_start": "{words} than at the start", "semitones": "semitones",
    "agitation": "voice more agitated than at the start", "attack": "attack no. {n}",
    "mild_attack": "mild attack no. {n}", "calm_turns": "{n} calm answers in a row",
    "times": "{n}× {label}",
    "label_competence_attack": "doubts about ability", "label_legal_threat": "legal action",
    "label_supervisor_request": "asks for a supervisor", "label_price_claim": "earlier promise",
    "label_boundary_crossing": "too personal", "label_du_form": "informal address",
    "label_agent_impolite": "own choice of words",
}  # fmt: skip
TEXTS: Final[Mapping[str, Mapping[str, str]]] = {"de": _DE, "en": _EN}
"""Every text by its key, a table a language. A label without a text is shown as its name."""

# What `degraded` and `recovered` give as reason, as the events say it (English) and in German.
# One with figures in it ("word confidence 0.62 …") is shown as it is.
_REASONS_DE: Final[dict[str, str]] = {
    "mixed channels: who speaks cannot be told, so no voice analysis and no cues": (
        "gemischte Kanäle: Wer spricht, ist nicht zu erkennen. Keine Stimmanalyse, keine Hinweise"
    ),
    "voice analysis is switched off on this site": "an diesem Standort abgeschaltet",
    "the trained text model could not be loaded: rules alone": (
        "das trainierte Sprachmodell für den Text fehlt: nur Regeln"
    ),
    "not stored": "es wird nicht gespeichert",
    "stored again, nothing is missing": "es wird wieder gespeichert, nichts fehlt",
    "recognition is plausible again": "die Erkennung ist wieder plausibel",
}


class Wording:
    """Texts and numbers in one language ("de" or "en")."""

    def __init__(self, lang: str) -> None:
        self._texts = TEXTS[lang]
        self._reasons = _REASONS_DE if lang == "de" else {}
        self._decimal = "," if lang == "de" else "."
        self._quotes = "„“" if lang == "de" else "“”"

    def __call__(self, key: str, **values: str) -> str:
        """The text of `key`, its places filled in. Raises `KeyError` for an unknown key."""
        return self._texts[key].format(**values)

    def label(self, label: str) -> str:
        """A tone label as people call it."""
        return self._texts.get(f"label_{label}", label.replace("_", " "))

    def disturbance(self, reason: str) -> str:
        """The reason of a `degraded` or `recovered` event."""
        return self._reasons.get(reason, reason)

    def number(self, value: float, digits: int = 0) -> str:
        """A number with so many decimals."""
        return f"{value:.{digits}f}".replace(".", self._decimal)

    def clock(self, t_secs: float) -> str:
        """Time of the call, mm:ss and tenths."""
        minutes, secs = divmod(max(0.0, t_secs), 60)
        return f"{int(minutes):02d}:{int(secs):02d}{self._decimal}{int(secs * 10 % 10)}"

    def reason(self, evidence: Sequence[Evidence]) -> str:
        """Why, in one line: words, counts, voice, timing; empty without evidence."""
        said = [*self._said(evidence), *self._counted(evidence)]
        parts = [", ".join(said), self.voice(evidence), *self._timed(evidence)]
        return " · ".join(part for part in parts if part)

    def voice(self, evidence: Sequence[Evidence]) -> str:
        """What the voice does, in plain units: "lauter (+6 dB), 1,3× schneller als zu Beginn"."""
        found = {item.label: item.value for item in evidence if item.kind == "voice"}
        level_db, pitch_st = found.get("level_db") or 0.0, found.get("pitch_st") or 0.0
        tempo = found.get("rate_ratio") or 1.0
        words = []
        if level_db:
            word = self("louder" if level_db > 0 else "quieter")
            words.append(f"{word} ({self._signed(level_db)} dB)")
        if pitch_st:
            word = self("higher" if pitch_st > 0 else "lower")
            words.append(f"{word} ({self._signed(pitch_st)} {self('semitones')})")
        if tempo != 1.0:
            word = self("faster" if tempo > 1 else "slower")
            words.append(f"{self.number(tempo, 1)}× {word}" if tempo > 1 else word)
        parts = [self("as_at_start", words=", ".join(words))] if words else []
        if found.get("shouting"):
            parts.append(self("shouting"))
        if not parts and found.get("agitation"):
            parts.append(self("agitation"))
        return ", ".join(parts)

    def quote(self, text: str) -> str:
        """In quotation marks, shortened."""
        short = text if len(text) <= QUOTE_CHARS else text[:QUOTE_CHARS].rstrip() + " …"
        return f"{self._quotes[0]}{short}{self._quotes[1]}"

    def _said(self, evidence: Sequence[Evidence]) -> list[str]:
        words = [item for item in evidence if item.kind == "words"]
        texts = list(dict.fromkeys(item.text for item in words if item.text))[-QUOTES:]
        labels = list(dict.fromkeys(self.label(item.label) for item in words))[-1:]
        counted = any(item.kind == "count" for item in evidence)
        return [*map(self.quote, texts), *([] if counted else labels)]

    def _counted(self, evidence: Sequence[Evidence]) -> list[str]:
        found = []
        for item in evidence:
            if item.kind != "count" or item.value is None:
                continue
            n = self.number(item.value)
            known = item.label in ("attack", "mild_attack", "calm_turns")
            text = (
                self(item.label, n=n) if known else self("times", n=n, label=self.label(item.label))
            )
            found.append(text)
        return found

    def _timed(self, evidence: Sequence[Evidence]) -> list[str]:
        return [
            self(item.label, secs=self.number(item.value, 1))
            for item in evidence
            if item.kind == "timing" and item.value is not None and item.label in self._texts
        ]

    def _signed(self, value: float) -> str:
        return ("+" if value > 0 else "−") + self.number(abs(value))
