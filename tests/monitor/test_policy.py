"""Policies: what ships, and how wrong files are refused."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from models.errors import ConfigError
from monitor.policy import POLICIES_DIR, SIDE_CUES, Policy, load_policy, policy_names

STANDARD_TEXT = (POLICIES_DIR / "standard.yaml").read_text("utf-8")


def test_standard_equals_the_annotation_guideline() -> None:
    assert load_policy("standard") == Policy(
        version="standard-1",
        title="Standard",
        attack_severity_from=2,
        grave_severity_from=3,
        boundary_severity_from=2,
        mild_attacks_overlooked=1,
        understanding_on_frustration=True,
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
        side_cues=frozenset(SIDE_CUES),
        open_question_frustrated_turns=2,
        side_cue_stays_secs=45.0,
    )


def test_shipped_policies_load_and_differ_from_standard() -> None:
    assert set(policy_names()) == {"standard", "patient", "strict"}
    standard = dataclasses.replace(load_policy("standard"), version="", title="")
    for name in ("patient", "strict"):
        policy = load_policy(name)
        assert policy.version == f"{name}-1"
        assert dataclasses.replace(policy, version="", title="") != standard


@pytest.mark.parametrize("name", ["patient", "strict"])
def test_shipped_policies_mark_what_differs(name: str) -> None:
    """The mark <- stands at every value that differs from standard, and at no other."""

    def values(text: str) -> dict[str, str]:
        lines = (line for line in text.splitlines() if re.match(r"\s*[a-z_]+: \S", line))
        return {line.split(":")[0].strip(): line.split(":")[1].split()[0] for line in lines}

    text = (POLICIES_DIR / f"{name}.yaml").read_text("utf-8")
    standard, other = values(STANDARD_TEXT), values(text)
    assert standard.keys() == other.keys()
    differing = {key for key in standard if standard[key] != other[key]} - {"version", "title"}
    marked = {line.split(":")[0].strip() for line in text.splitlines() if "# <-" in line}
    assert marked == differing


def test_a_policy_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_policy("standard").calm_turns = 1  # type: ignore[misc]


def test_a_policy_of_ones_own_is_loaded_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "gentle.yaml"
    text = STANDARD_TEXT.replace("standard-1", "gentle-12").replace(
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
        ("version: standard-1", "version: 1.0", "version: 1.0", "", ""),
        ("version: standard-1", "version: other-1", "version: other-1",
         '"other-1" is no version of this file', "wrong-1"),
        ("stay_secs: 45", "stay_secs: 4", "stay_secs", "4 is outside 5 to 600",
         "the nearest valid value is 5"),
        ("grave_from: 3", "grave_from: 1", "grave_from", "below attacks at all (2)",
         "the nearest valid value is 2"),
        ("calm_agitation_up_to: 0.35", "calm_agitation_up_to: 0.5", "calm_agitation_up_to",
         "counts as calm and as agitated at once", "use a value below 0.5"),
        ("threat_goes_to: consequence", "threat_goes_to: mirror", "threat_goes_to",
         "a threat leads to mirror, below the gravest insults", "respect_request"),
    ],
)  # fmt: skip
def test_wrong_files_are_refused_with_file_line_and_fix(
    tmp_path: Path, old: str, new: str, at: str, problem: str, fix: str
) -> None:
    assert STANDARD_TEXT.count(old) == 1
    text = STANDARD_TEXT.replace(old, new)
    if not new.startswith("version"):
        text = text.replace("version: standard-1", "version: wrong-1")
    path = tmp_path / "wrong.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as error:
        load_policy(path)
    lines = [n for n, line in enumerate(text.splitlines(), 1) if at in line]
    assert any(error.value.message.startswith(f"{path}:{n}: ") for n in lines)
    assert problem in error.value.message
    assert fix in error.value.fix


def test_a_missing_value_is_refused(tmp_path: Path) -> None:
    text = STANDARD_TEXT.replace("standard-1", "wrong-1")
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
    assert "patient, standard, strict" in error.value.fix


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(ConfigError) as error:
        load_policy("standart")
    assert 'did you mean "standard"' in error.value.fix


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_policy(tmp_path / "none.yaml")
