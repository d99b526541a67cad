"""Drop-in for torch.nn: names, signatures, defaults, numbers, buffers."""

from __future__ import annotations

import copy
import inspect
import itertools
import pickle
import warnings

import pytest
import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db

import losskit
import losskit.torch as lt
from cases import every_loss
from losskit.core.cards import WeightRole
from losskit.core.classwise import Classwise
from losskit.core.contracts import SIGNS
from losskit.losses import CATALOGUE

TWINS = {kind.card.torch.module: kind for kind in CATALOGUE.values() if kind.card.torch}
FUNCTIONS = {kind.card.torch.function: kind for kind in TWINS.values()}
# PyTorch's samples hold rows that are no distributions, and signs that are none.
IMPOSSIBLE_TARGETS = {
    "cross_entropy": "must be a row that sums to 1",
    "soft_margin_loss": "must be -1 or 1",
}
OPTIONS = ["sample_weight", "mask", "normalizer", "validate"]


def samples_of_modules():
    for info in module_db:
        if info.module_cls.__name__ in TWINS:
            for dtype in (torch.float32, torch.float64):
                samples = info.module_inputs_func(
                    info, device="cpu", dtype=dtype, requires_grad=False, training=True
                )
                for number, sample in enumerate(samples):
                    label = f"{info.module_cls.__name__}-{sample.desc}-{dtype}-{number}"
                    yield pytest.param(info.module_cls, sample, id=label)


def samples_of_functions():
    for info in op_db:
        name = info.name.rpartition(".")[2]
        if name in FUNCTIONS:
            for dtype in (torch.float32, torch.float64):
                for number, sample in enumerate(info.sample_inputs("cpu", dtype)):
                    yield pytest.param(name, sample, id=f"{name}-{dtype}-{number}")


def test_pytorch_ships_samples_for_every_twin():
    assert {info.module_cls.__name__ for info in module_db} >= set(TWINS)
    assert {info.name.rpartition(".")[2] for info in op_db} >= set(FUNCTIONS)


def assert_same(ours, theirs, input, *others):
    """Equal values and equal gradients, for a gradient that differs from place to place."""
    grads, values = [], []
    for function in (ours, theirs):
        leaf = input.detach().clone().requires_grad_()
        value = function(leaf, *others)
        outer = torch.linspace(0.5, 1.5, value.numel(), dtype=value.dtype).reshape(value.shape)
        value.backward(outer)
        values.append(value.detach())
        grads.append(leaf.grad)
    if torch.isnan(values[1]).all() and values[1].ndim == 0:
        # The one difference: where nothing takes part, torch.nn gives 0/0.
        assert values[0] == 0
        assert not grads[0].any()
        return
    torch.testing.assert_close(values[0], values[1])
    torch.testing.assert_close(grads[0], grads[1])


@pytest.mark.parametrize(("module", "sample"), list(samples_of_modules()))
def test_samples_of_pytorchs_modules(module, sample):
    args, kwargs = sample.constructor_input.args, sample.constructor_input.kwargs
    ours = getattr(lt, module.__name__)(*args, **kwargs)
    theirs = module(*args, **kwargs)
    assert not sample.forward_input.kwargs
    assert_same(ours, theirs, *sample.forward_input.args)


@pytest.mark.parametrize(("name", "sample"), list(samples_of_functions()))
def test_samples_of_pytorchs_functions(name, sample):
    ours, theirs = getattr(lt.functional, name), getattr(torch.nn.functional, name)
    kwargs = sample.kwargs

    def call(function, **added):
        return lambda input, *others: function(input, *others, **kwargs, **added)

    added = {}
    refusal = IMPOSSIBLE_TARGETS.get(name)
    if refusal is not None and sample.args[0].is_floating_point():
        # They are refused, unless asked for; what is computed then is the same.
        with pytest.raises(ValueError, match=refusal):
            ours(sample.input, *sample.args, **kwargs)
        added = {"validate": False}
    assert_same(call(ours, **added), call(theirs), sample.input, *sample.args)


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
    assert list(forward) == ["self", "input", "target", *OPTIONS]


