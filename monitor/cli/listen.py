"""`contenance monitor SOURCE`: one call from a file, a pipe or sound devices, without a server."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from models.errors import ConfigError, ModelError
from models.yamllines import suggest
from monitor.cli.opening import open_source
from monitor.cli.shared import (
    AsrModel,
    ConfigFile,
    JsonLines,
    PolicyName,
    busy,
    load_settings,
    note,
    stderr,
)
from monitor.framing import ENCODINGS
from monitor.settings import Loaded

if TYPE_CHECKING:
    from monitor.analyzer import CallInfo, Parts
    from monitor.events import Event
    from monitor.sources import Source

CONSENTS = ("voice", "recording")

_Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="WAV or FLAC file, - for raw samples on standard input, or mic."
    ),
]
_Channels = Annotated[
    str | None,
    typer.Option(
        "--channels", "--layout", show_default=False,
        help="Who is on which channel: customer,agent (two channels if left out), agent,customer, "
        "customer, or mixed (one channel if left out).",
    ),
]  # fmt: skip
_Rate = Annotated[
    int | None, typer.Option(help="Samples per second of raw samples.", show_default=False)
]
_Encoding = Annotated[str, typer.Option(help=f"Form of raw samples: {', '.join(ENCODINGS)}.")]
_Consent = Annotated[
    str,
    typer.Option(
        help="What the caller agreed to: voice, recording, or both with a comma. "
        "Without voice only the words are analysed.",
    ),
]
_Pace = Annotated[bool, typer.Option("--pace", help="Play a file in real time.")]
_AllowDemo = Annotated[
    bool | None,
    typer.Option("--allow-demo-model", help="Let mic use the demo model.", show_default=False),
]
_Device = Annotated[
    str | None, typer.Option(metavar="DEVICE", help="See contenance devices.", show_default=False)
]
_Call = Annotated[
    str | None, typer.Option(help="Id of the call in the events.", show_default=False)
]


def monitor(
    source: _Source,
    channels: _Channels = None,
    rate: _Rate = None,
    encoding: _Encoding = "pcm_s16le",
    consent: _Consent = "",
    pace: _Pace = False,
    json: JsonLines = False,
    agent_device: _Device = None,
    customer_device: _Device = None,
    stereo_device: _Device = None,
    call: _Call = None,
    policy: PolicyName = None,
    asr_model: AsrModel = None,
    allow_demo_model: _AllowDemo = None,
    config: ConfigFile = None,
) -> None:
    """Monitor one call and show its transcript, tone, stage and cues as they happen."""
    flags = {
        "asr.model": asr_model,
        "asr.allow_demo_model": allow_demo_model,
        "policy.name": policy,
        "capture.agent_device": agent_device,
        "capture.customer_device": customer_device,
        "capture.stereo_device": stereo_device,
    }
    loaded = load_settings(flags, config)
    agreed = _parse_consent(consent)
    _check_model(source, loaded)
    audio = open_source(source, channels, rate, encoding, loaded)
    with busy("loading models …"):
        from monitor.wiring import build_parts

        parts = build_parts(loaded.settings)
    info = _info(audio, source, call, agreed)
    _say_what_is_left_out(info, loaded)
    _run(info, parts, audio, pace=pace, json=json)


def _parse_consent(text: str) -> frozenset[str]:
    agreed = [part.strip() for part in text.split(",") if part.strip()]
    for part in agreed:
        if part not in CONSENTS:
            raise ConfigError(
                f'--consent: "{part}" is nothing to agree to', suggest(part, CONSENTS)
            )
    return frozenset(agreed)


def _info(audio: Source, source: str, call: str | None, agreed: frozenset[str]) -> CallInfo:
    from monitor.analyzer import CallInfo
    from monitor.hub import CALL_ID, new_call_id

    if call is not None and not CALL_ID.fullmatch(call):
        raise ConfigError(
            f"--call: {call!r} is no call id", "use 1-64 letters, digits, '.', '_', '~' or '-'"
        )
    if call is None and audio.kind == "file":  # the same file gives the same events
        call = re.sub(r"[^A-Za-z0-9._~-]", "_", Path(source).stem)[:64]
    return CallInfo(
        call=call or new_call_id(),
        source=audio.kind,
        layout=audio.layout,
        recording_consent="recording" in agreed,
        voice_consent="voice" in agreed,
        consent_by="command line",
    )


def _check_model(source: str, loaded: Loaded) -> None:
    from models.asr.model_folder import read_folder
    from models.asr.registry import resolve

    asr = loaded.settings.asr
    if (
        source == "mic"
        and not asr.allow_demo_model
        and not read_folder(resolve(asr.model)).for_humans
    ):
        raise ModelError(
            f"the speech model {asr.model} understands synthetic speech only, no people",
            "contenance models fetch vosk-model-small-de-0.15, then add "
            "--asr-model vosk-model-small-de-0.15 (or --allow-demo-model to try anyway)",
        )


def _say_what_is_left_out(info: CallInfo, loaded: Loaded) -> None:
    if "customer" not in info.layout:
        note("mixed channels: only the words are analysed (who speaks cannot be told)")
    elif not info.voice_consent:
        note("text only: the customer's voice is not analysed without --consent voice")
    elif not loaded.settings.privacy.voice_analysis:
        origin = loaded.origins["privacy.voice_analysis"]
        note(f"text only: voice analysis is switched off (privacy.voice_analysis, {origin})")


def _run(info: CallInfo, parts: Parts, audio: Source, *, pace: bool, json: bool) -> None:
    from monitor.analyzer import CallAnalyzer
    from monitor.sources.feed import Feed
    from monitor.terminal import TerminalView

    view = None if json else TerminalView(Console(), parts.phrases)

    def emit(event: Event) -> None:
        if view is not None:
            view.show(event)
        else:
            sys.stdout.write(event.to_wire() + "\n")
            sys.stdout.flush()

    with (
        _ending_on_signals(audio) as signals,
        view if view is not None else nullcontext(),
        _progress(audio, shown=json) as advance,
    ):
        keep_pace = Pacer() if pace and audio.kind == "file" else None

        def on_progress(t_secs: float) -> None:
            advance(t_secs)
            if keep_pace is not None:
                keep_pace(t_secs)

        Feed(CallAnalyzer(info, parts), audio, emit).run(on_progress)
    if view is not None:
        view.summary()
    if signals:
        raise typer.Exit(128 + signals[0])


class Pacer:
    """Waits until as much time has passed as audio was taken in."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._began_secs = clock()

    def __call__(self, t_secs: float) -> None:
        """Return once `t_secs` have passed since the beginning."""
        self._sleep(max(0.0, self._began_secs + t_secs - self._clock()))


@contextmanager
def _ending_on_signals(audio: Source) -> Iterator[list[int]]:
    """The first Ctrl-C (or SIGTERM) ends the call properly, the second one the program.

    The list given holds the signals that came.
    """
    came: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        came.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        audio.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress(audio: Source, *, shown: bool) -> Iterator[Callable[[float], None]]:
    """A bar on stderr for a recording, where the live view does not tell the time already."""
    if audio.duration_secs is None or not (shown and stderr.is_terminal):
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True) as progress:
        task = progress.add_task("analysing", total=audio.duration_secs)
        yield lambda t_secs: progress.update(task, completed=t_secs)
