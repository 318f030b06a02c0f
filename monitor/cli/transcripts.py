"""`contenance replay`: timed transcripts through the ladder, without audio."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from models.errors import ConfigError
from monitor.cli.shared import ConfigFile, JsonLines, PolicyName, load_settings, note, write_json


def replay(
    file: Annotated[str, typer.Argument(metavar="FILE.jsonl|-", help="One call a line.")],
    policy: PolicyName = None,
    use_labels: Annotated[
        bool, typer.Option("--use-labels", help="Take the given labels instead of the text model.")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Report bad lines and go on.")
    ] = False,
    json: JsonLines = False,
    config: ConfigFile = None,
) -> None:
    """Replay timed transcripts: a line a turn with stage and new cues, then one a call."""
    from models.text.load import load_text_model
    from monitor.phrases import PhraseBook
    from monitor.policy import load_policy
    from monitor.replay import Transcript, TranscriptError, parse_line
    from monitor.replay import replay as run

    settings = load_settings({"policy.name": policy}, config).settings
    bad_lines = 0

    def calls(lines: TextIO) -> Iterator[Transcript]:
        nonlocal bad_lines
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield parse_line(line, number)
            except TranscriptError as error:
                if not skip_bad:
                    raise
                bad_lines += 1
                note(error.message)

    with open_lines(file) as lines:
        results = run(
            calls(lines),
            text_model=load_text_model(settings.text.model, settings.text.lexicon),
            policy=load_policy(settings.policy.name),
            phrases=PhraseBook.load(settings.language),
            use_labels=use_labels,
        )
        for result in results:
            if json:
                write_json(result)
            elif "turn" in result:
                cues = ", ".join(result["new_cues"]) or "–"
                print(f"{result['call']} {result['t']:8.1f} s  {result['stage']:<16} {cues}")
            else:
                print(f"{result['call']}: {result['final_stage']}, {result['cues_total']} cues\n")
    if bad_lines:
        note(f"{bad_lines} bad lines skipped")


@contextmanager
def open_lines(file: str) -> Iterator[TextIO]:
    """Lines of a UTF-8 file, or of standard input for "-". Raises `ConfigError`."""
    try:
        if file == "-":
            with io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8") as lines:
                yield lines
        else:
            with Path(file).open(encoding="utf-8") as lines:
                yield lines
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})", "check the path") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not UTF-8 text", "give a file of JSON lines") from error
