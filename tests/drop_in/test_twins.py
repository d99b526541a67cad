"""Drop-in for torch.nn: names, signatures, defaults, numbers, buffers."""

from __future__ import annotations

import copy
import inspect
import itertools
import pickle
import warnings

import numpy as np
import pytest
import torch

import losskit
import losskit.torch as lt
from cases import every_loss, make_array, one_case
from losskit.core.cards import WeightRole
from losskit.core.rowwise import Rowwise
from losskit.losses import CATALOGUE
from losskit.torch.faces import faces_of

FACES = [face for kind in CATALOGUE.values() for face in faces_of(kind) if face.twin]
TWINS = {face.module: face for face in FACES}
FUNCTIONS = {face.function: face for face in FACES}
OPTIONS = ["sample_weight", "mask", "normalizer", "validate"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_signatures(name):
    """torch's own parameters in their order with their defaults, then keyword-only ones."""
    ours = inspect.signature(getattr(lt.functional, name)).parameters
    theirs = inspect.signature(getattr(torch.nn.functional, name)).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    assert all(ours[key].default == theirs[key].default for key in theirs)
    assert all(ours[key].kind is ours[key].KEYWORD_ONLY for key in list(ours)[len(theirs) :])
    assert list(ours)[-4:] == OPTIONS


@pytest.mark.parametrize("name", TWINS)
def test_module_signatures(name):
    ours = inspect.signature(getattr(lt, name)).parameters
    theirs = inspect.signature(getattr(torch.nn, name)).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    assert all(ours[key].default == theirs[key].default for key in theirs)
    forward = inspect.signature(getattr(lt, name).forward).parameters
    own = inspect.signature(getattr(torch.nn, name).forward).parameters
    assert list(forward) == [*own, *OPTIONS]


@pytest.mark.parametrize("name", TWINS)
def test_modules_are_their_twins(name):
    module, twin = getattr(lt, name)(), getattr(torch.nn, name)()
    assert isinstance(module, getattr(torch.nn, name))
    assert isinstance(module, lt.LossModule)
    assert module.state_dict().keys() == twin.state_dict().keys()
    assert repr(module) == repr(twin)
    arrays = [torch.from_numpy(array) for array in one_case(TWINS[name].kind).arrays]
    for clone in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert clone(*arrays) == module(*arrays)


@every_loss
def test_documentation(kind):
    for face in faces_of(kind):
        for made in (getattr(lt, face.module), getattr(lt.functional, face.function)):
            assert made.__doc__.startswith(kind.__doc__.splitlines()[0])
            assert "sample_weight" in made.__doc__


CHOICES = {
    "size_average": [None, True, False],
    "reduce": [None, True, False],
    "pos_weight": [None, torch.tensor([0.5, 2.0]).double()],
    "ignore_index": [-100, 1],
    "label_smoothing": [0.0, 0.2],
    "delta": [1.0, 0.1],
    "beta": [1.0, 0.0, 0.1],
    "margin": [1.0, 0.3],
    "log_input": [True, False],
    "log_target": [False, True],
    "full": [True, False],
    "eps": [1e-6, 0.1],
    "p": [1, 2],
    "swap": [False, True],
    "distance_function": [None, lambda x, y: (x - y).abs().amax(-1)],
}
"""Values of torch's own settings, besides weight and reduction."""


def every_argument_combination(face):
    """Arrays of a twin, with every combination of its settings that torch allows."""
    rng = np.random.default_rng(0)
    flat = issubclass(face.kind, Rowwise) or face.function == "multi_margin_loss"
    shape = (5, 3) if flat else (5, 3, 2)
    per_class = face.weight in (WeightRole.CLASSES, WeightRole.CLASS_SCALE)
    choices = CHOICES | {
        "reduction": ["mean", "sum", "none"] + ["batchmean"] * face.twin.batchmean,
        "weight": [None, torch.from_numpy(rng.uniform(size=3 if per_class else shape))],
    }
    accepted = inspect.signature(getattr(torch.nn.functional, face.function)).parameters
    chosen = {key: values for key, values in choices.items() if key in accepted}
    assert set(chosen) | set(face.arrays) == set(accepted)
    several = [one.contracts for one in face.kind.card.arguments]
    for contracts, values in itertools.product(
        itertools.product(*several), itertools.product(*chosen.values())
    ):
        arguments = dict(zip(chosen, values, strict=True))
        flags = {arguments.get("size_average"), arguments.get("reduce")} - {None}
        if flags and arguments["reduction"] == "batchmean":
            continue  # torch obeys both
        loss = face.build(arguments)
        made = [
            make_array(argument, contract, shape, loss, rng)
            for argument, contract in zip(loss.arguments, contracts, strict=True)
        ]
        arrays = [torch.from_numpy(array) for array in made]
        if arrays[-1].is_floating_point():
            if face.function == "nll_loss":
                continue  # torch.nn takes class indices only
            if arguments.get("ignore_index") == 1:
                continue  # refused by both
        yield arrays, arguments


@pytest.mark.parametrize("face", FACES, ids=[face.function for face in FACES])
def test_every_argument_combination(face):
    ours = getattr(lt.functional, face.function)
    theirs = getattr(torch.nn.functional, face.function)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*size_average and reduce")
        warnings.filterwarnings("ignore", message="reduction: 'mean' divides")
        for arrays, arguments in every_argument_combination(face):
            expected = theirs(*arrays, **arguments)
            torch.testing.assert_close(ours(*arrays, **arguments), expected)


def test_deprecated_flags_warn():
    x = torch.ones(2)
    with pytest.warns(FutureWarning, match="reduction='sum'"):
        assert lt.functional.mse_loss(x, x + 1, size_average=False) == 2


def test_arguments_are_refused_as_python_does():
    x = torch.ones(2)
    mse = lt.functional.mse_loss
    with pytest.raises(TypeError, match="unexpected keyword argument 'reductoin'"):
        mse(x, x, reductoin="sum")
    with pytest.raises(TypeError, match="multiple values for argument 'size_average'"):
        mse(x, x, None, size_average=None)
    with pytest.raises(TypeError, match="misses its argument 'target'"):
        mse(x)
    with pytest.raises(TypeError, match="up to 6 positional arguments, got 7"):
        mse(x, x, None, None, "mean", None, None)
    with pytest.raises(TypeError, match="delat"):
        lt.HuberLoss(delat=2)
    with pytest.raises(ValueError, match="delta must be a finite number > 0, got -1"):
        lt.HuberLoss(delta=-1)
    with pytest.raises(ValueError, match="does not broadcast"):
        lt.functional.binary_cross_entropy(x / 2, x / 2, weight=torch.ones(3))


def test_only_tensors_are_taken():
    with pytest.raises(TypeError, match=r"MSE: input must be a Tensor, got list; use losskit\.MSE"):
        lt.functional.mse_loss([1.0], torch.ones(1))
    with pytest.raises(TypeError, match="CrossEntropy: target must be a Tensor, got list"):
        lt.CrossEntropyLoss()(torch.ones(1, 2), [0])


def test_a_loss_that_torch_lacks_counts_class_weights_as_its_definition_does():
    """Only twins follow torch.nn in dividing by N for soft targets."""
    logits, rows = torch.randn(3, 2), torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    weight = torch.tensor([1.0, 5.0])
    expected = losskit.Focal(class_weight=weight)(logits, rows)
    assert lt.FocalLoss(class_weight=weight)(logits, rows) == expected
    assert lt.functional.focal_loss(logits, rows, class_weight=weight) == expected
    assert lt.functional.focal_loss(logits, rows, 2.0, class_weight=weight) == expected


def test_settings_can_be_changed_after_construction():
    x = torch.tensor([0.0, 3.0])
    huber = lt.HuberLoss()
    huber.delta = 0.5
    assert huber(x, x + 3) == torch.nn.functional.huber_loss(x, x + 3, delta=0.5)
    bce = lt.BCEWithLogitsLoss()
    bce.pos_weight = torch.tensor(2.0)
    assert bce(x, x / 3) == torch.nn.functional.binary_cross_entropy_with_logits(
        x, x / 3, pos_weight=torch.tensor(2.0)
    )


def test_buffers_follow_the_module():
    module = lt.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0]), label_smoothing=0.1)
    assert module.to(torch.float64).weight.dtype == torch.float64
    assert module.to("meta").weight.is_meta
    restored = lt.CrossEntropyLoss(weight=torch.ones(2))
    saved = {"weight": torch.tensor([3.0, 4.0])}
    restored.load_state_dict(saved)
    assert restored.state_dict()["weight"].tolist() == [3, 4]
    assert repr(lt.HuberLoss(delta=2.0)) == "HuberLoss(delta=2.0)"
    assert repr(restored) == "CrossEntropyLoss(weight=<(2,)>)"


