from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from models.errors import ConfigError
from models.text.lexicon import SHIPPED, load_lexicon_model
from models.text.load import load_text_model

CUSTOMER = """\
version: 1
exceptions:
  Verneint:
    before: ["kein"]
rules:
  - rule: Schimpfwort
    label: insult
    severity: 2
    target: agent
    unless: [Verneint]
    patterns:
      - sie {tier}
"""
AGENT = """\
version: 1
rules:
  - rule: Gruß
    label: greeting
    patterns: [guten tag]
"""
WORDS = """\
version: 1
variants: {nicht: [ned]}
words:
  tier: [esel, kuh]
"""


def write(folder: Path, **files: str) -> Path:
    texts = {"words": WORDS, "customer": CUSTOMER, "agent": AGENT} | files
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_small_lexicon_of_ones_own(tmp_path: Path) -> None:
    model = load_lexicon_model(write(tmp_path))
    assert model.score("sie esel", "customer").assigned == ("insult",)
    assert model.score("kein sie esel", "customer").assigned == ()
    assert model.score("sie esel", "agent").assigned == ()
    assert model.name.startswith(f"lexicon-{tmp_path.name}@")


def test_the_name_changes_with_every_edit(tmp_path: Path) -> None:
    before = load_lexicon_model(write(tmp_path)).name
    (tmp_path / "agent.yaml").write_text(AGENT + "# noted\n", encoding="utf-8")
    assert load_lexicon_model(tmp_path).name != before


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "what", "fix"),
    [
        ("customer", "insult", "insullt", 7, '"insullt" is not known', 'did you mean "insult"?'),
        ("customer", "severity: 2", "severity: 4", 8, "4 is outside 0 to 3", "value is 3"),
        ("customer", "severity: 2", "severity: high", 8, "whole number", "use 0 to 3"),
        ("customer", "label: insult", "label: thanks", 8, "severity 2 is too much", "value is 0"),
        ("customer", "label: insult", "label: threat", 8, "a threat of severity 2", "severity 3"),
        ("customer", "target: agent", "target: agnet", 9, '"agnet"', 'did you mean "agent"?'),
        ("customer", "[Verneint]", "[Verneint, Zitat]", 10, 'no exception "Zitat"', "Verneint"),
        ("customer", "sie {tier}", "sie ({tier}", 12, 'a ")" is missing', "close the bracket"),
        ("customer", "sie {tier}", "sie {teir}", 12, 'no word list "teir"', 'did you mean "tier"?'),
        ("customer", "unless", "unles", 10, 'unknown key "unles"', 'did you mean "unless"?'),
        ("customer", "severity: 2", "probability: 7", 8, "7 is outside", "value is 1"),
        ("customer", 'before: ["kein"]', "beside: [kein]", 4, 'unknown key "beside"', "before"),
        ("agent", "greeting", "insult", 4, '"insult" is not known', "Valid: empathy"),
        ("agent", "version: 1", "version: 2", 1, "2 is outside 1 to 1", "value is 1"),
        ("agent", "    label: greeting\n", "", 3, "this rule has no effect", "add label"),
        ("agent", "[guten tag]", "[]", 5, "this rule has no patterns", "add one"),
        ("words", "[ned]", "[ned, ned]", 2, '"ned" already stands for "nicht"', "remove one"),
        ("words", "{nicht: [ned]}", "{nicht: [ned], nie: [nicht]}", 2, "stands for another", "nie"),
        ("words", "[esel, kuh]", "[esel, null]", 4, "found nothing", "quotes"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_file_line_and_fix(
    tmp_path: Path, file: str, old: str, new: str, line: int, what: str, fix: str
) -> None:
    texts = {"words": WORDS, "customer": CUSTOMER, "agent": AGENT}
    assert old in texts[file]
    with pytest.raises(ConfigError) as caught:
        load_lexicon_model(write(tmp_path, **{file: texts[file].replace(old, new, 1)}))
    assert caught.value.message.startswith(f"{tmp_path / file}.yaml:{line}: ")
    assert what in caught.value.message
    assert fix in caught.value.fix


@pytest.mark.parametrize("file", ["words", "customer", "agent"])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    (write(tmp_path) / f"{file}.yaml").unlink()
    with pytest.raises(ConfigError, match=rf"{file}\.yaml: cannot be read"):
        load_lexicon_model(tmp_path)
    with pytest.raises(ConfigError, match="no such lexicon folder"):
        load_lexicon_model(tmp_path / "none")


LOCAL = """\
version: 1
never_alarm: ["esel kaffee"]
variants: {esel: [aesel]}
words:
  tier: [ziege]
  eigenes: [funkfix]
rules:
  - rule: Konkurrenz
    channel: customer
    label: cancellation
    target: company
    patterns: ["zu {eigenes}"]
"""


def test_a_company_adds_words_variants_rules_and_what_never_alarms(tmp_path: Path) -> None:
    model = load_lexicon_model(write(tmp_path, local=LOCAL))

    def labels(text: str) -> tuple[str, ...]:
        return model.score(text, "customer").assigned

    assert labels("sie ziege") == ("insult",)
    assert labels("sie aesel") == ("insult",)
    assert labels("haben sie esel kaffee") == ()
    assert labels("ich gehe zu funkfix") == ("cancellation",)


def test_a_mistake_in_the_own_file_is_told_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"local\.yaml:9: \"custmer\" is not known") as caught:
        load_lexicon_model(write(tmp_path, local=LOCAL.replace(": customer", ": custmer")))
    assert 'did you mean "customer"?' in caught.value.fix


def test_the_shipped_lexicon_works_without_the_own_file(tmp_path: Path) -> None:
    for name in ("words.yaml", "customer.yaml", "agent.yaml"):
        shutil.copy(SHIPPED / name, tmp_path / name)
    assert load_text_model("lexicon", tmp_path).score("sie idiot", "customer").severity == 2


def test_an_unknown_model_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match='text model "lexcon"') as caught:
        load_text_model("lexcon")
    assert 'did you mean "lexicon"?' in caught.value.fix
