"""`contenance score text | voice`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal, TextIO

import typer
from pydantic import BaseModel, ConfigDict, ValidationError
from rich.progress import track
from rich.table import Table

from models.errors import ConfigError
from models.text.score import Channel, TextModel, TextScore
from monitor.cli.shared import (
    ConfigFile,
    JsonLines,
    busy,
    load_settings,
    note,
    print_table,
    stderr,
    write_json,
)
from monitor.cli.transcripts import open_lines
from monitor.events import Evidence
from monitor.wording import Wording

app = typer.Typer(no_args_is_help=True, help="Score texts or voices, without a call.")
OFFENSIVE_AT = 0.5
EXAMPLE = 'for example {"id":"1","channel":"customer","text":"mir reicht es jetzt"}'


class Utterance(BaseModel):
    """One line in."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    id: str
    channel: Channel = "customer"
    text: str


@app.command()
def text(
    file: Annotated[
        str, typer.Argument(metavar="[FILE|-]", help="JSON lines, or plain text lines.")
    ] = "-",
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Report bad lines and go on.")
    ] = False,
    domain: Annotated[
        Literal["phone", "social"],
        typer.Option(help="social: also judge short written texts, offensive or not."),
    ] = "phone",
    json: JsonLines = False,
    config: ConfigFile = None,
) -> None:
    """Score utterances, each by itself: labels, severity, target, and the words behind them.

    A line is {"id","channel","text"} (the channel may be left out: customer), or plain text.
    """
    from models.text.load import load_text_model

    choice = load_settings({}, config).settings.text
    model = load_text_model(choice.model, choice.lexicon)
    offensive = _judge_of_writing(model) if domain == "social" else None
    table = None if json else Table("id", "severity", "target", "labels", "text")
    with open_lines(file) as lines:
        for line in _utterances(lines, skip_bad=skip_bad):
            score = model.score(line.text, line.channel)
            said = {} if offensive is None else {"offensive": offensive(line.text) >= OFFENSIVE_AT}
            if table is None:
                write_json(_as_json(line.id, score) | said)
            else:
                labels = ", ".join([*score.assigned, *(n for n, yes in said.items() if yes)]) or "–"
                table.add_row(line.id, str(score.severity), score.target, labels, line.text)
    if table is not None:
        print_table(table)


def _judge_of_writing(model: TextModel) -> Callable[[str], float]:
    from models.text.encoder.combined import CombinedModel

    if not isinstance(model, CombinedModel):
        raise ConfigError(
            f"the text model {model.name} does not judge written texts",
            "use text.model: encoder, or leave out --domain social",
        )
    return model.encoder.offensive


def _utterances(lines: TextIO, *, skip_bad: bool) -> Iterator[Utterance]:
    bad_lines = 0
    for number, raw in enumerate(lines, start=1):
        line = raw.strip()
        if not line:
            continue
        if not line.startswith("{"):
            yield Utterance(id=str(number), text=line)
            continue
        try:
            yield Utterance.model_validate_json(line)
        except ValidationError as error:
            problem = _explain(number, error)
            if not skip_bad:
                raise problem from error
            bad_lines += 1
            note(problem.message)
    if bad_lines:
        note(f"{bad_lines} bad lines skipped")


def _explain(number: int, error: ValidationError) -> ConfigError:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return ConfigError(f"line {number}: {where + ': ' if where else ''}{first['msg']}", EXAMPLE)


def _as_json(name: str, score: TextScore) -> dict[str, object]:
    return {
        "id": name,
        "labels": {label: round(value, 4) for label, value in score.labels.items()},
        "assigned": list(score.assigned),
        "severity": score.severity,
        "target": score.target,
        "evidence": [
            {"label": span.label, "start": span.start, "end": span.end, "text": span.text}
            for span in score.evidence
        ],
    }


@app.command()
def voice(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES", help="Recordings of the customer alone.")
    ],
    baseline: Annotated[
        list[Path] | None,
        typer.Option(help="The same speaker, calm, on the same line; may be given several times."),
    ] = None,
    json: JsonLines = False,
    config: ConfigFile = None,
) -> None:
    """Score the voice in recordings of one speaker each, declared to be the customer.

    Without a baseline a recording is compared with its own start.
    """
    settings = load_settings({}, config).settings
    if not settings.privacy.voice_analysis:
        raise ConfigError(
            "voice analysis is switched off (privacy.voice_analysis)", "switch it on to use it"
        )
    with busy("loading the voice analysis …"):
        from models.voice.offline import describe
    words = Wording(settings.language)
    table = None if json else Table("file", "agitation", "95 %", "speech", "reasons")
    for file in track(files, "listening", console=stderr, disable=not stderr.is_terminal):
        report = describe(file, baseline=baseline or ())
        if table is None:
            reasons = [{"kind": kind, "value": value} for kind, value in report.reasons]
            write_json(asdict(report) | {"reasons": reasons})
            continue
        evidence = [
            Evidence(kind="voice", label=kind, value=value) for kind, value in report.reasons
        ]
        table.add_row(
            str(file), _known(report.agitation), _known(report.agitation_p95),
            f"{report.speech_s:.1f} s", words.voice(evidence) or "–",
        )  # fmt: skip
    if table is not None:
        print_table(table)


def _known(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
