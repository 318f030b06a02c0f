"""The call analyzer: audio of both channels and time in, the events of a call out.

Pure: no clock, no event loop, no sockets, no files. Time is the count of samples pushed. Live
calls and recordings go through this same class. Any cut of the audio gives the same events,
because everything inside advances in ticks of `TICK_SECS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.asr.channel import ChannelTranscriber, Final, Partial
from models.asr.recogniser import RecogniserPool
from models.errors import AudioError
from models.signals import dbfs
from models.text.score import Channel, TextModel
from models.voice.analyser import VoiceAnalyser
from monitor.conversation import Conversation, Utterance, voice_evidence
from monitor.events import (
    CallEnded,
    CallInterrupted,
    CallResumed,
    CallStarted,
    Command,
    ConsentChanged,
    Degraded,
    Event,
    Recovered,
    Voice,
    VoiceSummary,
    WordTiming,
)
from monitor.phrases import PhraseBook
from monitor.policy import PolicyBook
from monitor.timing import Sound, TalkMeter

TICK_SECS = 0.1
"""Both channels advance together in steps of this much audio."""

RULES_ALONE = "the trained text model could not be loaded: rules alone"

LAYOUTS: tuple[tuple[str, ...], ...] = (
    ("customer", "agent"),
    ("agent", "customer"),
    ("customer",),
    ("mixed",),
)
"""What the columns of the audio can be."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The models and rules of a site, shared by its calls.

    `voice_allowed`: false where the site has decided against voice analysis altogether.
    `text_doubt`: why the words are scored less well than they should be; empty if they are not.
    """

    asr: RecogniserPool
    text: TextModel
    policies: PolicyBook
    phrases: PhraseBook
    voice_allowed: bool = True
    text_doubt: str = ""


@dataclass(frozen=True, slots=True)
class CallInfo:
    """What is known of a call when it starts. `layout`: what each column of the audio is.

    policy: the name of one; None: that of the queue, or the site's.
    """

    call: str
    source: str
    layout: tuple[str, ...]
    team: str | None = None
    queue: str | None = None
    agent_ref: str | None = None
    policy: str | None = None
    recording_consent: bool = False
    voice_consent: bool = False
    consent_by: str = "source"


@dataclass(slots=True)
class _ChannelState:
    name: Channel
    column: int
    transcriber: ChannelTranscriber
    utterance: int | None = None
    partial_rev: int = 0


class CallAnalyzer:
    """One call. Not thread-safe: one caller at a time.

    Use: `start()`, then `push()` as audio comes, `command()` and `consent()` as people act, and
    `end()` once. Leases one recogniser per channel at `start()` and gives them back at `end()`.
    """

    def __init__(self, info: CallInfo, parts: Parts) -> None:
        """Raises `AudioError` for an unknown layout, `ConfigError` for an unknown policy."""
        if info.layout not in LAYOUTS:
            known = "; ".join(",".join(layout) for layout in LAYOUTS)
            raise AudioError(
                f"unknown channel layout {','.join(info.layout)!r}", f"one of: {known}"
            )
        self.info = info
        self.rate_hz = parts.asr.info.rate_hz
        self._parts = parts
        self.policy = policy = parts.policies.for_call(info.policy, info.queue)
        self._talk = Conversation(
            info.call, text_model=parts.text, policy=policy, phrases=parts.phrases
        )
        self._channels: list[_ChannelState] = []
        self._tick = round(TICK_SECS * self.rate_hz)
        self._pending: NDArray[np.float32] = np.zeros((0, len(info.layout)), np.float32)
        self._samples = 0
        self._utterances = 0
        self._voice: VoiceAnalyser | None = None
        self._voice_from_secs = 0.0
        self._turn_start_secs: dict[int, float] = {}
        self._unreliable = False
        self._shouting = False
        both = {"customer", "agent"} <= set(info.layout)
        self._meter = TalkMeter(policy.listen) if both else None

    @property
    def t_secs(self) -> float:
        """Seconds of audio taken in so far."""
        return (self._samples + len(self._pending)) / self.rate_hz

    def start(self) -> list[Event]:
        """Open the call. Raises `PoolExhausted` when no recogniser is free."""
        info, parts = self.info, self._parts
        for column, name in enumerate(info.layout):
            try:
                recogniser = parts.asr.acquire()
            except Exception:
                self._release()
                raise
            channel: Channel = "agent" if name == "agent" else "customer"
            self._channels.append(
                _ChannelState(channel, column, ChannelTranscriber(recogniser, self.rate_hz))
            )
        events: list[Event] = [
            CallStarted(
                call=info.call,
                t_secs=0.0,
                source=info.source,
                channels=info.layout,
                rate_hz=self.rate_hz,
                team=info.team,
                queue=info.queue,
                agent_ref=info.agent_ref,
                policy=self.policy.version,
                models={"asr": parts.asr.info.name, "text": parts.text.name},
            ),
        ]
        events += self.consent(
            recording=info.recording_consent, voice=info.voice_consent, by=info.consent_by
        )
        if parts.text_doubt:
            reason = parts.text_doubt
            events.append(Degraded(call=info.call, t_secs=0.0, part="text", reason=reason))
        if "mixed" in info.layout:
            # The agent's own words would be taken for the customer's: no cue is better than that.
            self._talk.suspend(0.0)
            reason = "mixed channels: who speaks cannot be told, so no voice analysis and no cues"
            events.append(Degraded(call=info.call, t_secs=0.0, part="voice", reason=reason))
        return events

    def consent(self, *, recording: bool, voice: bool, by: str) -> list[Event]:
        """Consent as it stands now. Voice analysis starts and stops with it, at once."""
        off = voice and not self._parts.voice_allowed
        if voice and not off and "customer" in self.info.layout:
            if self._voice is None:
                self._voice = VoiceAnalyser(self.rate_hz)
                self._voice_from_secs = self._samples / self.rate_hz
        else:
            self._voice, self._shouting = None, False
        call, t_secs = self.info.call, self.t_secs
        events: list[Event] = [
            ConsentChanged(call=call, t_secs=t_secs, recording=recording, voice=voice, by=by)
        ]
        if off:
            reason = "voice analysis is switched off on this site"
            events.append(Degraded(call=call, t_secs=t_secs, part="voice", reason=reason))
        return events

    def push(self, samples: NDArray[np.float32]) -> list[Event]:
        """Take in audio, shape (n, channels), float32 in -1..1, at `rate_hz`.

        Returns what became known. Raises `AudioError` for a wrong shape or NaN.
        """
        if samples.ndim != 2 or samples.shape[1] != len(self.info.layout):
            raise AudioError(
                f"audio of shape {samples.shape} for {len(self.info.layout)} declared channels",
                "declare the channels as they are sent",
            )
        if not np.isfinite(samples).all():
            raise AudioError(
                "the audio holds NaN or infinite samples", "send PCM samples between -1 and 1"
            )
        self._pending = np.concatenate([self._pending, samples.astype(np.float32, copy=False)])
        events: list[Event] = []
        while len(self._pending) >= self._tick:
            tick, self._pending = self._pending[: self._tick], self._pending[self._tick :]
            events += self._advance(tick)
        return events

    def command(self, command: Command) -> list[Event]:
        """Carry out what a screen asks for. Raises `CommandRefused` if it makes no sense now."""
        events = self._talk.command(command, self.t_secs)
        if any(isinstance(event, ConsentChanged) for event in events):
            self._voice, self._shouting = None, False
        return events

    def interrupted(self) -> list[Event]:
        """The source is gone."""
        return [CallInterrupted(call=self.info.call, t_secs=self.t_secs, gap_secs=0.0)]

    def resumed(self, gap_secs: float) -> list[Event]:
        """The source is back after `gap_secs` without audio."""
        return [CallResumed(call=self.info.call, t_secs=self.t_secs, gap_secs=gap_secs)]

    def end(self, reason: str) -> list[Event]:
        """Finish what was being said, close the call, give the recognisers back."""
        try:
            events = self._advance(self._pending) if len(self._pending) else []
            self._pending = self._pending[:0]
            for channel in self._channels:
                events += self._heard(channel, channel.transcriber.flush())
        finally:
            self._release()
        events += self._talk.end(self.t_secs)
        events.append(
            CallEnded(
                call=self.info.call,
                t_secs=self.t_secs,
                reason=reason,
                final_stage=self._talk.stage,
                duration_secs=self.t_secs,
            )
        )
        return events

    def _release(self) -> None:
        for channel in self._channels:
            self._parts.asr.release(channel.transcriber.recogniser)
        self._channels = []

    def _advance(self, tick: NDArray[np.float32]) -> list[Event]:
        events: list[Event] = []
        self._samples += len(tick)
        if self._voice is not None:
            events += self._hear_voice(self._voice, tick[:, self.info.layout.index("customer")])
        for channel in self._channels:
            events += self._heard(
                channel, channel.transcriber.push(np.ascontiguousarray(tick[:, channel.column]))
            )
        return [*events, *self._passed(tick)]

    def _passed(self, tick: NDArray[np.float32]) -> list[Event]:
        """What follows from time, and from who speaks when, at the end of a tick."""
        t_secs = round(self._samples / self.rate_hz, 3)
        sounds = {
            channel.name: Sound(channel.transcriber.speech, dbfs(tick[:, channel.column]))
            for channel in self._channels
        }
        events: list[Event] = []
        if self._meter is not None:
            for noticed in self._meter.push(t_secs, sounds["customer"], sounds["agent"]):
                events += self._talk.noticed(noticed, t_secs)
        speaking = "customer" in sounds and sounds["customer"].speaking
        shouting = speaking and self._shouting
        return [*events, *self._talk.passed(t_secs, speaking=speaking, shouting=shouting)]

    def _hear_voice(self, voice: VoiceAnalyser, samples: NDArray[np.float32]) -> list[Event]:
        frames = voice.push(np.ascontiguousarray(samples))
        if frames:
            self._shouting = frames[-1].shouting
        return [
            Voice(
                call=self.info.call,
                t_secs=round(self._voice_from_secs + frame.end_secs, 3),
                agitation=_rounded(frame.agitation),
                uncertainty=round(frame.uncertainty, 3),
                shouting=frame.shouting,
                f0_st=_rounded(frame.f0_st),
                level_db=_rounded(frame.level_db),
                rate_ratio=_rounded(frame.rate_ratio),
            )
            for frame in frames
        ]

    def _heard(self, channel: _ChannelState, outputs: Sequence[Partial | Final]) -> list[Event]:
        events: list[Event] = []
        for output in outputs:
            if channel.utterance is None:
                self._utterances += 1
                channel.utterance, channel.partial_rev = self._utterances, 0
            if isinstance(output, Partial):
                channel.partial_rev += 1
                events += self._talk.partial(
                    channel.name,
                    channel.utterance,
                    channel.partial_rev,
                    output.text,
                    round(output.at_secs, 3),
                )
            else:
                events += self._final(channel, output)
                channel.utterance = None
        return events

    def _final(self, channel: _ChannelState, final: Final) -> list[Event]:
        assert channel.utterance is not None
        at_secs = round(final.at_secs, 3)
        events = self._check_reliability(at_secs)
        turn = self._talk.turn_of(channel.name, final.text)
        summary = None
        if channel.name == "customer" and self._voice is not None:
            start_secs = self._turn_start_secs.setdefault(turn, final.start_secs)
            since = self._voice_from_secs
            summary = self._voice.summary(
                max(0.0, start_secs - since), max(0.0, final.end_secs - since)
            )
        voice = voice_evidence(summary.reasons) if summary else ()
        agitation = _rounded(summary.agitation) if summary else None
        if summary:
            events.append(
                VoiceSummary(
                    call=self.info.call,
                    t_secs=at_secs,
                    turn=turn,
                    agitation=agitation,
                    reasons=voice,
                )
            )
        words = tuple(
            WordTiming(
                text=word.text,
                start_secs=round(word.start_secs, 3),
                end_secs=round(word.end_secs, 3),
                confidence=round(word.confidence, 3),
            )
            for word in final.words
        )
        said = Utterance(
            channel=channel.name,
            number=channel.utterance,
            t_secs=at_secs,
            text=final.text,
            words=words,
            agitation=agitation,
            voice=voice,
        )
        return [*events, *self._talk.heard(said)]

    def _check_reliability(self, t_secs: float) -> list[Event]:
        doubts = [reason for channel in self._channels if (reason := channel.transcriber.doubt())]
        if doubts and not self._unreliable:
            self._unreliable = True
            degraded = Degraded(call=self.info.call, t_secs=t_secs, part="asr", reason=doubts[0])
            return [degraded, *self._talk.suspend(t_secs)]
        if not doubts and self._unreliable:
            self._unreliable = False
            if "mixed" not in self.info.layout:
                self._talk.resume()
            return [
                Recovered(
                    call=self.info.call,
                    t_secs=t_secs,
                    part="asr",
                    reason="recognition is plausible again",
                )
            ]
        return []


def _rounded(value: float | None) -> float | None:
    """Three decimals are more than any of it means."""
    return None if value is None else round(value, 3)
