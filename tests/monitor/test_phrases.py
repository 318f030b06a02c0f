"""Phrase libraries: complete, formal, true; and how wrong files are refused."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from models.errors import ConfigError
from monitor.events import STAGES
from monitor.phrases import (
    CLAIMS,
    CUES,
    LANGUAGES,
    PHRASES_DIR,
    SLOTS,
    Phrase,
    PhraseBook,
)

EVERYTHING = {"wort": "unfähig", "anliegen": "das gerät geht nicht", "anzahl": "2"}
EVERYTHING |= dict.fromkeys(CLAIMS, "2")
BOOKS = {lang: PhraseBook.load(lang) for lang in LANGUAGES}


def phrases(book: PhraseBook) -> list[Phrase]:
    return [phrase for cue in book.cues.values() for phrase in cue.phrases]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("cue", CUES)
def test_every_cue_has_enough_sentences(lang: str, cue: str) -> None:
    texts = BOOKS[lang].cues[cue]
    assert len(texts.phrases) >= 6
    assert len([phrase for phrase in texts.phrases if phrase.fits({})]) >= 3
    assert all((texts.heading, texts.what, texts.next))
    assert len(texts.heading) <= 30, "readable at a glance"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_sentence_stands_twice(lang: str) -> None:
    sentences = [phrase.text for phrase in phrases(BOOKS[lang])]
    assert len(sentences) == len(set(sentences))


def test_both_languages_have_the_same_sentences() -> None:
    de, en = (
        {phrase.id: (set(phrase.slots), phrase.needs) for phrase in phrases(BOOKS[lang])}
        for lang in ("de", "en")
    )
    assert de == en


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_sentence_renders_and_is_typeset_well(lang: str) -> None:
    for phrase in phrases(BOOKS[lang]):
        text = BOOKS[lang].render(phrase.id, EVERYTHING)
        assert all(EVERYTHING[name] in text for name in phrase.slots), phrase.id
        assert text[0].isupper() or text[0] in "„“", phrase.id
        assert text[-1] in ".?!", phrase.id
        assert not re.search(r"[{}\"']|  ", text), phrase.id
        assert len(text) <= 160, "speakable in one breath or two"


def test_sentences_are_formal() -> None:
    informal = re.compile(r"\b(du|dir|dich|dein\w*|euch|euer|eure\w*)\b", re.IGNORECASE)
    for cue in BOOKS["de"].cues.values():
        for text in (cue.what, cue.next, *(phrase.text for phrase in cue.phrases)):
            assert not informal.search(text), text
            assert not re.search(r"\bihr\w*", text), text


# Words by which a sentence speaks of what the agent has said before, and what must be true then.
CLAIMING = {
    "de": {
        "gebeten": "said_respect_request",
        "angekündigt": "said_consequence",
        "was sonst geschieht": "said_consequence",
        "nach wie vor": "said_understanding",
        "das habe ich Ihnen gesagt": "said_understanding",
        "gedroht": "threatened",
        "Drohung": "threatened",
        "zugleich": "talk_over",
        "unterbrochen": "interruption",
        "Ich bin noch da": "dead_air",
        "Stille": "dead_air",
        "viel erzählt": "agent_share",
    },
    "en": {
        "I did ask": "said_respect_request",
        "I asked": "said_respect_request",
        "I have asked": "said_respect_request",
        "I told you that": "said_consequence",
        "told you what would happen": "said_consequence",
        "still understand": "said_understanding",
        "as I told you": "said_understanding",
        "threat": "threatened",
        "at the same time": "talk_over",
        "interrupted": "interruption",
        "I am still here": "dead_air",
        "silence": "dead_air",
        "talked a lot": "agent_share",
    },
}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_a_sentence_claims_it_needs_and_needs_only_that(lang: str) -> None:
    for phrase in phrases(BOOKS[lang]):
        claimed = {claim for words, claim in CLAIMING[lang].items() if words in phrase.text}
        assert claimed == dict(phrase.needs).keys(), phrase.id


@pytest.mark.parametrize("rule", ["talk_over", "interruption", "dead_air", "agent_share"])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_was_measured_is_only_named_by_the_rule_that_measured_it(lang: str, rule: str) -> None:
    book, used = BOOKS[lang], list[str]()
    while phrase := book.choose("listen", used, {rule: "1"}):
        used.append(phrase.id)
        assert dict(phrase.needs).keys() <= {rule}
    first = book.phrase(used[0])
    assert dict(first.needs) == {rule: 1}, "what fits the moment comes first"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_number_of_requests_is_only_named_when_there_were_several(lang: str) -> None:
    numbered = [phrase for phrase in phrases(BOOKS[lang]) if "anzahl" in phrase.slots]
    assert numbered
    assert all(dict(phrase.needs)["said_respect_request"] >= 2 for phrase in numbered)


def test_the_last_sentence_states_only_what_was_said() -> None:
    book = BOOKS["de"]
    for said in ({}, {"said_respect_request": "1"}, {"said_consequence": "1"}):
        offered, used = [], set()
        while phrase := book.choose("end_call", used, said):
            used.add(phrase.id)
            offered.append(phrase.text)
        assert any("gebeten" in text for text in offered) == ("said_respect_request" in said)
        assert any("angekündigt" in text for text in offered) == ("said_consequence" in said)
        assert not any("-mal" in text for text in offered)
    several = {"said_respect_request": "3", "anzahl": "3"}
    chosen = book.choose("end_call", (), several)
    assert chosen is not None
    assert book.render(chosen.id, several).startswith("Ich habe Sie 3-mal um Respekt gebeten")


def test_the_sentence_that_says_most_comes_first() -> None:
    chosen = BOOKS["de"].choose("mirror", (), {"wort": "ahnungslos"})
    assert chosen is not None
    assert BOOKS["de"].render(chosen.id, {"wort": "ahnungslos"}) == (
        "Ich habe eben „ahnungslos“ gehört. Habe ich das richtig verstanden?"
    )


@pytest.mark.parametrize("cue", CUES)
def test_no_sentence_comes_twice_in_a_call(cue: str) -> None:
    book, used = BOOKS["de"], list[str]()
    while phrase := book.choose(cue, used, EVERYTHING):
        assert phrase.id not in used
        assert phrase == book.choose(cue, used, EVERYTHING), "the same choice every time"
        used.append(phrase.id)
    assert len(used) == len(book.cues[cue].phrases)


def test_an_empty_slot_is_not_known() -> None:
    chosen = BOOKS["de"].choose("mirror", (), {"wort": ""})
    assert chosen is not None
    assert chosen.slots == ()


def test_unknown_cues_phrases_and_slots_raise() -> None:
    book = BOOKS["de"]
    for call in (
        lambda: book.choose("shrug", (), {}),
        lambda: book.render("mirror.shrug", {}),
        lambda: book.render("shrug.mirror", {}),
        lambda: book.render("mirror.wort_ich", {}),
    ):
        with pytest.raises(LookupError):
            call()


def test_to_json_holds_all_that_a_screen_shows() -> None:
    book = BOOKS["de"]
    data = book.to_json()
    assert (data["lang"], data["version"]) == ("de", "de-2")
    assert list(data["stages"]) == list(STAGES)
    assert data["cues"]["end_call"]["heading"] == "Gespräch beenden"
    assert set(data["cues"]) == set(CUES)
    for name, cue in data["cues"].items():
        assert cue["phrases"] == {phrase.id: phrase.text for phrase in book.cues[name].phrases}
        named = {slot for text in cue["phrases"].values() for slot in re.findall(r"{(\w+)}", text)}
        assert named <= {*SLOTS}


# Wrong files -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new", "problem", "fix"),
    [
        ("stages.yaml", "  mirror:\n    heading", "  miror:\n    heading", 'unknown key "miror"',
         'did you mean "mirror"'),
        ("stages.yaml", "„{wort}“ – ist", "„{wrot}“ – ist", "there is no name {wrot}",
         'did you mean "wort"'),
        ("stages.yaml", "„{wort}“ – ist", "„{wort“ – ist", "a brace is left open", "{wort}"),
        ("stages.yaml", "{said_respect_request: 2}", "{said_respekt_request: 2}",
         'unknown key "said_respekt_request"', 'did you mean "said_respect_request"'),
        ("stages.yaml", "{said_respect_request: 2}", "{said_respect_request: 0}",
         "0 is outside 1 to 20", "the nearest valid value is 1"),
        ("stages.yaml", "heading: Nachfragen", "headline: Nachfragen", 'unknown key "headline"',
         'did you mean "heading"'),
        ("stages.yaml", "heading: Nachfragen", 'heading: ""', "the text is empty",
         "write something"),
        ("stages.yaml", "  consequence: Folge ankündigen\n", "", 'the key "consequence" is missing',
         "add"),
        ("stages.yaml", "      richtig: ", "      Richtig!: ", '"Richtig!" is no id',
         "small letters"),
        ("stages.yaml", "version: de-2", "version: de-3", '"de-3" differs from "de-2"',
         "same version"),
        ("side.yaml", "version: de-2", "version: en-1", '"en-1" is no version', "de-1"),
        ("side.yaml", "  check_claim:", "  mirror:", 'the cue "mirror" is also in', "remove one"),
    ],
)  # fmt: skip
def test_wrong_files_are_refused_with_file_line_and_fix(
    tmp_path: Path, file: str, old: str, new: str, problem: str, fix: str
) -> None:
    shutil.copytree(PHRASES_DIR / "de", tmp_path / "de")
    path = tmp_path / "de" / file
    text = path.read_text("utf-8")
    if old not in text:
        pytest.fail(f"{old!r} is not in {file}")
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigError) as error:
        PhraseBook.load("de", tmp_path / "de")
    assert re.match(rf"{re.escape(str(tmp_path / 'de'))}/\w+\.yaml:[1-9]\d*: ", error.value.message)
    assert problem in error.value.message
    assert fix in error.value.fix


def test_the_line_named_is_the_wrong_one(tmp_path: Path) -> None:
    shutil.copytree(PHRASES_DIR / "de", tmp_path / "de")
    path = tmp_path / "de" / "stages.yaml"
    text = path.read_text("utf-8").replace("„{wort}“ – ist", "„{wrot}“ – ist")
    path.write_text(text, "utf-8")
    line = next(n for n, one in enumerate(text.splitlines(), 1) if "{wrot}" in one)
    with pytest.raises(ConfigError, match=re.escape(f"{path}:{line}: ")):
        PhraseBook.load("de", tmp_path / "de")


def test_a_cue_without_sentences_is_refused(tmp_path: Path) -> None:
    (tmp_path / "stages.yaml").write_bytes((PHRASES_DIR / "de" / "stages.yaml").read_bytes())
    with pytest.raises(ConfigError, match="no sentences for involve_supervisor, keep_formal_sie"):
        PhraseBook.load("de", tmp_path)


def test_an_empty_folder_and_an_unknown_language_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there are no phrase files"):
        PhraseBook.load("de", tmp_path)
    with pytest.raises(ConfigError, match='there are no phrases in "fr"') as error:
        PhraseBook.load("fr")
    assert "de, en" in error.value.fix


def test_a_cue_needs_a_sentence_for_every_call(tmp_path: Path) -> None:
    shutil.copytree(PHRASES_DIR / "de", tmp_path / "de")
    path = tmp_path / "de" / "side.yaml"
    text = path.read_text("utf-8")
    start, end = text.index("  stay_factual:"), text.index("  explain_wait:")
    cue = text[start:end]
    only = cue[: cue.index("      ihr_fall")] + "\n"
    path.write_text(text[:start] + only + text[end:], "utf-8")
    with pytest.raises(ConfigError, match="no sentence fits every call"):
        PhraseBook.load("de", tmp_path / "de")
