from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from models.text.score import AGENT_LABELS, CUSTOMER_LABELS
from monitor.events import (
    CallEnded,
    CallInterrupted,
    CallResumed,
    CallStarted,
    ConsentChanged,
    CueCleared,
    CueShown,
    Degraded,
    Event,
    Evidence,
    Recovered,
    SpeechFinal,
    SpeechPartial,
    StageChanged,
    StepSaid,
    Timing,
    Tone,
    ToneFinal,
    Voice,
    VoiceSummary,
)
from monitor.phrases import PhraseBook
from monitor.terminal import TerminalView
from monitor.wording import _REASONS_DE, TEXTS, Wording

CALL = "c1"
GERMAN = PhraseBook.load("de")


def words(label: str, text: str) -> Evidence:
    return Evidence(kind="words", label=label, text=text, channel="customer", utterance=1, t_secs=1)


def count(label: str, value: float) -> Evidence:
    return Evidence(kind="count", label=label, value=value)


def voice(**values: float) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(kind="voice", label=label, value=value, channel="customer")
        for label, value in values.items()
    )


def started() -> CallStarted:
    return CallStarted(
        call=CALL, seq=1, t_secs=0, source="file", channels=("customer", "agent"), rate_hz=8000,
        policy="standard-1", models={"asr": "de_demo", "text": "lexicon"},
    )  # fmt: skip


def final(channel: str, utterance: int, text: str, t_secs: float) -> SpeechFinal:
    return SpeechFinal.model_validate(
        {"call": CALL, "t_secs": t_secs, "channel": channel, "utterance": utterance, "turn": 0,
         "text": text, "words": ()}
    )  # fmt: skip


def tone(utterance: int, t_secs: float, severity: int = 0, **labels: float) -> ToneFinal:
    return ToneFinal(
        call=CALL, t_secs=t_secs, utterance=utterance, labels=labels, severity=severity,
        target="agent", evidence=(), model="lexicon",
    )  # fmt: skip


def a_call() -> list[Event]:
    """One short call with everything that can be shown."""
    sentence = GERMAN.cues["mirror"].phrases[0]
    slots = {"wort": "Trottel", "anliegen": "das Gerät ist defekt", "anzahl": "2"}
    return [
        started(),
        ConsentChanged(call=CALL, t_secs=0, recording=False, voice=True, by="test"),
        SpeechPartial(call=CALL, t_secs=1, channel="agent", utterance=1, text="guten", rev=1),
        final("agent", 1, "guten tag", 1.5),
        tone(1, 1.5, greeting=1.0),
        Voice(call=CALL, t_secs=2, agitation=0.8, uncertainty=0.1, shouting=True, f0_st=4,
              level_db=6, rate_ratio=1.3),
        Tone(call=CALL, t_secs=2.5, utterance=2, rev=1, labels={"insult": 0.9}, severity=2,
             target="agent", evidence=()),
        VoiceSummary(call=CALL, t_secs=3, turn=1, agitation=0.8,
                     reasons=voice(level_db=6.2, pitch_st=4.0, rate_ratio=1.3)),
        final("customer", 2, "sie trottel", 3.0),
        tone(2, 3.0, severity=2, insult=0.97),
        StageChanged.model_validate(
            {"call": CALL, "t_secs": 3.0, "from": "calm", "to": "mirror", "rule": "attack",
             "policy_version": "standard-1", "evidence": ()}
        ),
        CueShown(call=CALL, t_secs=3.0, cue=1, name="mirror", phrase_id=sentence.id, slots=slots,
                 evidence=(words("insult", "sie trottel"), count("attack", 1)), rule="attack",
                 policy_version="standard-1"),
        StepSaid(call=CALL, t_secs=6, rung="mirror", by="text", utterance=3),
        CueCleared(call=CALL, t_secs=6, cue=1, why="said"),
        Timing(call=CALL, t_secs=8, kind="talk_over", start_secs=6, end_secs=7.5),
        Degraded(call=CALL, t_secs=9, part="audio", reason="agent: no signal"),
        CallInterrupted(call=CALL, t_secs=9, gap_secs=0),
        CallResumed(call=CALL, t_secs=9, gap_secs=2.5),
        Recovered(call=CALL, t_secs=9, part="audio", reason="there is sound again"),
        StageChanged.model_validate(
            {"call": CALL, "t_secs": 70, "from": "mirror", "to": "calm", "rule": "apology",
             "policy_version": "standard-1", "evidence": [words("apology", "tut mir leid")]}
        ),
        CallEnded(call=CALL, t_secs=71.4, reason="hangup", final_stage="calm", duration_secs=71.4),
    ]  # fmt: skip


def shown(events: Sequence[Event], *, live: bool = False, book: PhraseBook = GERMAN) -> str:
    """All that is printed; with `live` also what stands below after every event."""
    out = io.StringIO()
    console = Console(file=out, width=100, color_system=None)
    view = TerminalView(console, book)
    with view:
        for event in events:
            view.show(event)
            if live:
                console.print(view.now())
    view.summary()
    return " ".join(out.getvalue().split())


