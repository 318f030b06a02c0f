"""Voice analysis of the customer, live: audio in, four frames a second and a summary per turn out.

There is no argument for whose voice it is, and there must never be one: this class hears the
customer channel only. Inferring an employee's emotions from the voice at work is prohibited (EU AI
Act, Art. 5(1)(f)); the agent's audio goes to speech recognition and to timing, never here.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from models.errors import AudioError
from models.signals import BlockCutter, Samples
from models.voice.activity import ActivityDetector
from models.voice.baseline import START_SECS, Baseline
from models.voice.features import WINDOW_HOPS, features
from models.voice.frames import FRAME_SECS, VoiceFrame, VoiceSummary
from models.voice.hops import (
    BLOCK_HOPS,
    BLOCK_SAMPLES,
    DELAY_HOPS,
    HOP_SECS,
    RATE_HZ,
    Hop,
    Hops,
    HopStream,
)
from models.voice.model import VoiceModel, load_model, probability
from models.voice.relative import Relative, compare, mean_level_db, median_pitch_st
from models.voice.syllables import SyllableCounter

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MEMORY_SECS = 60.0
"""A turn's summary looks back at most so far, unless told otherwise."""
MAX_RATE_HZ = 192_000

_WINDOW_BLOCKS = 20  # a window gathers its 2 s of speech from the last 5 s
_RECENT_HOPS = 100  # ... and needs
_RECENT_SPEECH_HOPS = 25  # so much of it in the last second, or the caller is not speaking
_STEP_HOPS = 50  # between the windows of a summary
_MIN_SNR_DB = 6.0
_GOOD_SNR_DB = 20.0
# Dial tones, DTMF keys and whistles are no speech:
_TONE = 0.97  # share of a hop's power in two narrow peaks
_MAX_TONE_SHARE = 0.6  # of the active hops
_MIN_LEVEL_RANGE_DB = 3.0  # 10-90 %; speech rises and falls by far more within 2 s


