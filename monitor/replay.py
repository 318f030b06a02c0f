"""Timed transcripts through the same conversation core as a live call: no audio, no recognition.

One call a line in, one turn a line out, then one line a call:

    {"id","turns":[{"t","channel","text","agitation"?,"labels"?,"severity"?}]}
    {"call","turn","t","stage","new_cues","visible_cues","reason"}
    {"call","final_stage","cues_total"}

With `use_labels` the given labels and severity replace the text model, so that the policy can be
judged alone (a turn without `labels` still goes to the model, `[]` means neutral).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from models.errors import ContenanceError
from models.text.score import AGENT_LABELS, CUSTOMER_LABELS, TextModel, TextScore
from models.yamllines import suggest
from monitor.conversation import Conversation, Utterance
from monitor.events import Event, Evidence, StageChanged
from monitor.ladder import CueRaised
from monitor.phrases import PhraseBook
from monitor.policy import Policy


class TranscriptError(ContenanceError):
    """A line of a transcript file is not what it should be."""

    exit_code = 2


class TranscriptTurn(BaseModel):
    """One turn. `t`: seconds from the start of the call; `agitation` 0..1; `severity` 0..3."""

    model_config = ConfigDict(extra="ignore")

    t: float = Field(ge=0)
    channel: Literal["customer", "agent"]
    text: str
    agitation: float | None = Field(default=None, ge=0, le=1)
    labels: list[str] | None = None
    severity: int | None = Field(default=None, ge=0, le=3)

    @field_validator("labels")
    @classmethod
    def _known(cls, labels: list[str] | None) -> list[str] | None:
        known = (*CUSTOMER_LABELS, *AGENT_LABELS)
        for label in labels or ():
            if label not in known:
                raise ValueError(f"unknown label {label!r}. {suggest(label, known)}")
        return labels


class Transcript(BaseModel):
    """One call."""

    model_config = ConfigDict(extra="ignore")

    id: str
    turns: list[TranscriptTurn]


def parse_line(line: str, number: int) -> Transcript:
    """Parse one line of a transcript file. Raises `TranscriptError` naming line, place and fix."""
    try:
        return Transcript.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise TranscriptError(
            f"line {number}: {where + ': ' if where else ''}{first['msg']}",
            'one call a line: {"id":"…","turns":[{"t":0.0,"channel":"customer","text":"…"}]}',
        ) from error


def replay(
    calls: Iterable[Transcript],
    *,
    text_model: TextModel,
    policy: Policy,
    phrases: PhraseBook,
    use_labels: bool = False,
) -> Iterator[dict[str, Any]]:
    """Run each call; yield a dict a turn and one a call, as in the module's docstring."""
    for call in calls:
        talk = Conversation(call.id, text_model=text_model, policy=policy, phrases=phrases)
        total = 0
        said = utterances(call, text_model, use_labels=use_labels)
        for index, (turn, utterance) in enumerate(zip(call.turns, said, strict=True)):
            events = talk.heard(utterance)
            raised = talk.raised
            if index == len(call.turns) - 1:
                events += talk.end(utterance.t_secs)
                raised += talk.raised
            total += len(raised)
            yield {
                "call": call.id,
                "turn": index,
                "t": turn.t,
                "stage": talk.stage,
                "new_cues": [cue.name for cue in raised],
                "visible_cues": list(talk.cues_in_force),
                "reason": _reason(events, raised),
            }
        yield {"call": call.id, "final_stage": talk.stage, "cues_total": total}


def utterances(call: Transcript, text_model: TextModel, *, use_labels: bool) -> Iterator[Utterance]:
    """The turns of a transcript as the conversation takes them: one utterance a turn.

    Times that go back are taken as standing still: a transcript may be rounded.
    """
    t_secs = 0.0
    for index, turn in enumerate(call.turns):
        t_secs = max(t_secs, turn.t)
        given = use_labels and turn.labels is not None
        yield Utterance(
            channel=turn.channel,
            number=index + 1,
            t_secs=t_secs,
            text=turn.text,
            agitation=turn.agitation,
            turn=index,
            score=_given(turn, text_model) if given else None,
        )


def _given(turn: TranscriptTurn, model: TextModel) -> TextScore:
    """The turn's own labels; what is no label (du form, correction) still comes from the words."""
    explained = model.explain(turn.text, turn.channel, turn.labels or ())
    return replace(explained, severity=turn.severity or 0)


def _reason(events: Sequence[Event], raised: Sequence[CueRaised]) -> str:
    """Why, in one line: the rules that fired and the words or counts behind them."""
    why = [(one.rule, one.evidence) for one in events if isinstance(one, StageChanged)]
    why += [(one.rule, one.evidence) for one in raised]
    parts = [
        f"{rule}: {', '.join(filter(None, map(_plain, evidence)))}".removesuffix(": ")
        for rule, evidence in why
    ]
    return "; ".join(dict.fromkeys(parts))


def _plain(evidence: Evidence) -> str:
    if evidence.kind == "words":
        return f"{evidence.label} “{evidence.text}”" if evidence.text else evidence.label
    return f"{evidence.label} {evidence.value:g}" if evidence.value is not None else evidence.label
