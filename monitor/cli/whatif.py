"""`contenance what-if`: the same recorded calls under several policies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich.table import Column, Table

from models.errors import ConfigError
from monitor.cli.shared import ConfigFile, JsonLines, load_settings, print_table, write_json
from monitor.cli.transcripts import open_lines

if TYPE_CHECKING:
    from models.text.score import TextModel
    from monitor.events import Event
    from monitor.policy import Policy
    from monitor.settings import TextAnalysis
    from monitor.whatif import Comparison

Events = tuple[str, list["Event"]]


def what_if(
    calls: Annotated[
        list[str],
        typer.Argument(
            metavar="CALL…",
            help="Ids of stored calls; files of events (monitor --json) or of timed transcripts.",
        ),
    ],
    policy: Annotated[
        list[str],
        typer.Option("--policy", metavar="NAME|PATH", help="Two or more policies to compare."),
    ],
    use_labels: Annotated[
        bool, typer.Option("--use-labels", help="Transcripts: take the given labels.")
    ] = False,
    json: JsonLines = False,
    config: ConfigFile = None,
) -> None:
    """Decide recorded calls anew under several policies, and show where they differ.

    What the agent said stays what it was: with another cue they might have answered otherwise.
    """
    from monitor.policy import load_policies, load_policy
    from monitor.whatif import compare

    settings = load_settings({}, config).settings
    if len(policy) < 2:
        raise ConfigError("one policy alone has nothing to be compared with", "give --policy twice")
    book = load_policies(settings.policy.name, settings.policy.folder)
    policies = [book.for_call(name) if name in book.names else load_policy(name) for name in policy]
    for name in calls:
        for call, events in _calls(
            name, policies[0], use_labels, settings.store.path, settings.text
        ):
            comparison = compare(call, events, policies)
            if json:
                _write_lines(comparison)
            else:
                _print(comparison)


def _calls(
    name: str, policy: Policy, use_labels: bool, store: Path, text: TextAnalysis
) -> Iterator[Events]:
    if not Path(name).is_file():
        yield name, _stored(name, store)
        return
    with open_lines(name) as lines:
        texts = [line for line in lines if line.strip()]
    if texts and '"turns"' in texts[0]:
        yield from _transcripts(texts, policy, use_labels, text)
    else:
        events = [_event(text, number, name) for number, text in enumerate(texts, start=1)]
        durable = [event for event in events if event.durable]
        yield (durable[0].call if durable else name), durable


def _stored(call: str, store: Path) -> list[Event]:
    from monitor.store.sqlite import read_call

    events = read_call(store, call)
    if not events:
        raise ConfigError(
            f"{call}: no such file, and no such call in {store}",
            "give the path of a file, or the id of a call that is stored",
        )
    return events


def _transcripts(
    texts: Sequence[str], policy: Policy, use_labels: bool, text: TextAnalysis
) -> Iterator[Events]:
    from models.text.load import load_text_model
    from monitor.replay import parse_line
    from monitor.whatif import transcript_events

    model: TextModel = load_text_model(text.model, text.lexicon)
    for number, line in enumerate(texts, start=1):
        transcript = parse_line(line, number)
        yield (
            transcript.id,
            transcript_events(transcript, text_model=model, policy=policy, use_labels=use_labels),
        )


def _event(text: str, number: int, name: str) -> Event:
    from monitor.events import from_wire

    try:
        return from_wire(text)
    except ValidationError as error:
        raise ConfigError(
            f"{name}:{number}: this is no event",
            "give a file that `contenance monitor --json` has written, or timed transcripts",
        ) from error


def _write_lines(comparison: Comparison) -> None:
    for moment in comparison.differences:
        courses = zip(comparison.policies, moment.courses, strict=True)
        write_json(
            {
                "call": comparison.call,
                "t": moment.t_secs,
                "channel": moment.channel,
                "text": moment.text,
                "policies": {
                    policy: {"stage": course.stage, "cues": list(course.cues)}
                    for policy, course in courses
                },
            }
        )
    write_json({"call": comparison.call, "policies": _totals(comparison)})


def _totals(comparison: Comparison) -> dict[str, dict[str, Any]]:
    return {
        policy: {
            "final_stage": comparison.final_stage(number),
            "highest_stage": comparison.highest_stage(number),
            "cues": comparison.cues(number),
        }
        for number, policy in enumerate(comparison.policies)
    }


def _print(comparison: Comparison) -> None:
    if not comparison.differences:
        turns = len(comparison.moments)
        print(f"{comparison.call}: none of {turns} turns differs\n")
        return
    table = Table(
        Column("time", justify="right", no_wrap=True),
        Column("said", ratio=2),
        *(Column(policy, ratio=1) for policy in comparison.policies),
        title=f"{comparison.call}: {len(comparison.differences)} of {len(comparison.moments)} "
        "turns differ",
        title_justify="left",
    )
    for moment in comparison.differences:
        courses = [f"{course.stage}\n{', '.join(course.cues) or '–'}" for course in moment.courses]
        said = f"{moment.channel}: {moment.text}" if moment.channel else "(between turns)"
        table.add_row(f"{moment.t_secs:.1f} s", said, *courses)
    table.add_section()
    totals = [
        f"{total['final_stage']} at the end\n{total['highest_stage']} at most\n{total['cues']} cues"
        for total in _totals(comparison).values()
    ]
    table.add_row("", "the whole call", *totals)
    print_table(table)
