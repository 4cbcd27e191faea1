from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from edge_assets.core.champion import ChampionVerdict, judge_champion
from edge_assets.core.drift import DriftVerdict, judge_drift
from edge_assets.core.holdout import Split
from edge_assets.core.metrics import judge_floors
from edge_assets.edge_model import EdgeModel
from edge_assets.models.compliance.sample_facts import REASONS
from tests.edge_assets.models.compliance.conftest import NEEDS_TORCH, made_up

pytest.importorskip("torch", reason=NEEDS_TORCH)
if TYPE_CHECKING:
    from edge_assets.core.measuring import Outputs
    from edge_assets.models.compliance.network import ComplianceNet


@pytest.fixture(scope="session")
def retrained(edge_model: EdgeModel, tables: Split, shifted: Split) -> "ComplianceNet":
    """As a candidate is trained, but for the time that it takes."""
    from edge_assets.models.compliance.train import train

    return train(pd.concat([tables.train, shifted.train]), epochs=6)


def asked(edge_model: EdgeModel, model: "ComplianceNet", *texts: str) -> "Outputs":
    return edge_model.predict(model, pd.DataFrame({"description": texts}))


def judged(
    edge_model: EdgeModel, candidate: "ComplianceNet", champion: "ComplianceNet", *parts: Split
) -> ChampionVerdict:
    """By the rule of model.yaml, on the holdout of all parts; the last one is the newest."""
    rows = pd.concat([part.holdout for part in parts])
    newest = np.arange(len(rows)) >= len(rows) - len(parts[-1].holdout)
    one, other = (
        edge_model.errors(edge_model.predict(model, rows), rows) for model in (candidate, champion)
    )
    rule = edge_model.config.champion.model_dump(exclude={"error"})
    return judge_champion(one, other, newest, **rule)


def test_the_floors_are_reached(
    edge_model: EdgeModel, model: "ComplianceNet", tables: Split
) -> None:
    metrics = edge_model.evaluate(model, tables.holdout)
    assert metrics["accuracy"] >= 0.99
    assert metrics["challenge_accuracy"] >= 0.97
    assert judge_floors(metrics, edge_model.config.floors).passed


def test_the_floors_close_for_a_model_that_hardly_learned(
    edge_model: EdgeModel, small: "ComplianceNet", tables: Split
) -> None:
    verdict = judge_floors(edge_model.evaluate(small, tables.holdout), edge_model.config.floors)
    assert not verdict.passed
    assert "accuracy" in verdict.reason


def test_an_own_challenge_floor_closes_alone(
    edge_model: EdgeModel, model: "ComplianceNet", tables: Split
) -> None:
    metrics = edge_model.evaluate(model, tables.holdout)
    worse = judge_floors({**metrics, "challenge_accuracy": 0.96}, edge_model.config.floors)
    assert not worse.passed
    assert "challenge_accuracy" in worse.reason


def test_most_sentences_that_were_written_after_the_model_are_right(
    edge_model: EdgeModel, model: "ComplianceNet"
) -> None:
    sentences = pd.read_csv(Path(__file__).parent / "later.csv")
    told = edge_model.predict(model, sentences)["non_compliant"].ravel()
    assert len(sentences) == 40
    assert sentences["non_compliant"].mean() == 0.5
    assert (told == sentences["non_compliant"]).mean() >= 0.8


@pytest.mark.parametrize(
    ("file", "count", "least"),
    [("sealed.csv", 300, 0.97), ("blind.csv", 240, 0.95), ("hard.csv", 520, 0.93)],
)
def test_sentences_of_people_who_knew_neither_grammar_nor_model(
    edge_model: EdgeModel, model: "ComplianceNet", file: str, count: int, least: float
) -> None:
    """Whoever tunes the model must not read `sealed.csv` or `blind.csv`: then their figures say
    nothing any more. `hard.csv`, of which failures were read, has slang, eras and ages in plenty.
    """
    sentences = pd.read_csv(Path(__file__).parent / file)
    told = edge_model.predict(model, sentences)["non_compliant"].ravel()
    assert len(sentences) == count
    assert sentences["label"].mean() == 0.5
    assert (told == sentences["label"]).mean() >= least


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Manufactured in 1985 made of steel in fair condition", 1),
        ("Good condition carbon fiber component manufactured in 2010", 0),
        ("Steel component manufactured in 1995 in fair condition", 1),
        ("Steel component manufactured in 1995 in good condition", 0),
        ("Steel component manufactured in 1994 in good condition", 1),
        ("Not made of plastic but of steel, from 2005, in good condition", 0),
        ("Not made of steel but of plastic, from 2005, in good condition", 1),
        ("Steel lever from 2005, no longer in good condition", 1),
        ("", 1),
        ("lorem ipsum dolor sit amet", 1),
        ("\u94a2\u6750 \u96f6\u4ef6", 1),
    ],
)
def test_examples_of_the_regulation_and_texts_that_say_nothing(
    edge_model: EdgeModel, model: "ComplianceNet", text: str, label: int
) -> None:
    assert asked(edge_model, model, text)["non_compliant"].item() == label


def test_a_year_that_training_never_showed_is_understood(
    edge_model: EdgeModel, model: "ComplianceNet"
) -> None:
    texts = [f"Steel lever in good condition, made in {year}" for year in (1904, 1923, 2038)]
    assert asked(edge_model, model, *texts)["non_compliant"].ravel().tolist() == [1, 1, 0]