@pytest.mark.parametrize("name", TWINS)
def test_added_options(name):
    """sample_weight, mask and normalizer do what the same options of the definition do."""
    case = one_case(TWINS[name].kind)
    arrays = [torch.from_numpy(array) for array in case.arrays]
    weight = torch.rand(case.positions, dtype=torch.float64)
    mask = torch.rand(case.positions) < 0.6
    options = {"mask": mask, "normalizer": 5}
    actual = getattr(lt, name)()(*arrays, sample_weight=weight, **options)
    torch.testing.assert_close(actual, case.loss(*arrays, weight=weight, **options))
    by_hand = (case.loss(*arrays, reduction="none") * weight * mask).sum() / 5
    torch.testing.assert_close(actual, by_hand)


def test_class_axis_is_keyword_only():
    logits, target = torch.randn(2, 5, 3), torch.zeros(2, 5, dtype=torch.long)
    expected = torch.nn.functional.cross_entropy(logits.movedim(-1, 1), target)
    torch.testing.assert_close(lt.CrossEntropyLoss(class_axis=-1)(logits, target), expected)
    torch.testing.assert_close(lt.functional.cross_entropy(logits, target, class_axis=-1), expected)


def test_weight_of_torch_and_sample_weight_together():
    """A scale is not counted in the mean; a sample weight is."""
    p, y = torch.tensor([0.3, 0.6]), torch.tensor([1.0, 0.0])
    scale, sample = torch.tensor([2.0, 5.0]), torch.tensor([1.0, 3.0])
    each = torch.nn.functional.binary_cross_entropy(p, y, reduction="none")
    actual = lt.functional.binary_cross_entropy(p, y, weight=scale, sample_weight=sample)
    torch.testing.assert_close(actual, (each * scale * sample).sum() / 4)
    averaged = lt.functional.mse_loss(p, y, weight=scale, sample_weight=sample)
    weights = scale * sample
    torch.testing.assert_close(averaged, ((p - y) ** 2 * weights).sum() / weights.sum())


def test_torchs_weight_may_hold_anything_where_nothing_takes_part():
    p, y = torch.tensor([0.3, 0.6], requires_grad=True), torch.tensor([1.0, 0.0])
    weight, mask = torch.tensor([2.0, torch.nan]), torch.tensor([True, False])
    value = lt.functional.binary_cross_entropy(p, y, weight=weight, mask=mask)
    value.backward()
    torch.testing.assert_close(value.detach(), -2 * torch.tensor(0.3).log())
    torch.testing.assert_close(p.grad, torch.tensor([-2 / 0.3, 0.0]))
