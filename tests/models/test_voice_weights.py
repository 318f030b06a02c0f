"""The shipped weights: readable, refused when damaged, and as good as their card says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import ModelError
from models.voice.features import NAMES
from models.voice.model import WEIGHTS_PATH, load_model, probability

EMODB = Path(__file__).resolve().parents[3] / "shared" / "data" / "emodb"
CARD = WEIGHTS_PATH.with_name("MODEL_CARD.md")


@pytest.fixture
def weights() -> dict[str, Any]:
    return json.loads(WEIGHTS_PATH.read_text(encoding="utf-8"))


def test_the_shipped_weights_load() -> None:
    model = load_model()
    assert model.weights.shape == (len(NAMES),)
    assert np.count_nonzero(model.weights) == len(NAMES)


def missing(data: dict[str, Any]) -> None:
    del data["bias"]


def other_format(data: dict[str, Any]) -> None:
    data["format"] = 99


def other_features(data: dict[str, Any]) -> None:
    data["features"]["loudness"] = data["features"].pop("flux")


def no_number(data: dict[str, Any]) -> None:
    data["features"]["flux"]["weight"] = "much"


def not_finite(data: dict[str, Any]) -> None:
    data["features"]["flux"]["weight"] = float("nan")


def no_scale(data: dict[str, Any]) -> None:
    data["features"]["flux"]["scale"] = 0.0


def cut_off(data: dict[str, Any]) -> None:
    data["precision"] = data["precision"][:-1]


@pytest.mark.parametrize(
    "damage", [missing, other_format, other_features, no_number, not_finite, no_scale, cut_off]
)
def test_damaged_weights_are_refused_with_a_remedy(
    damage: Callable[[dict[str, Any]], None], weights: dict[str, Any], tmp_path: Path
) -> None:
    damage(weights)
    path = tmp_path / "weights.json"
    path.write_text(json.dumps(weights), encoding="utf-8")
    with pytest.raises(ModelError, match=r"weights\.json") as refused:
        load_model(path)
    assert "models.voice.training.train" in refused.value.fix


@pytest.mark.parametrize("content", ["", "[]", "{", "\x00"])
def test_a_file_that_is_no_weights_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ModelError):
        load_model(path)
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(tmp_path / "nowhere.json")


def test_probability_is_bounded() -> None:
    assert probability(0.0) == 0.5
    assert 0.0 < probability(-1e9) < probability(1e9) <= 1.0


def test_the_card_says_what_the_weights_say(weights: dict[str, Any]) -> None:
    card = CARD.read_text(encoding="utf-8")
    assert weights["figures"]
    for name, figure in weights["figures"].items():
        low, high = figure["interval"]
        row = (
            f"| {name} | {100 * figure['uar']:.1f} % [{100 * low:.1f}, {100 * high:.1f}] "
            f"| {figure['auc']:.3f} | {figure['brier']:.3f} | {figure['n']} | {figure['unknown']} |"
        )
        assert row in card


def test_the_figures_come_out_again_for_one_speaker(need: Callable[[str], None]) -> None:
    """One of six speakers over the A-law line, held out: no worse than the card leads to expect."""
    need("shared")
    from models.voice.training import train
    from models.voice.training.corpus import Phone, load_clips

    clips = load_clips(EMODB)
    phone = Phone(clips)
    table = train.make_table(clips, phone, lines=("alaw",))
    turns = train.measure(table, clips, phone, lines=("alaw",), speakers=("08",))
    for start in train.STARTS:
        figure = train.figure([turn for turn in turns if turn.start == start])
        assert figure.turns > 20
        assert figure.auc > 0.95
        assert figure.uar > 0.85
