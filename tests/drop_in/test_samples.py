"""PyTorch's own samples for its losses, of modules and of functions, on both sides."""

from __future__ import annotations

import pytest
import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db

import losskit.torch as lt
from losskit.core.cards import Role
from losskit.core.elementwise import Elementwise
from losskit.losses import CATALOGUE
from losskit.torch.faces import faces_of

FACES = [face for kind in CATALOGUE.values() for face in faces_of(kind) if face.twin]
TWINS = {face.module: face for face in FACES}
FUNCTIONS = {face.function: face for face in FACES}

# PyTorch's samples hold rows that are no distributions, signs that are none, and random numbers
# in place of probabilities and their logarithms.


def no_signs(*arrays, **settings):
    return bool((arrays[-1].abs() != 1).any())


def no_rows(_, target, **settings):
    axis = min(target.ndim - 1, 1)
    return target.is_floating_point() and bool(((target.sum(axis) - 1).abs() > 1e-3).any())


def no_logarithms(input, target, *, ignore_index=-100, **settings):
    kept = input.movedim(min(input.ndim - 1, 1), -1)[target != ignore_index]
    return not bool((kept <= 0.01).all())


def no_shares(input, target, *, log_target=False, **settings):
    share = (target.exp() if log_target else target).nan_to_num(nan=-1.0)
    return not bool(((input <= 0.01) & (share >= 0) & (share <= 1)).all())


def no_labels(_, target, **settings):
    return not bool(((target >= 0) & (target <= 1)).all())


IMPOSSIBLE = {
    "cross_entropy": ("a row that sums to 1", no_rows),
    "soft_margin_loss": ("-1 or 1", no_signs),
    "margin_ranking_loss": ("-1 or 1", no_signs),
    "hinge_embedding_loss": ("-1 or 1", no_signs),
    "nll_loss": ("a log-probability <= 0", no_logarithms),
    "kl_div": (r"a log-probability <= 0|a number in \[0, 1\]", no_shares),
    "multilabel_soft_margin_loss": (r"a number in \[0, 1\]", no_labels),
}
"""Name → what its samples are told to be, and whether a sample is not."""
# Its samples also hold a single score, and one row beside a target with an axis of its own.
UNFIT = {
    ("multi_margin_loss", (), ()),
    ("multi_margin_loss", (5,), (1,)),
    ("multilabel_margin_loss", (), ()),
}


def samples_of_modules():
    torch.manual_seed(0)  # some of their class weights cancel, and then no two sums agree
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
    torch.manual_seed(0)
    for info in op_db:
        name = info.name.rpartition(".")[2]
        if name in FUNCTIONS:
            for dtype in (torch.float32, torch.float64):
                for number, sample in enumerate(info.sample_inputs("cpu", dtype)):
                    yield pytest.param(name, sample, id=f"{name}-{dtype}-{number}")


NO_SAMPLES_OF_MODULES = {"TripletMarginLoss", "TripletMarginWithDistanceLoss"}


def test_pytorch_ships_samples_for_every_twin():
    shipped = {info.module_cls.__name__ for info in module_db}
    assert set(TWINS) - shipped == NO_SAMPLES_OF_MODULES
    assert {info.name.rpartition(".")[2] for info in op_db} >= set(FUNCTIONS)


def assert_same(face, ours, theirs, *arrays, impossible=False):
    """Equal values and equal gradients, for a gradient that differs from place to place.

    Of impossible values, such as logarithms of negative numbers, NaN is equal to NaN.
    """
    grads, values = [], []
    roles = [argument.role for argument in face.kind.card.arguments]
    for function in (ours, theirs):
        leaves = [
            array.detach().clone().requires_grad_(role is not Role.GIVEN)
            if isinstance(array, torch.Tensor)
            else array
            for array, role in zip(arrays, roles, strict=True)
        ]
        value = function(*leaves)
        outer = torch.linspace(0.5, 1.5, value.numel(), dtype=value.dtype).reshape(value.shape)
        value.backward(outer)
        values.append(value.detach())
        leaves = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
        grads.append([leaf.grad for leaf in leaves if leaf.requires_grad])
    if torch.isnan(values[1]).all() and values[1].ndim == 0 and not impossible:
        # The one difference: where nothing takes part, torch.nn gives 0/0.
        assert values[0] == 0
        assert not grads[0][0].any()
        return
    torch.testing.assert_close(values[0], values[1], equal_nan=impossible)
    torch.testing.assert_close(*grads, equal_nan=impossible)


def unchecked(face, ours, arrays, settings):
    """What a call needs besides, where a sample's values are refused unless asked for.

    And whether they have no meaning at all: of weights below 0, torch.nn takes a mean as of others.
    """
    declared = face.kind.parameters()
    for name, value in settings.items():
        parameter = declared.get(face.renamed.get(name, name))
        if isinstance(value, torch.Tensor) and parameter and not parameter.holds(value):
            with pytest.raises(ValueError, match=f"{name} must hold finite numbers >= 0"):
                ours(*arrays)
            return {"validate": False}, False
    wanted, impossible = IMPOSSIBLE.get(face.function, ("", lambda *arrays, **settings: False))
    if not impossible(*arrays, **settings):
        return {}, False
    with pytest.raises(ValueError, match=f"must be ({wanted})"):
        ours(*arrays)
    return {"validate": False}, True


@pytest.mark.parametrize(("module", "sample"), list(samples_of_modules()))
@pytest.mark.filterwarnings("ignore:reduction. .mean. divides:UserWarning")
def test_samples_of_pytorchs_modules(module, sample):
    args, kwargs = sample.constructor_input.args, sample.constructor_input.kwargs
    ours = getattr(lt, module.__name__)(*args, **kwargs)
    theirs = module(*args, **kwargs)
    assert not sample.forward_input.kwargs
    face, arrays = TWINS[module.__name__], sample.forward_input.args
    added, impossible = unchecked(face, ours, arrays, kwargs)
    assert_same(
        face, lambda *arrays: ours(*arrays, **added), theirs, *arrays, impossible=impossible
    )


@pytest.mark.parametrize(("name", "sample"), list(samples_of_functions()))
@pytest.mark.filterwarnings("ignore:reduction. .mean. divides:UserWarning")
def test_samples_of_pytorchs_functions(name, sample):
    face, kwargs, arrays = FUNCTIONS[name], sample.kwargs, (sample.input, *sample.args)

    def call(home, **added):
        return lambda *arrays: getattr(home, name)(*arrays, **kwargs, **added)

    ours, theirs = call(lt.functional), call(torch.nn.functional)
    broadcast = issubclass(face.kind, Elementwise) and arrays[1].shape != arrays[0].shape
    if broadcast or (name, *(tuple(array.shape) for array in arrays)) in UNFIT:
        with pytest.raises(ValueError, match=r"must be equal|needs an axis of|target\[\.\.\., 0\]"):
            ours(*arrays)
        return
    added, impossible = unchecked(face, ours, arrays, kwargs)
    if added and name == "hinge_embedding_loss":
        return  # what is no sign counts in both of torch's branches, and here by its share
    assert_same(face, call(lt.functional, **added), theirs, *arrays, impossible=impossible)