@pytest.mark.parametrize("name", TWINS)
def test_modules_are_their_twins(name):
    module, twin = getattr(lt, name)(), getattr(torch.nn, name)()
    assert isinstance(module, getattr(torch.nn, name))
    assert isinstance(module, lt.LossModule)
    assert module.state_dict().keys() == twin.state_dict().keys()
    assert repr(module) == f"{name}()"
    input = torch.rand(3, 4)
    target = torch.tensor([0, 1, 3]) if issubclass(TWINS[name], Classwise) else input / 2
    if TWINS[name].card.targets == (SIGNS,):
        target = torch.sign(input - 0.5)
    for clone in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert clone(input, target) == module(input, target)


@every_loss
def test_documentation(kind):
    from losskit.torch.faces import function_name, module_name

    for face in (getattr(lt, module_name(kind)), getattr(lt.functional, function_name(kind))):
        assert face.__doc__.startswith(kind.__doc__.splitlines()[0])
        assert "sample_weight" in face.__doc__


def every_argument_combination():
    rng = torch.Generator().manual_seed(0)
    for name, kind in FUNCTIONS.items():
        accepted = inspect.signature(getattr(torch.nn.functional, name)).parameters
        role = kind.card.torch.weight
        classwise = role is WeightRole.CLASSES
        input = torch.rand(5, 3, 2, generator=rng, dtype=torch.float64) * 0.9 + 0.05
        if name == "nll_loss":
            input = input.log_softmax(1)
        index = torch.randint(0, 3, (5, 2), generator=rng)
        rows = torch.rand(5, 3, 2, generator=rng, dtype=torch.float64).softmax(1)
        signs = torch.where(rows > 0.33, 1.0, -1.0).double()
        if kind.card.targets == (SIGNS,):
            rows = signs
        targets = [index, rows] if name == "cross_entropy" else [index] if classwise else [rows]
        choices = {
            "reduction": ["mean", "sum", "none"],
            "size_average": [None, True, False],
            "reduce": [None, True, False],
            "weight": [None, torch.rand(3 if classwise else (5, 3, 2), generator=rng).double()],
            "pos_weight": [None, torch.tensor([0.5, 2.0]).double()],
            "ignore_index": [-100, 1],
            "label_smoothing": [0.0, 0.2],
            "delta": [1.0, 0.1],
            "beta": [1.0, 0.0, 0.1],
            "log_input": [True, False],
            "full": [True, False],
            "eps": [1e-8, 0.1],
        }
        chosen = {key: values for key, values in choices.items() if key in accepted}
        assert set(chosen) | {"input", "target"} == set(accepted)
        for target in targets:
            for values in itertools.product(*chosen.values()):
                arguments = dict(zip(chosen, values, strict=True))
                if target.is_floating_point() and arguments.get("ignore_index") == 1:
                    continue  # refused by both
                yield name, input, target, arguments


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_argument_combination(name):
    ours, theirs = getattr(lt.functional, name), getattr(torch.nn.functional, name)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*size_average and reduce")
        for of, input, target, arguments in every_argument_combination():
            if of == name:
                expected = theirs(input, target, **arguments)
                torch.testing.assert_close(ours(input, target, **arguments), expected)


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
    assert lt.functional.focal_loss(logits, rows, weight) == expected


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
    kind = TWINS[name]
    module = getattr(lt, name)()
    input = torch.rand(4, 3, dtype=torch.float64)
    classwise = kind.card.torch.weight is WeightRole.CLASSES
    target = torch.tensor([0, 1, 2, 1]) if classwise else torch.rand(4, 3, dtype=torch.float64)
    if kind.card.targets == (SIGNS,):
        target = torch.sign(target - 0.5)
    shape = (4,) if classwise else (4, 3)
    weight, mask = torch.rand(shape, dtype=torch.float64), torch.rand(shape) < 0.6
    expected = kind()(input, target, weight=weight, mask=mask, normalizer=5)
    actual = module(input, target, sample_weight=weight, mask=mask, normalizer=5)
    torch.testing.assert_close(actual, expected)
    by_hand = (kind()(input, target, reduction="none") * weight * mask).sum() / 5
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
