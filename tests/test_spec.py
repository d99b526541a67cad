"""Losses as text."""

from __future__ import annotations

import pytest
import torch

from cases import cases, every_loss
from losskit import CATALOGUE, CrossEntropy, Huber
from losskit.core.spec import BALANCED, find_loss, parse_loss


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("MSE", "MSE"),
        ("mse", "MSE"),
        ("l2", "MSE"),
        ("HuberLoss", "Huber"),
        ("huber_loss", "Huber"),
        ("smooth-l1", "SmoothL1"),
        ("bce_with_logits", "BinaryCrossEntropyWithLogits"),
        ("cross entropy", "CrossEntropy"),
    ],
)
def test_names_in_any_spelling(text, name):
    assert find_loss(text, CATALOGUE) is CATALOGUE[name]


@every_loss
def test_spec_is_read_back(kind):
    for case in cases(kind):
        parsed = parse_loss(case.loss.spec(), CATALOGUE)
        assert parsed.kind(**parsed.parameters) == case.loss


def test_a_tensor_is_written_as_its_numbers():
    loss = CrossEntropy(class_weight=torch.tensor([1.0, 0.5]))
    parsed = parse_loss(loss.spec(), CATALOGUE)
    assert parsed.kind(**parsed.parameters) == CrossEntropy(class_weight=[1, 0.5])


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False)])
def test_flags_are_read_in_any_case(text, value):
    assert parse_loss(f"triplet:swap={text}", CATALOGUE).parameters == {"swap": value}


def test_parameters_are_read():
    parsed = parse_loss("Huber:delta=2.5", CATALOGUE)
    assert parsed.kind(**parsed.parameters) == Huber(delta=2.5)
    parsed = parse_loss("ce: class_weight=[1, 2,3] , label_smoothing = 0.1", CATALOGUE)
    assert parsed.kind(**parsed.parameters) == CrossEntropy(
        class_weight=(1, 2, 3), label_smoothing=0.1
    )
    parsed = parse_loss("CrossEntropy:class_weight=balanced", CATALOGUE)
    assert parsed.parameters == {"class_weight": BALANCED}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("Hubber", "no loss is called 'Hubber'; did you mean Huber"),
        ("", "no loss is called ''; losskit list shows all"),
        ("MSE:delta=1", "MSE has no parameter 'delta'; it takes no parameters"),
        ("Huber:dleta=1", "Huber has no parameter 'dleta'; it takes delta"),
        ("Huber:delta", "delta needs a value"),
        ("Huber:delta=", "delta needs a value"),
        ("Huber:delta=1,delta=2", "given twice"),
        ("Huber:delta=big", "delta=big is not a number"),
        ("Huber:delta=-1", "delta must be a finite number > 0, got -1"),
        ("Huber:delta=[1,2]", "delta must be a finite number"),
        ("Huber:delta=balanced", "delta=balanced is not a number"),
        ("CrossEntropy:label_smoothing=2", "<= 1, got 2"),
        ("CrossEntropy:class_weight=[1,'a']", "class_weight must hold numbers"),
        ("CrossEntropy:ignore_index=1.5", "ignore_index must be an integer"),
        ("CrossEntropy:class_weight=[1,-1]", "class_weight must hold finite numbers >= 0, got -1"),
        ("CrossEntropy:class_weight=[[1,2],[3]]", "class_weight must have rows of one length"),
    ],
)
def test_what_cannot_be_read_is_named(text, match):
    with pytest.raises(ValueError, match=match.replace("[", r"\[")):
        parse_loss(text, CATALOGUE)
