from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import AudioError
from models.signals import alaw_encode, mulaw_encode
from monitor.framing import ENCODINGS, FrameDecoder, Resampler, check_channels, check_rate


def speechlike(rate_hz: int, secs: float, channels: int) -> np.ndarray:
    """Noise with a syllable-like envelope, shape (n, channels); every channel differs."""
    rng = np.random.default_rng(7)
    t = np.arange(round(rate_hz * secs)) / rate_hz
    envelope = 0.3 * (1 + np.sin(2 * np.pi * 4 * t)) / 2
    noise = rng.uniform(-1, 1, (len(t), channels))
    return (noise * envelope[:, None]).astype(np.float32)


def encode(frames: np.ndarray, encoding: str) -> bytes:
    flat = frames.reshape(-1)
    match encoding:
        case "mulaw":
            return mulaw_encode(flat).tobytes()
        case "alaw":
            return alaw_encode(flat).tobytes()
        case "pcm_s16be":
            return np.rint(flat * 32767).astype(">i2").tobytes()
    return np.rint(flat * 32767).astype("<i2").tobytes()


def decode_in(cuts: list[int], data: bytes, **form: object) -> tuple[np.ndarray, int]:
    decoder = FrameDecoder(**form)  # type: ignore[arg-type]
    out, at = [], 0
    for cut in cuts:
        out.append(decoder.push(data[at : at + cut]))
        at += cut
    out += [decoder.push(data[at:]), decoder.flush()]
    return np.concatenate(out), decoder.rest_bytes


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_gives_the_samples_that_were_sent(encoding: str) -> None:
    sent = speechlike(8000, 0.5, 2)
    got, rest = decode_in(
        [], encode(sent, encoding), rate_hz=8000, encoding=encoding, channels=2, out_rate_hz=8000
    )
    assert rest == 0
    assert got.dtype == np.float32
    assert got.shape == sent.shape
    # 16 bit: half a step; G.711: within half of its coarsest step below 0.3 full scale
    tolerance = 1 / 32767 if encoding.startswith("pcm") else 0.01
    assert np.abs(got - sent).max() <= tolerance


def test_the_channels_stay_apart() -> None:
    sent = np.zeros((400, 2), np.float32)
    sent[:, 1] = 0.5
    got, _ = decode_in(
        [3, 5], encode(sent, "pcm_s16le"),
        rate_hz=8000, encoding="pcm_s16le", channels=2, out_rate_hz=16000,
    )  # fmt: skip
    assert np.abs(got[:, 0]).max() == 0
    assert got[200:600, 1].mean() == pytest.approx(0.5, abs=0.01)


@settings(deadline=None, max_examples=60)
@given(
    encoding=st.sampled_from(ENCODINGS),
    channels=st.sampled_from([1, 2]),
    rates=st.sampled_from([(8000, 8000), (8000, 16000), (44100, 8000), (48000, 16000)]),
    cuts=st.lists(st.integers(0, 5000), max_size=12),
)  # fmt: skip
def test_any_cut_gives_the_same_frames(
    encoding: str, channels: int, rates: tuple[int, int], cuts: list[int]
) -> None:
    form = {
        "rate_hz": rates[0], "encoding": encoding, "channels": channels, "out_rate_hz": rates[1],
    }  # fmt: skip
    data = encode(speechlike(rates[0], 0.25, channels), encoding)
    whole, _ = decode_in([], data, **form)
    cut, _ = decode_in(cuts, data, **form)
    assert np.array_equal(whole, cut)


def test_byte_by_byte_gives_the_same_frames() -> None:
    data = encode(speechlike(16000, 0.05, 2), "pcm_s16le")
    form = {"rate_hz": 16000, "encoding": "pcm_s16le", "channels": 2, "out_rate_hz": 8000}
    whole, _ = decode_in([], data, **form)
    bytewise, _ = decode_in([1] * len(data), data, **form)
    assert np.array_equal(whole, bytewise)


def test_half_a_frame_at_the_end_is_no_sound_and_is_told() -> None:
    data = encode(speechlike(8000, 0.1, 2), "pcm_s16le")
    got, rest = decode_in(
        [], data + b"\x01\x02\x03", rate_hz=8000, encoding="pcm_s16le", channels=2, out_rate_hz=8000
    )
    assert len(got) == 800
    assert rest == 3


@pytest.mark.parametrize(("rate_hz", "out_rate_hz"), [(8000, 16000), (16000, 8000), (44100, 8000),
                                                      (48000, 16000), (22050, 8000)])  # fmt: skip
def test_resampling_keeps_the_time_and_the_tone(rate_hz: int, out_rate_hz: int) -> None:
    """An analytic sine comes out as the same sine, sample for sample, at the new rate."""
    secs, f_hz = 1.0, 440.0
    frames = np.sin(2 * np.pi * f_hz * np.arange(round(rate_hz * secs)) / rate_hz)
    resampler = Resampler(rate_hz=rate_hz, out_rate_hz=out_rate_hz, channels=1)
    got = np.concatenate(
        [resampler.push(frames.astype(np.float32).reshape(-1, 1)), resampler.flush()]
    )[:, 0]
    assert abs(len(got) - out_rate_hz * secs) <= 1
    expected = np.sin(2 * np.pi * f_hz * np.arange(len(got)) / out_rate_hz)
    inner = slice(out_rate_hz // 10, -out_rate_hz // 10)  # away from the hard edges
    assert np.abs(got[inner] - expected[inner]).max() < 1e-4


def test_an_hour_of_an_odd_rate_stays_in_time() -> None:
    """11.025 kHz to 8 kHz, a second at a time: no rounding adds up."""
    resampler = Resampler(rate_hz=11025, out_rate_hz=8000, channels=1)
    piece = np.zeros((11025, 1), np.float32)
    secs = 3600
    got = sum(len(resampler.push(piece)) for _ in range(secs)) + len(resampler.flush())
    assert abs(got - secs * 8000) <= 1


@pytest.mark.parametrize("rate_hz", [0, -1, 7999, 48001, 96000])
def test_impossible_rates_are_refused_with_a_remedy(rate_hz: int) -> None:
    with pytest.raises(AudioError, match=f"sample rate of {rate_hz} Hz") as caught:
        FrameDecoder(rate_hz=rate_hz, encoding="alaw", channels=1, out_rate_hz=8000)
    assert caught.value.fix
    with pytest.raises(AudioError):
        check_rate(rate_hz)


@pytest.mark.parametrize("channels", [0, 3, 6])
def test_a_call_has_one_or_two_channels(channels: int) -> None:
    with pytest.raises(AudioError, match=f"{channels} channels") as caught:
        FrameDecoder(rate_hz=8000, encoding="alaw", channels=channels, out_rate_hz=8000)
    assert "remix" in caught.value.fix
    with pytest.raises(AudioError):
        check_channels(channels)


def test_an_unknown_encoding_names_the_nearest() -> None:
    with pytest.raises(AudioError, match="pcm_s16") as caught:
        FrameDecoder(rate_hz=8000, encoding="pcm_s16", channels=1, out_rate_hz=8000)
    assert "pcm_s16" in caught.value.fix
