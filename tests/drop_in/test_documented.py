"""The help of modules and functions, and what their constructors refuse."""

from __future__ import annotations

import inspect
import re

import pytest
import torch

import losskit.torch as lt
from losskit.losses import CATALOGUE
from losskit.torch.documentation import documentation
from losskit.torch.faces import faces_of

FACES = [face for kind in CATALOGUE.values() for face in faces_of(kind)]
functional = lt.functional


def entries(documented):
    """Name → type and text of what a docstring lists under Parameters."""
    text = inspect.getdoc(documented)
    section = re.search(r"Parameters\n----------\n(.*?)\n\n[A-Z][a-z]+\n---", text, re.S)[1]
    found = re.findall(r"^(\w+) : (.*)\n((?:    .*\n?)+)", section, re.M)
    return {name: (kind, " ".join(body.split())) for name, kind, body in found}


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.module)
def test_help_names_what_is_taken(face):
    for documented in (getattr(lt, face.module), getattr(functional, face.function)):
        listed, signature = entries(documented), inspect.signature(documented)
        assert list(listed) == list(signature.parameters)
        for name, (kind, text) in listed.items():
            assert text.endswith("."), f"{name}: {text!r}"
            assert "array" not in kind
            default = signature.parameters[name].default
            assert ("optional" in kind) == (default is None)
            assert ("default" in kind) == (default not in (None, inspect.Parameter.empty))


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.module)
def test_help_shows_the_face_itself(face):
    module, function = (
        inspect.getdoc(one)
        for one in (getattr(lt, face.module), getattr(functional, face.function))
    )
    assert f"losskit.torch.{face.module}()" in module
    assert f"losskit.torch.functional.{face.function}({', '.join(face.arrays)}, " in function
    assert ">>> " not in module + function
    assert ("docs/torch.md" in module) == (face.twin is not None)


def test_help_says_what_weights_do():
    """As PyTorch has it: class indices count by their weights, everything else counts 1."""
    counted = "Counted in the mean where targets are class indices."
    assert entries(lt.CrossEntropyLoss)["weight"][1] == f"Weight of each class, (K,). {counted}"
    not_counted = "Weight of each class, (K,). Not counted in the mean."
    assert entries(lt.MultiMarginLoss)["weight"][1] == not_counted
    x, y = torch.tensor([[0.0, 1.0, 2.0], [1.0, 0.0, 0.5]]), torch.tensor([0, 1])
    weight = torch.tensor([1.0, 4.0, 2.0])
    expected = torch.nn.MultiMarginLoss(weight=weight)(x, y)
    torch.testing.assert_close(lt.MultiMarginLoss(weight=weight)(x, y), expected)
    huber = entries(functional.huber_loss)["weight"][1]
    assert huber == "Multiplies the loss, and is not counted in the mean."
    assert "batchmean" in entries(lt.KLDivLoss)["reduction"][0]


def test_a_loss_of_ones_own_is_documented_by_its_parameters():
    """Where the docstring has no list of them."""

    class Plain(CATALOGUE["Huber"]):
        """Huber again."""

    (face,) = (face for face in faces_of(Plain) if face.module == "HuberLoss")
    text = documentation(face, face.signature, "torch.nn.functional", "huber_loss")
    assert "delta : number, default 1.0\n    error where the parabola turns into a line" in text


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (
            lambda: lt.FocalLoss(gama=2),
            TypeError,
            r"FocalLoss\(\) got an unexpected .* 'gama'; did you mean gamma\?",
        ),
        (
            lambda: lt.MSELoss(1, 2, 3, 4, 5),
            TypeError,
            r"MSELoss\(\) takes up to 3 positional arguments, got 5",
        ),
        (
            lambda: lt.CrossEntropyLoss(None, weight=None),
            TypeError,
            r"CrossEntropyLoss\(\) got multiple values for argument 'weight'",
        ),
        (
            lambda: lt.FocalLoss(reduction="avg"),
            ValueError,
            "Focal: reduction must be 'mean', 'sum' or 'none', got 'avg'",
        ),
        (
            lambda: lt.MSELoss(reduction="batchmean"),
            ValueError,
            "MSE: reduction must be .* got 'batchmean'",
        ),
        (
            lambda: lt.TripletMarginWithDistanceLoss(p=1.0),
            TypeError,
            r"TripletMarginWithDistanceLoss\(\) got an unexpected .* 'p'",
        ),
        (
            lambda: lt.TripletMarginLoss(margin=-1),
            ValueError,
            "Triplet: margin must be a finite number >= 0, got -1",
        ),
        (
            lambda: lt.MultiMarginLoss(p=3),
            ValueError,
            "MultiMargin: p must be an integer >= 1 and <= 2, got 3",
        ),
    ],
)
def test_constructors_name_the_loss(make, error, match):
    with pytest.raises(error, match=match):
        make()


def test_reductions_of_constructors():
    assert lt.KLDivLoss(reduction="batchmean").reduction == "batchmean"
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert lt.MSELoss(size_average=False).reduction == "sum"
