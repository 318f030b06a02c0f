from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.text.lexicon import LexiconModel
from models.text.load import load_text_model
from models.text.score import AGENT_LABELS, CUSTOMER_LABELS, Channel, TextScore


@pytest.fixture(scope="module")
def model() -> LexiconModel:
    loaded = load_text_model("lexicon")
    assert isinstance(loaded, LexiconModel)
    return loaded


def told(score: TextScore) -> tuple[set[str], int, str]:
    return set(score.assigned), score.severity, score.target


@pytest.mark.parametrize(
    ("text", "labels", "severity", "target"),
    [
        ("sie trottel", {"insult"}, 2, "agent"),
        ("so ein vollpfosten wie sie", {"insult"}, 2, "agent"),
        ("ihr seid doch alle verbrecher", {"insult"}, 2, "company"),
        ("sie haben doch keine ahnung", {"competence_attack"}, 2, "agent"),
        ("können sie überhaupt lesen", {"competence_attack"}, 1, "agent"),
        ("sie arschloch", {"insult"}, 3, "agent"),
        ("ich weiß wo sie wohnen", {"threat"}, 3, "agent"),
        ("sie hören von meinem anwalt", {"legal_threat"}, 0, "company"),
        ("in diesem land klappt gar nichts mehr", {"generalisation"}, 1, "company"),
        ("mein internet geht schon wieder nicht", {"complaint"}, 0, "product"),
        ("na vielen dank auch", {"frustration"}, 0, "company"),
        ("vielen dank für ihre hilfe", {"thanks"}, 0, "none"),
        ("tut mir leid ich war zu laut", {"apology"}, 0, "none"),
        ("sorry aber das ist eine frechheit", {"frustration"}, 0, "company"),
        ("sie können nichts dafür", {"disclaimer"}, 0, "none"),
    ],
)
def test_what_a_customer_says(
    model: LexiconModel, text: str, labels: set[str], severity: int, target: str
) -> None:
    assert told(model.score(text, "customer")) == (labels, severity, target)


@pytest.mark.parametrize(
    "text",
    [
        "ich sage nicht dass sie ein trottel sind",
        "sie sind kein trottel",
        "ich idiot hab den stecker vergessen",
        "ich bin so ein trottel",
        "mein schwager der trottel hat das kaputt gemacht",
        "mein nachbar ist ein arschloch",
        "er hat mich idiot genannt",
        "der mann schrie sie idiot da bin ich gegangen",
        "mein name ist trottel",
        "frau kuh hat mich angerufen",
        "der drucker ist ein idiot",
        "die ratgeber für dummies sind gut",
        "ich möchte nicht kündigen",
        "mein chef bringt mich um",
        "sie haben keine ahnung wie dankbar ich bin",
        "verdammt ist das toll",
        "die kundennummer haben sie null sieben acht",
        "haben sie auch flaschen",
    ],
)
def test_nobody_is_attacked(model: LexiconModel, text: str) -> None:
    score = model.score(text, "customer")
    assert not {"insult", "competence_attack", "threat", "cancellation"} & set(score.assigned)
    assert score.severity == 0


def test_negation_of_a_cancellation_holds_only_for_itself(model: LexiconModel) -> None:
    assert model.score("ich kündige", "customer").assigned == ("cancellation",)
    assert "cancellation" not in model.score("nein ich will nicht kündigen", "customer").assigned


def test_an_exception_overlooks_one_hit_and_not_the_next(model: LexiconModel) -> None:
    score = model.score("ich idiot hab es vergessen aber sie idiot auch", "customer")
    assert score.assigned == ("insult",)
    assert [span.text for span in score.evidence] == ["sie idiot"]


def test_outsiders_are_the_target_without_a_label(model: LexiconModel) -> None:
    score = model.score("mein bruder ist ein idiot", "customer")
    assert told(score) == (set(), 0, "third")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("guten tag mein name ist weber wie kann ich ihnen helfen", {"greeting", "open_question"}),
        ("das kann ich gut verstehen", {"empathy"}),
        ("das verstehe ich akustisch nicht", set()),
        ("sie meinen ich bin ein idiot habe ich das richtig verstanden", {"paraphrase"}),
        ("sie haben gesagt dass ich nichts dafür kann", {"quote_disclaimer"}),
        ("bitte sprechen sie respektvoll mit mir", {"respect_request"}),
        ("wenn sie mich weiter beleidigen beende ich das gespräch", {"consequence_announcement"}),
        ("ich beende jetzt das gespräch", {"call_termination"}),
        ("ich schicke ihnen morgen ein neues gerät", {"solution_offer"}),
        ("ihre kundennummer ist vier acht drei richtig", {"confirm_understanding"}),
        ("einen moment bitte", {"hold_explanation"}),
        ("auf wiederhören", {"farewell"}),
        ("regen sie sich mal ab", {"agent_impolite"}),
    ],
)
def test_what_an_agent_says(model: LexiconModel, text: str, labels: set[str]) -> None:
    score = model.score(text, "agent")
    assert set(score.assigned) == labels
    assert score.target == "none"


