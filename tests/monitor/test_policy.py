"""Policies: what ships, and how wrong files are refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from models.errors import ConfigError
from monitor.policy import (
    POLICIES_DIR,
    SIDE_CUES,
    ListenLimits,
    Pacing,
    Policy,
    PolicyBook,
    load_policies,
    load_policy,
    policy_names,
)

STANDARD_TEXT = (POLICIES_DIR / "standard.yaml").read_text("utf-8")
COACHING = {"callback", "win_back", "expectation_gap", "save_face"}


def test_standard_equals_the_annotation_guideline() -> None:
    assert load_policy("standard") == Policy(
        version="standard-2",
        title="Standard",
        attack_severity_from=2,
        grave_severity_from=3,
        boundary_severity_from=2,
        mild_attacks_overlooked=1,
        mild_forgotten_after_secs=0.0,
        understanding_on_frustration=True,
        frustration_sure_from=0.5,
        understanding_on_mild_attack=True,
        complaint_agitation_from=0.5,
        quote_disclaimer=True,
        grave_goes_to="respect_request",
        threat_goes_to="consequence",
        boundary_goes_to="respect_request",
        grave_ends_call_after="respect_request",
        step_down_on_apology=True,
        calm_turns=3,
        calm_agitation_up_to=0.35,
        agent_may_end_early=True,
        end_approved_by="nobody",
        end_approval_secs=20.0,
        side_cues=frozenset(SIDE_CUES) - COACHING,
        side_cue_sure_from=0.6,
        open_question_frustrated_turns=2,
        callback_impatient_turns=2,
        side_cue_stays_secs=45.0,
        listen=ListenLimits(
            talk_over_secs=2.5,
            interruptions=2,
            interruptions_within_secs=60.0,
            dead_air_secs=10.0,
            dead_air_on_hold_secs=45.0,
            agent_share_percent=85.0,
            share_within_secs=60.0,
        ),
        screen=Pacing(
            stays_secs=4.0,
            urgent_stays_secs=12.0,
            per_minute=8,
            same_again_secs=20.0,
            wait_for_pause=True,
            pause_secs=0.4,
            pause_waited_for_secs=8.0,
        ),
    )


def test_shipped_policies_load_and_differ_from_standard() -> None:
    versions = {"coach": "coach-1", "patient": "patient-2", "strict": "strict-2"}
    assert set(policy_names()) == {"standard", *versions}
    standard = dataclasses.replace(load_policy("standard"), version="", title="")
    for name, version in versions.items():
        policy = load_policy(name)
        assert (policy.name, policy.version) == (name, version)
        assert dataclasses.replace(policy, version="", title="") != standard


def test_the_ladder_of_coach_is_that_of_standard_and_every_side_cue_is_on() -> None:
    standard, coach = load_policy("standard"), load_policy("coach")
    assert coach.side_cues == frozenset(SIDE_CUES)
    aside = ("version", "title", "end_approved_by", "side_cues", "listen", "screen")
    assert dataclasses.replace(coach, **{name: getattr(standard, name) for name in aside}) == (
        standard
    )


@pytest.mark.parametrize("name", ["coach", "patient", "strict"])
def test_shipped_policies_mark_what_differs(name: str) -> None:
    """The mark <- stands at every value that differs from standard, and at no other."""

    def key(line: str) -> str:
        return line.partition("#")[0].split(":")[0].strip()

    def values(text: str) -> dict[str, str]:
        lines = (line.partition("#")[0] for line in text.splitlines())
        return {key(line): line.partition(":")[2].strip() for line in lines if line.strip()}

    text = (POLICIES_DIR / f"{name}.yaml").read_text("utf-8")
    standard, other = values(STANDARD_TEXT), values(text)
    named = {name for name in standard.keys() ^ other.keys() if not name.startswith("- ")}
    assert not named
    differing = {name for name in other if standard.get(name) != other[name]}
    marked = {key(line) for line in text.splitlines() if "# <-" in line}
    assert marked == differing - {"version", "title"}


def test_a_policy_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_policy("standard").calm_turns = 1  # type: ignore[misc]


def test_a_policy_of_ones_own_is_loaded_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "gentle.yaml"
    text = STANDARD_TEXT.replace("standard-2", "gentle-12").replace(
        "calm_turns: 3", "calm_turns: 2"
    )
    path.write_text(text, "utf-8")
    for given in (path, str(path)):
        policy = load_policy(given)
        assert (policy.version, policy.calm_turns) == ("gentle-12", 2)


def line_of(text: str, words: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if words in line)


@pytest.mark.parametrize(
    ("old", "new", "at", "problem", "fix"),
    [
        ("mild_overlooked: 1", "mild_overloked: 1", "mild_overloked",
         'unknown key "mild_overloked"', 'did you mean "mild_overlooked"'),
        ("calm_turns: 3 ", "calm_turns: 0 ", "calm_turns", "0 is outside 1 to 50",
         "the nearest valid value is 1"),
        ("calm_turns: 3 ", "calm_turns: three ", "calm_turns",
         "expected a whole number, found text", "use 1 to 50"),
        ("grave_from: 3", "grave_from: 7", "grave_from", "7 is outside 1 to 3",
         "the nearest valid value is 3"),
        ("complaint_agitation_from: 0.5", "complaint_agitation_from: 50",
         "complaint_agitation_from", "50 is outside 0 to 1", "the nearest valid value is 1"),
        ("grave_goes_to: respect_request", "grave_goes_to: respekt_request", "grave_goes_to",
         '"respekt_request" is not known here', 'did you mean "respect_request"'),
        ("on_apology: true", "on_apology: maybe", "on_apology", "expected true or false",
         "write true or false"),
        ("- check_claim", "- check_claims", "- check_claims", '"check_claims" is not known here',
         'did you mean "check_claim"'),
        ("- check_claim", "- aftercare", "- aftercare      ", "listed twice", "remove one"),
        ("version: standard-2", "version: 1.0", "version: 1.0", "", ""),
        ("version: standard-2", "version: other-1", "version: other-1",
         '"other-1" is no version of this file', "wrong-1"),
        ("stay_secs: 45", "stay_secs: 4", "stay_secs", "4 is outside 5 to 600",
         "the nearest valid value is 5"),
        ("grave_from: 3", "grave_from: 1", "grave_from", "below attacks at all (2)",
         "the nearest valid value is 2"),
        ("calm_agitation_up_to: 0.35", "calm_agitation_up_to: 0.5", "calm_agitation_up_to",
         "counts as calm and as agitated at once", "use a value below 0.5"),
        ("threat_goes_to: consequence", "threat_goes_to: mirror", "threat_goes_to",
         "a threat leads to mirror, below the gravest insults", "respect_request"),
        ("approved_by: nobody", "approved_by: supervisors", "approved_by",
         '"supervisors" is not known here', 'did you mean "supervisor"'),
        ("approval_secs: 20", "approval_secs: 60", "approval_secs", "60 is outside 5 to 20",
         "the nearest valid value is 20"),
        ("mild_forgotten_after_secs: 0", "mild_forgotten_after_secs: -1",
         "mild_forgotten_after_secs", "-1 is outside 0 to 3600", "the nearest valid value is 0"),
        ("callback_impatient_turns: 2", "callback_impatient_turns: 0", "callback_impatient_turns",
         "0 is outside 1 to 20", "the nearest valid value is 1"),
        ("talk_over_secs: 2.5", "talk_over_secs: 0", "talk_over_secs", "0 is outside 0.5 to 30",
         "the nearest valid value is 0.5"),
        ("interruptions: 2", "interuptions: 2", "interuptions", 'unknown key "interuptions"',
         'did you mean "interruptions"'),
        ("agent_share_percent: 85", "agent_share_percent: 0.85", "agent_share_percent",
         "0.85 is outside 50 to 100", "the nearest valid value is 50"),
        ("per_minute: 8", "per_minute: 1", "per_minute", "1 is outside 2 to 30",
         "the nearest valid value is 2"),
        ("  stays_secs: 4 ", "  stays_secs: 0 ", "stays_secs: 0", "0 is outside 1 to 60",
         "the nearest valid value is 1"),
        ("urgent_stays_secs: 12", "urgent_stays_secs: 200", "urgent_stays_secs",
         "200 is outside 1 to 120", "the nearest valid value is 120"),
        ("wait_for_pause: true", "wait_for_pause: yes please", "wait_for_pause",
         "expected true or false", "write true or false"),
    ],
)  # fmt: skip
def test_wrong_files_are_refused_with_file_line_and_fix(
    tmp_path: Path, old: str, new: str, at: str, problem: str, fix: str
) -> None:
    assert STANDARD_TEXT.count(old) == 1
    text = STANDARD_TEXT.replace(old, new)
    if not new.startswith("version"):
        text = text.replace("version: standard-2", "version: wrong-1")
    path = tmp_path / "wrong.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as error:
        load_policy(path)
    lines = [n for n, line in enumerate(text.splitlines(), 1) if at in line]
    assert any(error.value.message.startswith(f"{path}:{n}: ") for n in lines)
    assert problem in error.value.message
    assert fix in error.value.fix


def test_a_missing_value_is_refused(tmp_path: Path) -> None:
    text = STANDARD_TEXT.replace("standard-2", "wrong-1")
    text = "\n".join(line for line in text.splitlines() if "calm_turns" not in line)
    path = tmp_path / "wrong.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match='the key "calm_turns" is missing') as error:
        load_policy(path)
    assert error.value.message.startswith(f"{path}:{line_of(text, 'step_down:')}: ")


@pytest.mark.parametrize("name", ["standart", "streng", ""])
def test_an_unknown_name_names_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_policy(name)
    assert "coach, patient, standard, strict" in error.value.fix


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(ConfigError) as error:
        load_policy("standart")
    assert 'did you mean "standard"' in error.value.fix


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_policy(tmp_path / "none.yaml")


# Which policy a call gets ------------------------------------------------------------------------


def own(folder: Path, name: str, old: str = "", new: str = "") -> Path:
    text = STANDARD_TEXT.replace("version: standard-2", f"version: {name}-7").replace(old, new)
    path = folder / f"{name}.yaml"
    path.write_text(text, "utf-8")
    return path


def test_a_call_gets_the_policy_it_names_else_its_queues_else_the_sites() -> None:
    book = load_policies("strict", queues={"complaints": "patient"})
    assert book.for_call().name == "strict"
    assert book.for_call(None, "sales").name == "strict"
    assert book.for_call(None, "complaints").name == "patient"
    assert book.for_call("coach", "complaints").name == "coach"
    assert book.names == ("coach", "patient", "standard", "strict")


def test_an_unknown_policy_of_a_call_or_a_queue_is_refused_with_the_nearest_name() -> None:
    book = load_policies("standard")
    with pytest.raises(ConfigError, match='no policy "pacient" for the call') as error:
        book.for_call("pacient")
    assert 'did you mean "patient"' in error.value.fix
    with pytest.raises(ConfigError, match=r'no policy "strickt" for the queue \'sales\'') as error:
        load_policies("standard", queues={"sales": "strickt"})
    assert 'did you mean "strict"' in error.value.fix


def test_policies_of_ones_own_folder_stand_beside_the_shipped_ones(tmp_path: Path) -> None:
    own(tmp_path, "gentle", "calm_turns: 3", "calm_turns: 1")
    book = load_policies("standard", tmp_path, {"complaints": "gentle"})
    assert book.for_call("gentle").calm_turns == 1
    assert book.for_call(None, "complaints").version == "gentle-7"
    assert load_policies("gentle", tmp_path).default.version == "gentle-7"


def test_a_policy_of_ones_own_goes_before_a_shipped_one_of_its_name(tmp_path: Path) -> None:
    own(tmp_path, "strict")
    own(tmp_path, "standard")
    book = load_policies("standard", tmp_path)
    assert [book.for_call(name).version for name in (None, "standard", "strict", "coach")] == [
        "standard-7", "standard-7", "strict-7", "coach-1",
    ]  # fmt: skip


def test_the_sites_policy_may_be_a_file_and_is_then_known_by_name(tmp_path: Path) -> None:
    path = own(tmp_path, "gentle")
    book = load_policies(path, queues={"complaints": "gentle"})
    assert {book.default, book.for_call("gentle"), book.for_call(None, "complaints")} == {
        book.default
    }


def test_a_folder_without_policies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there are no policy files"):
        load_policies("standard", tmp_path)


def test_a_wrong_file_in_the_folder_is_refused_at_load(tmp_path: Path) -> None:
    path = own(tmp_path, "gentle", "calm_turns: 3", "calm_turns: 0")
    with pytest.raises(ConfigError, match="0 is outside 1 to 50") as error:
        load_policies("standard", tmp_path)
    assert error.value.message.startswith(f"{path}:")


def test_a_book_of_one_policy_gives_it_to_every_call() -> None:
    policy = load_policy("patient")
    book = PolicyBook(policy)
    assert book.for_call(None, "anything") is policy
    assert book.names == ("patient",)
