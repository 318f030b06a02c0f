"""Records the scripted call `recordings/coach.jsonl`: `python tests/web/record_call.py`.

The words and who spoke when are written down here; tone, ladder, pacing and cues are what the
program makes of them with the shipped model, the policy `coach` and the German sentences.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from models.text.load import load_text_model
from models.text.score import Channel
from monitor.conversation import Conversation, Utterance, voice_evidence
from monitor.events import CallEnded, CallStarted, ConsentChanged, Event, WordTiming
from monitor.phrases import PhraseBook
from monitor.policy import load_policy
from monitor.timing import Noticed

CALL = "rec-coach"
TICK_SECS = 0.5
WORD_SECS = 0.3

Line = tuple[float, Channel, str]
SAID: tuple[Line, ...] = (
    (3, "agent", "guten tag was kann ich für sie tun"),
    (9, "customer", "ich hatte damit gerechnet dass der techniker gestern kommt"),
    (15, "agent", "was hatten sie denn erwartet"),
    (24, "customer", "oh da habe ich mich verlesen das war mein fehler"),
    (78, "customer", "mir reicht es jetzt wirklich"),
    (84, "agent", "ich verstehe dass sie verärgert sind"),
    (90, "customer", "dann kündige ich eben"),
    (96, "customer", "ich habe jetzt keine zeit"),
    (118, "customer", "sie sind ein trottel"),
    (122, "agent", "habe ich richtig gehört dass sie mich trottel genannt haben"),
    (128, "customer", "ja sie idiot"),
    (132, "agent", "bitte sprechen sie respektvoll mit mir"),
    (134, "customer", "sie blöder idiot"),
    (141, "agent", "wenn sie mich weiter beleidigen beende ich das gespräch"),
    (149, "customer", "sie sind ein idiot"),
    (178, "agent", "ich beende das gespräch jetzt auf wiederhören"),
)
VOICE = {118: (("pitch_st", 4.2), ("level_db", 6.1), ("rate_ratio", 1.3))}
NOTICED = (
    Noticed("talk_over", 29.4, 32.0, 2.6),
    Noticed("dead_air", 34.0, 46.0, 12.0),
    Noticed("agent_share", 10.0, 70.0, 48.3),
    Noticed("interruption", 101.0, 101.8, 0.8),
    Noticed("interruption", 103.2, 103.9, 0.7),
)
ENDS_SECS = 182.0


def recorded() -> list[Event]:
    """The events of the call in order, with their sequence numbers."""
    policy, model = load_policy("coach"), load_text_model("lexicon")
    talk = Conversation(CALL, text_model=model, policy=policy, phrases=PhraseBook.load("de"))
    started = CallStarted(
        call=CALL, t_secs=0.0, source="phone", channels=("customer", "agent"), rate_hz=8000,
        policy=policy.version, models={"asr": "vosk-model-de-0.21", "text": model.name},
    )  # fmt: skip
    consent = ConsentChanged(call=CALL, t_secs=0.0, recording=False, voice=True, by="source")
    events: list[Event] = [started, consent]
    for tick in range(1, round(ENDS_SECS / TICK_SECS) + 1):
        until_secs = tick * TICK_SECS
        for number, (t_secs, channel, text) in enumerate(SAID, start=1):
            if until_secs - TICK_SECS < t_secs <= until_secs:
                voice = voice_evidence(VOICE.get(round(t_secs), ()))
                events += talk.heard(
                    Utterance(channel, number, t_secs, text, _words(text, t_secs), voice=voice)
                )
        for noticed in NOTICED:
            if until_secs - TICK_SECS < noticed.end_secs <= until_secs:
                events += talk.noticed(noticed, until_secs)
        events += talk.passed(until_secs)
    events += talk.end(ENDS_SECS)
    ended = CallEnded(
        call=CALL, t_secs=ENDS_SECS, reason="hangup", final_stage=talk.stage,
        duration_secs=ENDS_SECS,
    )  # fmt: skip
    seqs = itertools.count(1)
    return [
        event.model_copy(update={"seq": next(seqs)}) if event.durable else event
        for event in [*events, ended]
    ]


def _words(text: str, ends_secs: float) -> tuple[WordTiming, ...]:
    words = text.split()
    starts = [round(ends_secs - WORD_SECS * (len(words) - at), 2) for at in range(len(words))]
    return tuple(
        WordTiming(
            text=word, start_secs=start, end_secs=round(start + WORD_SECS, 2), confidence=0.97
        )
        for word, start in zip(words, starts, strict=True)
    )


if __name__ == "__main__":
    lines = [event.to_wire() for event in recorded()]
    path = Path(__file__).parent / "recordings" / "coach.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
