"""Choosing from words: every row of what a target can be, without data."""

import pytest
import torch

import losskit
from losskit.choose import ChooseError
from losskit.choose.prompts import PROMPTS
from losskit.choose.symptoms import symptoms
from losskit.choose.words import QUESTIONS
from losskit.core.targets import KINDS
from losskit.losses import CATALOGUE

# What the target is → a task, words of the output layer, and what to start with: Goodfellow, Bengio
# and Courville (2016), Deep Learning, ch. 6.2, and the papers that the losses' cards name.
ROWS = {
    "one real number": ("regression", "linear", {"MSE"}),
    "one 0/1 label": ("binary classification", "linear unit", {"BinaryCrossEntropyWithLogits"}),
    "one of K classes": ("classification", "K linear units", {"CrossEntropy"}),
    "several labels": (
        "multilabel classification",
        "one per label",
        {"BinaryCrossEntropyWithLogits"},
    ),
    "a next token": ("language modelling", "logits for each place", {"CrossEntropy"}),
    "a class per pixel": ("segmentation", "logits for each pixel", {"CrossEntropy"}),
    "a distribution": ("soft labels", "K linear units", {"KLDivergence"}),
    "a teacher": ("distillation", "K linear units", {"Distillation"}),
    "a pair": ("verification", "embedding", {"ContrastivePair"}),
    "a triplet": ("triplets", "embedding", {"Triplet"}),
    "two views": ("self-supervised learning", "projection", {"InfoNCE"}),
    "an order": ("preference learning", "linear unit", {"MarginRanking", "PairwiseLogistic"}),
    "a Q-value": ("q-learning", "linear", {"Huber"}),
    "a latent": ("VAE", "log", {"GaussianKL"}),
}


@pytest.mark.parametrize("row", ROWS)
def test_every_row_from_words(row: str) -> None:
    task, layer, start = ROWS[row]
    found = losskit.choose(task=task)
    assert found[0].name in start
    # Of embeddings it is the model that gives them, whatever its last layer.
    assert layer in found[0].output_layer or layer == "embedding"
    assert found[0].metrics
    assert found[0].pitfalls
    assert found[0].code["PyTorch"]
    assert found.meaning in str(found)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_found_by_each_of_its_words(kind: str) -> None:
    for word in (kind, kind.upper(), *KINDS[kind].tasks):
        assert losskit.choose(task=word.replace(" ", "_")).kind == kind
    asked = [name for _, names in QUESTIONS for name in names]
    assert kind in asked


def test_what_moves_an_answer_from_words_is_said() -> None:
    found = losskit.choose(task="binary classification")
    assert any("pos_weight = negatives / positives" in said for said in found[0].would_change)
    found = losskit.choose(task="regression")
    assert any("lie far from the rest: Huber" in said for said in found[0].would_change)
    assert losskit.choose(task="regression", goal="quantile=0.9")[0].loss == losskit.Quantile(0.9)
    assert losskit.choose(task="segmentation", goal="overlap")[0].name == "Dice"


def test_words_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ChooseError, match="did you mean segmentation"):
        losskit.choose(task="segmentatoin")
    with pytest.raises(ChooseError, match="does not fit"):
        losskit.choose(task="segmentation", goal="median")
    with pytest.raises(ChooseError, match="kind goes with a target"):
        losskit.choose(task="segmentation", kind="mask")


def test_code_from_words_runs_without_knowing_the_classes() -> None:
    draw = torch.Generator().manual_seed(0)
    hidden = torch.randn(60, 8, generator=draw)
    targets = {
        "classification": torch.arange(60) % 3,
        "grading": torch.arange(60) % 4,
        "binary": torch.arange(60) % 2,
        "regression": torch.randn(60, generator=draw),
        "tagging": torch.rand(60, 4, generator=draw) < 0.3,
        "soft labels": torch.rand(60, 4, generator=draw).softmax(dim=1),
        "keypoint regression": torch.randn(60, 3, generator=draw),
        "price prediction": torch.rand(60, generator=draw) + 0.1,
    }
    for task, target in targets.items():
        for item in losskit.choose(task=task):
            names = {"hidden": hidden, "target": target}
            exec(compile(item.code["PyTorch"], task, "exec"), names)
            assert torch.isfinite(names["loss"]), (task, item.spec)


def test_prompts_say_what_the_cards_say() -> None:
    choose, debug = PROMPTS["choose"](), PROMPTS["debug"]()
    for kind in KINDS.values():
        assert f"### {kind.title}" in choose
    for name, loss in CATALOGUE.items():
        assert f"| {name} |" in choose
        for pitfall in loss.card.pitfalls:
            assert pitfall in debug
    assert "1.345 times the robust standard deviation" in choose
    assert "/work" not in choose + debug


def test_the_numbers_of_a_model_that_knows_nothing() -> None:
    """ln 2, ln 10, ln 100 and ln 1000."""
    stuck = next(one.seen for one in symptoms() if "ln K" in one.seen)
    for number in ("0.6931 for two labels", "2.3026 for 10", "4.6052 for 100", "6.9078 for 1000"):
        assert number in stuck
    causes = [one.seen + one.cause + one.fix for one in symptoms()]
    for mistake in (
        "Softmax or sigmoid is applied twice", "(N, 1)", "log_softmax", "logarithm of 0",
        "Imbalance", "Over-fitting", "one point", "No hard triplets", "vanish or explode",
        "padding",
    ):  # fmt: skip
        assert any(mistake in cause for cause in causes), mistake