@pytest.mark.parametrize(
    "expected",
    [
        "Gespräch c1 · Quelle Datei · Modelle de_demo, lexicon · Regelwerk standard-1",
        "00:00,0 Stimmanalyse des Kunden mit Einwilligung",
        "00:01,5 Agent guten tag 00",  # a greeting is not worth a mark
        "Kunde sie trottel [Beleidigung, Schwere 2 von 3] (Stimme 0,80: lauter (+6 dB), "
        "höher (+4 Halbtöne), 1,3× schneller als zu Beginn)",
        "Stufe: Ruhig → Nachfragen",
        "Warum: „sie trottel“, 1. Angriff",
        "Gesagt: Nachfragen",
        "Hinweis erledigt: Nachfragen (gesagt)",
        "1,5 s gleichzeitig gesprochen",
        "Eingeschränkt: Ton – agent: no signal",
        "Ton unterbrochen",
        "Ton wieder da nach 2,5 s",
        "Wieder in Ordnung: Ton – there is sound again",
        "01:10,0 Stufe: Nachfragen → Ruhig („tut mir leid“, Entschuldigung)",
        "Dauer 01:11,4",
        "Höchste Stufe Nachfragen",
        "Am Ende Ruhig",
        "Angriffe 1",
        "Hinweise 00:03,0 Nachfragen",
        "Vom Agenten gesagt Nachfragen",
    ],
)
def test_what_has_happened_is_told_line_by_line(expected: str) -> None:
    out = shown(a_call())
    assert " ".join(expected.split()) in out.replace("│ ", "").replace(" │", "")


def test_the_sentence_to_say_is_shown_with_its_names_filled_in() -> None:
    sentence = GERMAN.cues["mirror"].phrases[0]
    slots = {"wort": "Trottel", "anliegen": "das Gerät ist defekt", "anzahl": "2"}
    flat = shown(a_call()).replace("│ ", "").replace(" │", "")
    assert f"» {GERMAN.render(sentence.id, slots)}" in flat
    assert GERMAN.cues["mirror"].next in flat


def test_without_a_terminal_nothing_is_shown_that_goes_away() -> None:
    out = shown(a_call())
    assert "guten …" not in out
    assert "\x1b" not in out


def test_on_a_terminal_what_is_happening_now_stands_below() -> None:
    out = shown(a_call(), live=True)
    assert "Agent: guten …" in out
    assert "████████████████░░░░ 0,80 sehr laut" in out


def test_text_only_is_said_where_the_voice_would_stand() -> None:
    without = ConsentChanged(call=CALL, t_secs=0, recording=False, voice=False, by="test")
    out = shown([started(), without], live=True)
    assert out.count("Nur Text: keine Einwilligung zur Stimmanalyse") >= 2


def test_a_lost_source_is_said_in_the_summary() -> None:
    lost = CallEnded(call=CALL, t_secs=5, reason="source_lost", final_stage="calm", duration_secs=5)
    assert "Die Tonquelle ging verloren." in shown([started(), lost])


def test_english_phrases_come_with_english_words() -> None:
    out = shown(a_call(), book=PhraseBook.load("en"))
    assert "Customer sie trottel" in out
    assert "louder (+6 dB)" in out
    assert "Beleidigung" not in out


# Wording


def test_every_label_has_a_german_name() -> None:
    german = Wording("de")
    for label in (*CUSTOMER_LABELS, *AGENT_LABELS, "du_form", "correction"):
        assert german.label(label) != label.replace("_", " "), label


def test_both_languages_have_every_text_that_is_not_a_label() -> None:
    german, english = (
        {key for key in TEXTS[lang] if not key.startswith("label_")} for lang in ("de", "en")
    )
    assert german == english


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        ((), ""),
        ((words("insult", "trottel"), count("attack", 2)), "„trottel“, 2. Angriff"),
        ((words("frustration", "mir reicht es"),), "„mir reicht es“, Unmut"),
        ((count("frustration", 3),), "3× Unmut"),
        ((count("calm_turns", 2),), "2 ruhige Antworten in Folge"),
        (voice(level_db=-3.4), "leiser (−3 dB) als zu Beginn"),
        (voice(rate_ratio=0.7, pitch_st=-2), "tiefer (−2 Halbtöne), langsamer als zu Beginn"),
        (voice(shouting=1), "sehr laut"),
        (voice(agitation=0.7), "bewegtere Stimme als zu Beginn"),
        ((Evidence(kind="timing", label="dead_air", value=4.25),), "4,2 s Stille"),
        ((words("insult", "a" * 60),), f"„{'a' * 48} …“, Beleidigung"),
    ],
)
def test_reasons(evidence: tuple[Evidence, ...], told: str) -> None:
    assert Wording("de").reason(evidence) == told


@pytest.mark.parametrize(
    ("t_secs", "clock"), [(0, "00:00,0"), (59.99, "00:59,9"), (61.25, "01:01,2"), (-1, "00:00,0")]
)
def test_the_clock_never_runs_ahead(t_secs: float, clock: str) -> None:
    assert Wording("de").clock(t_secs) == clock


@pytest.mark.parametrize("reason", _REASONS_DE)
def test_reasons_of_disturbances_are_what_the_monitor_says(reason: str) -> None:
    """Each translated reason stands in the code that gives it."""
    root = Path(__file__).resolve().parents[2] / "monitor"
    said = " ".join((root / name).read_text() for name in ("analyzer.py", "session.py"))
    assert f'"{reason}"' in said
    assert Wording("de").disturbance(reason) != reason == Wording("en").disturbance(reason)
