"""The live view of a call in the terminal: transcript, tone, stage and cues as they happen.

What has happened is printed line by line; below it, on a terminal, a few lines show what is
happening now. Without a terminal only the lines are printed.
"""

from __future__ import annotations

from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from models.text.score import ATTACK_LABELS
from monitor.events import (
    STAGES,
    CallEnded,
    CallInterrupted,
    CallResumed,
    CallStarted,
    ConsentChanged,
    CueCleared,
    CueShown,
    Degraded,
    Event,
    Recovered,
    SpeechFinal,
    SpeechPartial,
    Stage,
    StageChanged,
    StepSaid,
    Timing,
    Tone,
    ToneFinal,
    Voice,
    VoiceSummary,
)
from monitor.phrases import PhraseBook
from monitor.wording import Wording

REFRESH_HZ = 8
BAR_CELLS = 20
CLEARLY_AGITATED = 0.5
"""Decision point of voice agitation."""
_CHANNEL_STYLES = {"customer": "cyan", "agent": "green"}
_STAGE_STYLES: dict[Stage, str] = {
    "calm": "green", "understanding": "yellow", "mirror": "dark_orange",
    "respect_request": "dark_orange", "consequence": "red", "end_call": "bold red",
}  # fmt: skip
_UNREMARKABLE = ("greeting", "farewell", "thanks")