@dataclass(slots=True)
class _Block:
    """25 hops and what was made of them; nuclei are found up to 0.2 s late."""

    hops: Hops
    active: Flags
    speech: Flags
    nuclei: int = 0


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Hops of speech, pauses left out, and the numbers of the first and last of their blocks."""

    hops: Hops
    active: Flags
    first_block: int
    last_block: int


@dataclass(frozen=True, slots=True)
class VoiceMeasures:
    """A stretch of speech in plain units; None where nothing could be measured.

    f0_range_st: 20 to 80 %. level_dbfs: active level, 300-3400 Hz. centroid_hz: of the voiced hops.
    syllables_per_sec: nuclei over seconds of speech.
    """

    speech_secs: float
    f0_median_hz: float | None
    f0_range_st: float | None
    level_dbfs: float | None
    centroid_hz: float | None
    syllables_per_sec: float | None


class VoiceAnalyser:
    """One caller's voice. Push audio in chunks of any size: the numbers are the same.

    Times count from the first sample pushed. The analysis lags 0.12 s behind the audio and looks at
    the last 2 s of speech within 5 s.
    """

    def __init__(
        self, rate_hz: int, model: VoiceModel | None = None, *, memory_secs: float = MEMORY_SECS
    ) -> None:
        """rate_hz: of the audio to come, 8000 … 192000 Hz; other rates than 8 kHz are resampled.

        model: the trained weights; by default those that ship with the program.

        Raises `AudioError` for a rate that telephone speech cannot be had from.
        """
        if not RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise AudioError(
                f"Voice analysis needs audio of {RATE_HZ} to {MAX_RATE_HZ} Hz, not {rate_hz} Hz.",
                "declare the true sample rate of the source",
            )
        self._model = model or load_model()
        self._resampler = (
            None if rate_hz == RATE_HZ else soxr.ResampleStream(rate_hz, RATE_HZ, 1, "float32")
        )
        # The resampler is fed equal pieces, so that its output cannot depend on the chunks.
        self._pieces = BlockCutter(rate_hz // 50)
        self._cutter = BlockCutter(BLOCK_SAMPLES)
        self._stream = HopStream()
        self._activity = ActivityDetector()
        self._syllables = SyllableCounter()
        self._baseline = Baseline(self._model)
        self._blocks: deque[_Block] = deque(maxlen=max(round(memory_secs / FRAME_SECS), 40))
        self._count = 0
        self._new_nuclei = 0  # found while reading the last block

    def push(self, samples: Samples) -> list[VoiceFrame]:
        """One frame for every 0.25 s of audio that is now complete.

        samples: mono, shape (n,), full scale 1.0, any n. Raises `AudioError` for another shape and
        for samples that are not numbers; nothing of such a chunk is heard.
        """
        samples = np.asarray(samples, dtype=np.float32)
        if samples.ndim != 1:
            raise AudioError(
                f"Voice analysis takes one channel, shape (n,), not {samples.shape}.",
                "give it the customer channel alone",
            )
        if not np.isfinite(samples).all():
            raise AudioError(
                "The audio holds values that are not numbers.", "check the decoder of the source"
            )
        if self._resampler is not None:
            pieces = [self._resampler.resample_chunk(piece) for piece in self._pieces.push(samples)]
            samples = np.concatenate([np.zeros(0, np.float32), *pieces])
        return [self._read(block) for block in self._cutter.push(samples)]

    @property
    def secs(self) -> float:
        """End of the audio analysed so far, seconds."""
        return self._count * BLOCK_SAMPLES / RATE_HZ

    def summary(self, start_secs: float, end_secs: float) -> VoiceSummary:
        """A turn's voice: what its speech between the two times says, and why.

        Agitation is the mean log-odds of its windows; None when there was too little speech.
        Ask when the audio up to half a second after the end was pushed; later changes nothing but
        the start, while it is still being collected.
        """
        turn = self._stretch(start_secs, end_secs)
        if turn is None:
            return VoiceSummary(None)
        logits = []
        for at in range(0, max(len(turn.hops) - WINDOW_HOPS, 0) + 1, _STEP_HOPS):
            window = slice(at, at + WINDOW_HOPS)
            if (found := self._features(turn.hops[window], turn.active[window])) is not None:
                logits.append(self._model.logit(found, self._baseline.origin))
        if not logits:
            return VoiceSummary(None)
        relative = self._compare(turn)
        agitation = probability(float(np.mean(logits)) + relative.logit)
        return VoiceSummary(agitation, relative.reasons)

    def measures(self, start_secs: float, end_secs: float) -> VoiceMeasures:
        """The speech between two times in plain units."""
        stretch = self._stretch(start_secs, end_secs)
        if stretch is None:
            return VoiceMeasures(0.0, None, None, None, None, None)
        hops, active = stretch.hops, stretch.active
        voiced = hops[active & ~np.isnan(hops[:, Hop.F0_ST])]
        pitch_st = median_pitch_st(hops, active)
        low_st, high_st = np.quantile(voiced[:, Hop.F0_ST], [0.2, 0.8]) if len(voiced) else (0, 0)
        return VoiceMeasures(
            speech_secs=len(hops) * HOP_SECS,
            f0_median_hz=None if pitch_st is None else 100.0 * 2 ** (pitch_st / 12),
            f0_range_st=float(high_st - low_st) if len(voiced) else None,
            level_dbfs=mean_level_db(hops, active),
            centroid_hz=float(1000 * voiced[:, Hop.CENTROID_KHZ].mean()) if len(voiced) else None,
            syllables_per_sec=self._rate(stretch.first_block, stretch.last_block),
        )

    def _read(self, samples: Samples) -> VoiceFrame:
        """The next block."""
        block = self._listen(samples)
        recent, is_active, is_speech = _join(list(self._blocks)[-_WINDOW_BLOCKS:])
        at = np.nonzero(is_speech)[0][-WINDOW_HOPS:]
        last = self._count - 1
        window = _Stretch(recent[at], is_active[at], last, last)
        found = None
        if int(is_speech[-_RECENT_HOPS:].sum()) >= _RECENT_SPEECH_HOPS:
            found = self._features(window.hops, window.active)
        self._baseline.push(block.hops, block.active, block.speech, self._new_nuclei, found)
        if found is None:
            return VoiceFrame(self.secs, None, 1.0, False, None, None, None)
        relative = self._compare(window)
        logit = self._model.logit(found, self._baseline.origin) + relative.logit
        return VoiceFrame(
            end_secs=self.secs,
            agitation=probability(logit),
            uncertainty=self._uncertainty(window),
            shouting=relative.shouting,
            f0_st=relative.pitch_st,
            level_db=relative.level_db,
            rate_ratio=relative.rate_ratio,
        )

    def _listen(self, samples: Samples) -> _Block:
        self._new_nuclei = 0
        hops = self._stream.push(samples)
        active, speech = self._activity.push(hops[:, Hop.LEVEL_DB])
        block = _Block(hops, active, speech)
        self._blocks.append(block)
        self._count += 1
        sounding = active & ~np.isnan(hops[:, Hop.F0_ST])
        for hop in self._syllables.push(hops[:, Hop.ENVELOPE_DB], sounding):
            self._new_nuclei += 1
            back = self._count - 1 - hop // BLOCK_HOPS
            if back < len(self._blocks):
                self._blocks[-1 - back].nuclei += 1
        return block

    def _features(self, window: Hops, active: Flags) -> Floats | None:
        """The window's features, None if it is no speech that anything could be read from."""
        level_db = mean_level_db(window, active)
        if level_db is None or level_db - self._activity.floor_dbfs < _MIN_SNR_DB:
            return None
        sounding = window[active]
        low_db, high_db = np.quantile(sounding[:, Hop.LEVEL_DB], [0.1, 0.9])
        tone_share = float((sounding[:, Hop.TONALITY] > _TONE).mean())
        if high_db - low_db < _MIN_LEVEL_RANGE_DB or tone_share > _MAX_TONE_SHARE:
            return None
        return features(window, active)

    def _stretch(self, start_secs: float, end_secs: float) -> _Stretch | None:
        """The speech between two times, as far as it is remembered."""
        oldest = self._count - len(self._blocks)
        first = int((start_secs / HOP_SECS + DELAY_HOPS) // BLOCK_HOPS)
        last = int(-(-(end_secs / HOP_SECS + DELAY_HOPS) // BLOCK_HOPS)) - 1
        first, last = max(first, oldest), min(last, self._count - 1)
        if last < first:
            return None
        hops, active, speech = _join(list(self._blocks)[first - oldest : last - oldest + 1])
        hop_secs = (np.arange(len(hops)) + first * BLOCK_HOPS - DELAY_HOPS) * HOP_SECS
        within = speech & (hop_secs >= start_secs) & (hop_secs < end_secs)
        if not within.any():
            return None
        return _Stretch(hops[within], active[within], first, last)

    def _compare(self, stretch: _Stretch) -> Relative:
        rate = self._rate(stretch.first_block, stretch.last_block)
        return compare(stretch.hops, stretch.active, rate, self._baseline.start)

    def _rate(self, first_block: int, last_block: int) -> float | None:
        """Syllable nuclei per second of speech from first to last block, and of what was before.

        As much before as makes 8 s: less is too little to count syllables in, and gives None.
        """
        speech_hops = nuclei = 0
        oldest = self._count - len(self._blocks)
        for number in range(last_block, oldest - 1, -1):
            if number < first_block and speech_hops * HOP_SECS >= START_SECS:
                break
            block = self._blocks[number - oldest]
            speech_hops += int(block.speech.sum())
            nuclei += block.nuclei
        if speech_hops * HOP_SECS < START_SECS:
            return None
        return nuclei / (speech_hops * HOP_SECS)

    def _uncertainty(self, window: _Stretch) -> float:
        """0 (a full window, a quiet line, a known caller, a usual voice) to 1 (nothing known).

        Agitation itself says how clear the case is; this says how much it was drawn from.
        """
        heard = len(window.hops) / WINDOW_HOPS
        level_db = mean_level_db(window.hops, window.active)
        snr_db = 0.0 if level_db is None else level_db - self._activity.floor_dbfs
        clear = float(np.clip((snr_db - _MIN_SNR_DB) / (_GOOD_SNR_DB - _MIN_SNR_DB), 0.0, 1.0))
        known = min(self._baseline.speech_secs / START_SECS, 1.0)
        usual = self._baseline.likeness
        return 1.0 - heard * (0.5 + 0.5 * clear) * (0.6 + 0.4 * known) * (0.6 + 0.4 * usual)


def _join(blocks: list[_Block]) -> tuple[Hops, Flags, Flags]:
    return (
        np.concatenate([block.hops for block in blocks]),
        np.concatenate([block.active for block in blocks]),
        np.concatenate([block.speech for block in blocks]),
    )
