"""Levels, sample counts, blocks and G.711."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import signals

EVERY_INT16 = np.arange(-32768, 32768).astype(np.int16)
# ITU-T G.711 tables 1a and 2a, some output values, scaled to 16 bits.
ALAW_VALUES = {0xD5: 8, 0x55: -8, 0xAA: 32256, 0x2A: -32256, 0xC5: 264, 0x80: 5504, 0xF4: 560}
MULAW_VALUES = {0xFF: 0, 0x80: 32124, 0x00: -32124, 0xF0: 120, 0x70: -120, 0xBF: 1980}


def test_level_of_a_full_scale_sine_is_minus_three_db() -> None:
    sine = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000).astype(np.float32)
    assert signals.dbfs(sine) == pytest.approx(-3.01, abs=0.01)
    assert signals.dbfs(sine / 10) == pytest.approx(-23.01, abs=0.01)


def test_level_of_nothing_is_the_silence_level() -> None:
    assert signals.dbfs(np.zeros(0, np.float32)) == signals.SILENCE_DBFS
    assert signals.dbfs(np.zeros(80, np.float32)) == signals.SILENCE_DBFS


def test_int16_round_trip_is_exact_and_clips() -> None:
    assert (signals.to_int16(signals.from_int16(EVERY_INT16)) == EVERY_INT16).all()
    assert signals.to_int16(np.array([2.0, -2.0])).tolist() == [32767, -32768]


@given(cuts=st.lists(st.integers(0, 300), max_size=20), size=st.integers(1, 200))
def test_blocks_do_not_depend_on_the_chunks(cuts: list[int], size: int) -> None:
    audio = np.arange(1000, dtype=np.float32)
    cutter, blocks, at = signals.BlockCutter(size), [], 0
    for cut in [*cuts, 1000]:
        blocks += cutter.push(audio[at : at + cut])
        at = min(at + cut, 1000)
    assert all(block.size == size for block in blocks)
    rest = cutter.flush()
    assert rest.size < size
    assert (np.concatenate([*blocks, rest]) == audio).all()
    assert cutter.flush().size == 0


def test_cutter_refuses_an_empty_block() -> None:
    with pytest.raises(ValueError, match="positive"):
        signals.BlockCutter(0)


def test_alaw_matches_the_standard() -> None:
    for code, value in ALAW_VALUES.items():
        assert signals.alaw_decode(np.array([code], np.uint8))[0] * 32768 == value
    codes = np.arange(256, dtype=np.uint8)
    assert (signals.alaw_encode(signals.alaw_decode(codes)) == codes).all()


def test_mulaw_matches_the_standard() -> None:
    for code, value in MULAW_VALUES.items():
        assert signals.mulaw_decode(np.array([code], np.uint8))[0] * 32768 == value
    codes = np.delete(np.arange(256, dtype=np.uint8), 0x7F)  # 0x7F is minus zero
    assert (signals.mulaw_encode(signals.mulaw_decode(codes)) == codes).all()


def test_every_sample_is_coded_as_the_standard_library_did() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop", reason="not run: audioop is gone from Python 3.13")
    pcm, samples = EVERY_INT16.tobytes(), signals.from_int16(EVERY_INT16)
    assert signals.alaw_encode(samples).tobytes() == audioop.lin2alaw(pcm, 2)
    assert signals.mulaw_encode(samples).tobytes() == audioop.lin2ulaw(pcm, 2)


@pytest.mark.parametrize("law", ["alaw", "mulaw"])
def test_coding_noise_is_that_of_eight_bits(law: str) -> None:
    rng = np.random.default_rng(1)
    speech = (rng.laplace(size=8000) * 0.03).clip(-1, 1).astype(np.float32)
    encode, decode = getattr(signals, f"{law}_encode"), getattr(signals, f"{law}_decode")
    noise_db = signals.dbfs(decode(encode(speech)) - speech) - signals.dbfs(speech)
    assert -40 < noise_db < -33  # ITU-T G.712 asks for 33 dB and more