def test_the_mirrored_insult_is_not_impolite(model: LexiconModel) -> None:
    mirrored = model.score("habe ich richtig gehört dass sie mich einen trottel nennen", "agent")
    assert "paraphrase" in mirrored.assigned
    assert "agent_impolite" not in mirrored.assigned
    assert told(model.score("sie trottel", "agent")) == ({"agent_impolite"}, 2, "none")


def test_the_same_question_mirrors_an_attack_and_checks_a_fact(model: LexiconModel) -> None:
    question = "habe ich sie richtig verstanden"
    after_attack = model.score(question, "agent", (("customer", "sie trottel"),))
    after_fact = model.score(question, "agent", (("customer", "ich wohne in hausnummer neun"),))
    assert "paraphrase" in after_attack.assigned
    assert "paraphrase" not in after_fact.assigned
    assert "confirm_understanding" in after_fact.assigned


@pytest.mark.parametrize(
    ("text", "hints"),
    [
        ("kannst du mir das erklären", ("du_form",)),
        ("gib mir mal die nummer", ("du_form",)),
        ("nein nicht mayer sondern meier", ("correction",)),
        ("da haben sie mich falsch verstanden", ("correction",)),
        ("ihr habt mir das geschickt", ()),
        ("ach du meine güte", ()),
        ("das war nicht ihr fehler", ()),
    ],
)
def test_hints(model: LexiconModel, text: str, hints: tuple[str, ...]) -> None:
    assert tuple(set(model.score(text, "customer").hints) & {"du_form", "correction"}) == hints


def test_evidence_names_the_words_of_the_text_as_it_is_written(model: LexiconModel) -> None:
    text = "Na, Sie Trottel! Ich kündige."
    score = model.score(text, "customer")
    assert {(span.label, span.text) for span in score.evidence} == {
        ("insult", "Sie Trottel"),
        ("cancellation", "Ich kündige"),
    }
    assert all(text[span.start : span.end] == span.text for span in score.evidence)


def test_a_partial_is_scored_as_far_as_it_goes(model: LexiconModel) -> None:
    """A clear insult is known before the sentence ends; what it was a quote of takes it back."""
    quoted = "er hat mich einen moment warten lassen und dann gesagt sie idiot"
    for end in range(len(quoted) + 1):
        assert model.score(quoted[:end], "customer").severity == 0
    sentence = "sie idiot haben das schon wieder falsch gemacht"
    known = [
        "insult" in model.score(sentence[:end], "customer").assigned
        for end in range(len(sentence) + 1)
    ]
    assert known.index(True) == len("sie idiot")
    assert all(known[len("sie idiot haben") :])
    assert model.score("sie idiot", "customer").severity == 2
    assert model.score("sie idiot hat er mich genannt", "customer").severity == 0


@pytest.mark.parametrize("text", ["", " ", "...", "ß", "\x00", "👍 😡", "ı İ ﬁ", "a" * 9000])
def test_odd_texts_say_nothing(model: LexiconModel, text: str) -> None:
    for channel in ("customer", "agent"):
        assert model.score(text, channel) == TextScore()  # type: ignore[arg-type]


PIECES = st.sampled_from(
    ["sie", "du", "ihr", "idiot", "sie sind ein", "kein", "nicht", "mein nachbar", "ich", "bin",
     "haben", "keine ahnung", "der drucker", "geht", "vielen dank", "arschloch", "wenn", "beende",
     "das gespräch", "tut mir leid", "so wie", "gesagt", "genannt", "bringe sie um", "ich heiße"]
)  # fmt: skip
TEXTS = st.text(max_size=120) | st.lists(PIECES, max_size=25).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(text=TEXTS, channel=st.sampled_from(["customer", "agent"]))
def test_any_text_gives_a_sound_score(model: LexiconModel, text: str, channel: Channel) -> None:
    score = model.score(text, channel)
    assert score == model.score(text, channel)
    own = CUSTOMER_LABELS if channel == "customer" else AGENT_LABELS
    assert set(score.labels) <= set(own)
    assert all(0 < chance <= 1 for chance in score.labels.values())
    assert set(score.assigned) == {name for name, chance in score.labels.items() if chance >= 0.5}
    assert 0 <= score.severity <= 3
    assert (score.severity == 3) or "threat" not in score.assigned
    assert {span.label for span in score.evidence} == set(score.assigned)
    for span in score.evidence:
        assert 0 <= span.start < span.end <= len(text)
        assert text[span.start : span.end] == span.text


def test_an_utterance_costs_at_most_two_milliseconds_of_cpu(model: LexiconModel) -> None:
    texts = [
        "guten tag ich rufe an weil mein internet seit drei tagen nicht geht keiner ruft zurück",
        "sie haben doch überhaupt keine ahnung sie trottel ich will sofort ihren chef sprechen",
        "ja genau die nummer ist null acht neun",
    ] * 100
    began = time.process_time()
    for text in texts:
        model.score(text, "customer")
    assert (time.process_time() - began) / len(texts) <= 0.002