class TerminalView:
    """Shows the events of one call. Use as a context manager, `show` each event, then `summary`."""

    def __init__(self, console: Console, phrases: PhraseBook) -> None:
        self._console = console
        self._phrases = phrases
        self._words = Wording(phrases.lang)
        self._name_cells = max(len(self._words(name)) for name in ("customer", "agent"))
        self._live: Live | None = None
        self._t_secs = 0.0
        self._stage: Stage = "calm"
        self._highest: Stage = "calm"
        self._partials: dict[str, str] = {}
        self._tone: dict[str, float] = {}
        self._voice: Voice | None = None
        self._voice_allowed = False
        self._said: SpeechFinal | None = None
        self._summary: VoiceSummary | None = None
        self._cues: dict[int, str] = {}
        self._cue_log: list[str] = []
        self._steps: list[str] = []
        self._attacks = 0
        self._ended: CallEnded | None = None

    def __enter__(self) -> TerminalView:
        if self._console.is_terminal:
            self._live = Live(
                console=self._console,
                get_renderable=self.now,
                refresh_per_second=REFRESH_HZ,
                transient=True,
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def show(self, event: Event) -> None:  # noqa: PLR0912 - one branch a kind of event
        """Take in the next event of the call."""
        self._t_secs = max(self._t_secs, event.t_secs)
        match event:
            case CallStarted():
                self._started(event)
            case ConsentChanged():
                self._consent(event)
            case SpeechPartial():
                self._partials[event.channel] = event.text
            case SpeechFinal():
                self._partials.pop(event.channel, None)
                self._said = event
            case Tone():
                self._tone = event.labels
            case ToneFinal():
                self._toned(event)
            case Voice():
                self._voice = event
            case VoiceSummary():
                self._summary = event
            case StageChanged():
                self._moved(event)
            case CueShown():
                self._cue(event)
            case CueCleared():
                if (heading := self._cues.pop(event.cue, None)) is not None:
                    self._line(
                        f"{self._words('done')}: {heading} ({self._words(event.why)})", "dim"
                    )
            case StepSaid():
                name = self._phrases.stages[event.rung]
                self._steps.append(name)
                self._line(f"{self._words('step')}: {name}", "green")
            case Timing():
                secs = self._words.number(event.end_secs - event.start_secs, 1)
                self._line(self._words(event.kind, secs=secs), "dim")
            case Degraded() | Recovered():
                bad = isinstance(event, Degraded)
                part = self._words(f"part_{event.part}")
                state = self._words("degraded" if bad else "recovered")
                self._line(
                    f"{state}: {part} – {self._words.disturbance(event.reason)}",
                    "yellow" if bad else "green",
                )
            case CallInterrupted():
                self._line(self._words("interrupted"), "yellow")
            case CallResumed():
                self._line(
                    self._words("resumed", secs=self._words.number(event.gap_secs, 1)), "green"
                )
            case CallEnded():
                self._ended = event

    def now(self) -> RenderableType:
        """The lines below: stage, voice, what is being said at the moment."""
        rows: list[RenderableType] = [Text()]
        ladder = Text.assemble((f"{self._words.clock(self._t_secs)}  ", "dim"))
        for stage in STAGES:
            here = stage == self._stage
            style = f"reverse {_STAGE_STYLES[stage]}" if here else "dim"
            ladder.append(f" {self._phrases.stages[stage]} ", style)
        rows.append(ladder)
        rows.append(self._voice_now())
        for channel in ("customer", "agent"):
            if text := self._partials.get(channel):
                name = (f"{self._words(channel)}: ", _CHANNEL_STYLES[channel])
                row = Text.assemble(name, (f"{text} …", "italic"))
                if channel == "customer" and self._tone:
                    row.append(f"  [{', '.join(map(self._words.label, self._tone))}]", "red")
                rows.append(row)
        return Group(*rows)

    def summary(self) -> None:
        """Print what the call came to."""
        words, stages = self._words, self._phrases.stages
        table = Table.grid(padding=(0, 2))
        table.add_row(words("duration"), words.clock(self._t_secs))
        table.add_row(words("highest"), Text(stages[self._highest], _STAGE_STYLES[self._highest]))
        final = self._ended.final_stage if self._ended else self._stage
        table.add_row(words("final"), Text(stages[final], _STAGE_STYLES[final]))
        table.add_row(words("attacks"), str(self._attacks))
        table.add_row(words("cues"), "\n".join(self._cue_log) or words("none"))
        table.add_row(words("steps"), ", ".join(dict.fromkeys(self._steps)) or words("none"))
        lost = self._ended is not None and self._ended.reason == "source_lost"
        content: RenderableType = Group(table, Text(words("lost"), "yellow")) if lost else table
        self._console.print(Panel(content, title=words("summary"), title_align="left"))

    def _started(self, event: CallStarted) -> None:
        words = self._words
        models = ", ".join(event.models.values())
        parts = (
            f"[bold]{words('call')} {escape(event.call)}[/]",
            f"{words('source')} {words(f'source_{event.source}')}",
            f"{words('models')} {escape(models)}",
            f"{words('policy')} {escape(event.policy)}",
        )
        self._console.print(" · ".join(parts), highlight=False)

    def _consent(self, event: ConsentChanged) -> None:
        self._voice_allowed = event.voice
        self._line(self._words("voice_on" if event.voice else "text_only"), "dim")
        if event.recording:
            self._line(self._words("recording_on"), "dim")

    def _toned(self, event: ToneFinal) -> None:
        """The words with their tone; a final is always followed by its tone."""
        said, self._said, self._tone = self._said, None, {}
        if said is None or said.utterance != event.utterance:
            return
        who = Text(self._words(said.channel), f"bold {_CHANNEL_STYLES[said.channel]}")
        line = Text(said.text)
        labels = [label for label in event.labels if label not in _UNREMARKABLE]
        if labels:
            names = ", ".join(map(self._words.label, labels))
            heavy = said.channel == "customer" and event.severity > 0
            grade = f", {self._words('severity', n=str(event.severity))}" if heavy else ""
            line.append(f"  [{names}{grade}]", "red" if heavy else "dim")
        if said.channel == "customer":
            self._attacks += any(label in ATTACK_LABELS for label in event.labels)
            line.append(self._turn_voice())
            self._summary = None
        self._row(said.t_secs, who, line)

    def _turn_voice(self) -> Text:
        """The voice over the turn so far: how agitated (0 to 1), and what of it can be named."""
        summary = self._summary
        if summary is None or summary.agitation is None:
            return Text()
        found = f"{self._words('voice')} {self._words.number(summary.agitation, 2)}"
        if reasons := self._words.voice(summary.reasons):
            found += f": {reasons}"
        return Text(f"  ({found})", "magenta" if summary.agitation >= CLEARLY_AGITATED else "dim")

    def _moved(self, event: StageChanged) -> None:
        names = self._phrases.stages
        self._stage = event.to
        self._highest = max(self._highest, event.to, key=STAGES.index)
        text = f"{self._words('stage')}: {names[event.from_]} → {names[event.to]}"
        down = STAGES.index(event.to) < STAGES.index(event.from_)
        if down and (why := self._words.reason(event.evidence)):  # upwards the cue says it
            text += f"  ({why})"
        self._line(text, _STAGE_STYLES[event.to])

    def _cue(self, event: CueShown) -> None:
        cue = self._phrases.cues[event.name]
        new = event.cue not in self._cues
        self._cues[event.cue] = cue.heading
        if new:
            self._cue_log.append(f"{self._words.clock(event.t_secs)}  {cue.heading}")
        lines: list[RenderableType] = []
        if why := self._words.reason(event.evidence):
            lines.append(Text(f"{self._words('why')}: {why}", "dim"))
        if event.phrase_id:
            sentence = self._phrases.render(event.phrase_id, event.slots)
            lines.append(Text(f"» {sentence}", "bold"))
        lines.append(Text(cue.next, "italic"))
        panel = Panel(
            Group(*lines),
            title=Text(f"{self._words.clock(event.t_secs)}  {cue.heading}", "bold"),
            title_align="left",
            border_style=_STAGE_STYLES[self._stage],
            width=min(self._console.width, 92) - 2,
        )
        self._console.print(Padding(panel, (0, 0, 0, 2)), highlight=False)

    def _line(self, text: str, style: str) -> None:
        self._row(self._t_secs, Text(), Text(text, style))

    def _row(self, t_secs: float, who: Text, what: Text) -> None:
        """Time, speaker, words; what does not fit into the line goes on below the words."""
        row = Table.grid(padding=(0, 2, 0, 0), expand=True)
        row.add_column(style="dim", no_wrap=True)
        row.add_column(no_wrap=True, width=self._name_cells)
        row.add_column(ratio=1)
        row.add_row(self._words.clock(t_secs), who, what)
        self._console.print(row, highlight=False)

    def _voice_now(self) -> Text:
        name = self._words("voice")
        voice = self._voice
        if not self._voice_allowed:
            return Text(self._words("text_only"), "dim")
        if voice is None or voice.agitation is None:
            return Text(f"{name}  {'░' * BAR_CELLS}  {self._words('voice_unknown')}", "dim")
        full = round(voice.agitation * BAR_CELLS)
        style = "red" if voice.agitation >= CLEARLY_AGITATED else "green"
        bar = Text(f"{name}  ")
        bar.append("█" * full + "░" * (BAR_CELLS - full), style)
        bar.append(f"  {self._words.number(voice.agitation, 2)}")
        if voice.shouting:
            bar.append(f"  {self._words('shouting')}", "bold red")
        return bar