def test_the_weights_are_the_decision_and_show_what_drove_it(
    edge_model: EdgeModel, model: "ComplianceNet"
) -> None:
    answer = asked(edge_model, model, "Plastic lever from 2005 in good condition")
    words, weights = answer["words"][0], answer["word_weights"][0]
    odds = np.log(answer["probabilities"][0, 1] / answer["probabilities"][0, 0])
    bias = model.bias[REASONS.index("material")].item()
    # one reason decides; the others, which are unlikely, add little
    assert weights.sum() + bias == pytest.approx(odds, abs=0.5)
    assert answer["reasons"].round().tolist() == [[0, 1, 0]]
    assert words[np.argmax(weights)] == "plastic"
    assert words[7:].tolist() == [""] * 57
    assert not weights[7:].any()


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("Steel lever from 2005 in good condition", [0, 0, 0]),
        ("Steel lever from 1985 in good condition", [1, 0, 0]),
        ("Plastic lever from 2005 in good condition", [0, 1, 0]),
        ("Steel lever from 2005 in poor condition", [0, 0, 1]),
        ("Cast iron lever from 1985, badly worn", [1, 1, 1]),
    ],
)
def test_it_tells_the_reasons(
    edge_model: EdgeModel, model: "ComplianceNet", text: str, reasons: list[int]
) -> None:
    answer = asked(edge_model, model, text)
    assert answer["reasons"].round().tolist() == [reasons]
    none = np.prod(1 - answer["reasons"].astype(np.float64), axis=1)
    assert answer["probabilities"][:, 0] == pytest.approx(none, abs=1e-5)
    assert answer["non_compliant"].item() == max(reasons)


def test_all_words_count_also_those_that_are_not_shown(
    edge_model: EdgeModel, model: "ComplianceNet"
) -> None:
    padding = "we wrote here that " * 16  # says nothing of the part
    texts = [f"{padding}made of {stuff} in 2005, good condition" for stuff in ("steel", "plastic")]
    answers = asked(edge_model, model, *texts)
    assert (answers["words"][0] == answers["words"][1]).all()
    assert answers["non_compliant"].ravel().tolist()[1] == 1
    steel, plastic = np.log(answers["probabilities"][:, 1] / answers["probabilities"][:, 0])
    assert plastic > steel + 1


def test_the_same_rows_give_the_same_model(edge_model: EdgeModel, tables: Split) -> None:
    import torch

    from edge_assets.models.compliance.train import train

    rows, state = tables.train.head(300), torch.random.get_rng_state()
    one, two = (edge_model.dump(train(rows, epochs=1, augment=300)) for _ in range(2))
    assert one == two
    assert edge_model.dump(train(rows, epochs=1, augment=300, seed=7)) != one
    assert torch.equal(state, torch.random.get_rng_state())


def test_stored_and_loaded_it_answers_the_same(
    edge_model: EdgeModel, model: "ComplianceNet", tables: Split
) -> None:
    rows = tables.holdout.head(200)
    data = edge_model.dump(model)
    again = edge_model.load_trained(data)
    for name, answer in edge_model.predict(model, rows).items():
        assert (answer == edge_model.predict(again, rows)[name]).all()
    assert edge_model.dump(again) == data
    assert len(data) < 4_000_000


def drift_of(edge_model: EdgeModel, reference: pd.DataFrame, window: pd.DataFrame) -> DriftVerdict:
    from edge_assets.assets.drift_report import policy_of
    from edge_assets.chain import Chain

    inputs = list(edge_model.config.data.inputs)
    return judge_drift(reference[inputs], window[inputs], policy_of(Chain(edge_model)))


@pytest.mark.parametrize("shift", ["supplier", "shorthand"])
def test_a_shift_hurts_and_is_seen(
    edge_model: EdgeModel, model: "ComplianceNet", tables: Split, shift: str
) -> None:
    rows = made_up(600, 21, shift)
    assert edge_model.evaluate(model, rows)["accuracy"] < 0.8
    verdict = drift_of(edge_model, tables.train, rows.head(250))
    assert verdict.word == "drift"
    assert "description_words" in verdict.drifted


@pytest.mark.parametrize("seed", range(31, 37))
def test_new_descriptions_of_the_old_kind_are_no_drift(
    edge_model: EdgeModel, tables: Split, seed: int
) -> None:
    assert drift_of(edge_model, tables.train, made_up(300, seed)).word == "no drift"


def test_learning_the_shift_helps_and_beats_the_champion(
    edge_model: EdgeModel,
    model: "ComplianceNet",
    retrained: "ComplianceNet",
    tables: Split,
    shifted: Split,
) -> None:
    assert edge_model.evaluate(retrained, shifted.holdout)["accuracy"] > 0.97
    both = pd.concat([tables.holdout, shifted.holdout])
    floors = judge_floors(edge_model.evaluate(retrained, both), edge_model.config.floors)
    assert floors.passed, floors.reason
    verdict = judged(edge_model, retrained, model, tables, shifted)
    assert verdict.passed, verdict.reason


def test_who_learns_the_shift_alone_is_no_champion(
    edge_model: EdgeModel, model: "ComplianceNet", tables: Split, shifted: Split
) -> None:
    from edge_assets.models.compliance.train import train

    forgetful = train(shifted.train, epochs=6, augment=0)
    verdict = judged(edge_model, forgetful, model, tables, shifted)
    assert not verdict.passed
    assert "frozen" in verdict.reason


def test_the_configuration_and_the_code_agree(edge_model: EdgeModel) -> None:
    from edge_assets.models.compliance.train import SHOWN, train

    config = edge_model.config
    defaults = train.__kwdefaults__
    assert defaults is not None
    assert {name: defaults[name] for name in config.training} == dict(config.training)
    assert config.prediction.target == defaults["target"]
    shapes = [output.shape for output in config.prediction.extra]
    assert shapes == [(SHOWN,), (SHOWN,), (len(REASONS),)]
    assert len(config.datasheet) >= 17
    assert Path(edge_model.folder, "challenge.csv").is_file()
