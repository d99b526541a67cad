"""``losskit.torch.accelerate()``: PyTorch's own functions by the kernels, with the same numbers."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import pytest
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db

from cases import one_case
from losskit import CrossEntropy
from losskit.check.criterion import criterion_of
from losskit.core.cards import Role
from losskit.engines.native import on_torch
from losskit.engines.native.plans import plan_of
from losskit.losses import CATALOGUE
from losskit.torch import accelerate
from losskit.torch.faces import faces_of

FACES = {
    face.function: face
    for kind in CATALOGUE.values()
    for face in faces_of(kind)
    if face.twin and plan_of(kind()) is not None
}
ORIGINALS = {name: getattr(functional, name) for name in FACES}
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
HALVES = DTYPES[2:]
every_function = pytest.mark.parametrize("name", FACES)


class Tagged(torch.Tensor):
    """A tensor that somebody has given a meaning of his own."""


@pytest.fixture
def calls(monkeypatch):
    """Whether a kernel did each call that it was asked for."""
    done = []
    original = on_torch.reduce

    def watched(*given):
        found = original(*given)
        done.append(found is not None)
        return found

    monkeypatch.setattr(on_torch, "reduce", watched)
    return done


@pytest.fixture
def fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def leaves_of(face, arrays):
    roles = [argument.role for argument in face.kind.card.arguments]
    return [
        array.detach().clone().requires_grad_(role is not Role.GIVEN)
        if isinstance(array, torch.Tensor)
        else array
        for array, role in zip(arrays, roles, strict=True)
    ]


def outcome(function):
    """What a call comes to: numbers, or an error, and the warnings."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            result = function()
        except Exception as error:
            result = (type(error), str(error))
    return result, [(one.category, str(one.message)) for one in said]


def derived(function, face, arrays):
    """Value and gradients, for a grad_output that differs from place to place."""
    leaves = leaves_of(face, arrays)

    def run():
        value = function(*leaves)
        outer = torch.arange(value.numel()).reshape(value.shape) % 5 / 4 + 0.5
        value.backward(outer.to(value.dtype))
        gradients = [leaf.grad for leaf in leaves if isinstance(leaf, torch.Tensor)]
        return value.detach(), [one for one in gradients if one is not None]

    return outcome(run)


def assert_same(function, face, arrays, calls):
    """Within rounding, which is PyTorch's own where it did the call; whether a kernel did it."""
    expected, theirs = derived(function, face, arrays)
    with accelerate():
        actual, ours = derived(function, face, arrays)
    assert ours == theirs
    used = bool(calls) and calls.pop()
    if isinstance(expected[0], type):
        assert not used
        assert actual == expected
        return False
    dtypes = [[one.dtype for one in (value, *slopes)] for value, slopes in (actual, expected)]
    assert dtypes[0] == dtypes[1]
    tolerance = {} if used else {"rtol": 0, "atol": 0}
    if used and arrays[0].dtype in HALVES:
        wide = [one.double() if one.is_floating_point() else one for one in arrays]
        expected = derived(function, face, wide)[0]
        tolerance = {"rtol": torch.finfo(arrays[0].dtype).eps, "atol": 1e-7, "check_dtype": False}
    torch.testing.assert_close(actual, expected, equal_nan=True, **tolerance)
    return used


# PyTorch's samples for these are random numbers in place of probabilities and signs, signs that are
# integers, and variances per row.
DISORDERED = {"kl_div", "margin_ranking_loss", "soft_margin_loss", "gaussian_nll_loss"}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@every_function
def test_samples_of_pytorchs_functions(name, dtype, calls):
    """Numbers, dtypes, shapes, errors and warnings."""
    torch.manual_seed(0)
    (info,) = (info for info in op_db if info.name.rpartition(".")[2] == name)
    used = []
    for sample in info.sample_inputs("cpu", dtype):

        def call(*arrays, kwargs=sample.kwargs):
            wide = {
                key: one.to(arrays[0].dtype) if isinstance(one, torch.Tensor) else one
                for key, one in kwargs.items()
            }
            return getattr(functional, name)(*arrays, **wide)

        used.append(assert_same(call, FACES[name], (sample.input, *sample.args), calls))
    assert any(used) or name in DISORDERED


@every_function
def test_samples_of_pytorchs_modules(name, calls):
    torch.manual_seed(0)
    (info,) = (info for info in module_db if info.module_cls.__name__ == FACES[name].module)
    used = []
    for dtype in (torch.float32, torch.float64):
        for sample in info.module_inputs_func(
            info, device="cpu", dtype=dtype, requires_grad=False, training=True
        ):
            made = sample.constructor_input
            module = info.module_cls(*made.args, **made.kwargs)
            used.append(assert_same(module, FACES[name], sample.forward_input.args, calls))
    assert any(used) or name in DISORDERED


def arrays_of(name, dtype=torch.float32):
    arrays = one_case(FACES[name].kind).arrays
    arrays = [torch.from_numpy(array) for array in arrays]
    return [array.to(dtype) if array.is_floating_point() else array for array in arrays]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@every_function
def test_plain_calls_are_kernels(name, dtype, calls):
    """Of functions and modules: value and gradient of the original."""
    arrays = arrays_of(name, dtype)
    for reduction in ("sum", "none", "batchmean" if name == "kl_div" else "mean"):

        def called(*given, reduction=reduction):
            return getattr(functional, name)(*given, reduction=reduction)

        for function in (getattr(torch.nn, FACES[name].module)(reduction=reduction), called):
            assert assert_same(function, FACES[name], arrays, calls)


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_options_of_classes(name, calls):
    logits = torch.randn(6, 5, 3, dtype=torch.float64).log_softmax(1)
    target = torch.randint(0, 5, (6, 3))
    target[0, 0] = 2
    weight = torch.rand(5, dtype=torch.float64)
    for options in (
        {"weight": weight},
        {"weight": weight, "ignore_index": 2},
        {"ignore_index": 2, "reduction": "sum"},
        *([{"label_smoothing": 0.2, "weight": weight}] if name == "cross_entropy" else []),
    ):
        assert assert_same(
            lambda *given, options=options: getattr(functional, name)(*given, **options),
            FACES[name],
            (logits, target),
            calls,
        )


X, Y = torch.linspace(0.1, 0.8, 6).reshape(2, 3), torch.full((2, 3), 0.4)
INDEX, WEIGHT = torch.tensor([0, 2]), torch.tensor([1.0, 2.0, 3.0])
INFERRED = torch.inference_mode()(torch.ones)(2, 3)
WRONG = {
    "class index": lambda: functional.cross_entropy(X, INDEX + 1),
    "negative index": lambda: functional.nll_loss(X, -INDEX - 1),
    "int32 targets": lambda: functional.cross_entropy(X, INDEX.int()),
    "float targets": lambda: functional.nll_loss(-X, Y / 1.2),
    "integer targets": lambda: functional.binary_cross_entropy(X, Y.long()),
    "mixed dtypes": lambda: functional.mse_loss(X, Y.double()),
    "mixed dtypes of weights": lambda: functional.cross_entropy(X, INDEX, WEIGHT.double()),
    "mixed dtypes, averaged": lambda: functional.mse_loss(X, Y, weight=Y.double()),
    "half positive weights": lambda: functional.binary_cross_entropy_with_logits(
        X, Y, pos_weight=WEIGHT.half()
    ),
    "number of classes": lambda: functional.cross_entropy(X, INDEX, WEIGHT[:2]),
    "size of weights": lambda: functional.mse_loss(X, Y, weight=WEIGHT),
    "size of errors": lambda: functional.huber_loss(X, Y, weight=WEIGHT),
    "stretched weights": lambda: functional.binary_cross_entropy(X, Y, weight=WEIGHT),
    "reduction": lambda: functional.mse_loss(X, Y, reduction="average"),
    "no reduction": lambda: functional.cross_entropy(X, INDEX, reduction=None),
    "probabilities": lambda: functional.binary_cross_entropy(X + 1, Y),
    "label smoothing": lambda: functional.cross_entropy(X, INDEX, label_smoothing=1.5),
    "delta": lambda: functional.huber_loss(X, Y, delta=-1.0),
    "beta": lambda: functional.smooth_l1_loss(X, Y, beta=-1.0),
    "variance": lambda: functional.gaussian_nll_loss(X, Y, -Y),
    "variance as a number": lambda: functional.gaussian_nll_loss(X, Y, 0.5),
    "variance per row": lambda: functional.gaussian_nll_loss(X, Y, torch.ones(2, 1)),
    "broadcasting": lambda: functional.mse_loss(X, Y[:1]),
    "broadcasting classes": lambda: functional.cross_entropy(X, INDEX[:1]),
    "ranking": lambda: functional.margin_ranking_loss(X, Y, torch.ones(2)),
    "devices": lambda: functional.mse_loss(X, Y.to("meta")),
    "complex": lambda: functional.l1_loss(torch.complex(X, Y), Y),
    "integers": lambda: functional.mse_loss(INDEX, INDEX),
    "nothing": lambda: functional.mse_loss(X[:0], Y[:0]),
    "sum of nothing": lambda: functional.cross_entropy(X[:0], INDEX[:0], reduction="sum"),
    "all ignored": lambda: functional.cross_entropy(X, INDEX * 0 - 100),
    "no weight": lambda: functional.cross_entropy(X, INDEX, WEIGHT * 0),
    "flags": lambda: functional.mse_loss(X, Y, size_average=False),
    "other flag": lambda: functional.cross_entropy(X, INDEX, reduce=False),
    "mean of elements": lambda: functional.kl_div(X.log(), Y, reduction="mean"),
    "arguments": lambda: functional.mse_loss(X),
    "too many": lambda: functional.mse_loss(X, Y, None, None, "mean", None, 7),
    "unknown": lambda: functional.mse_loss(X, Y, margin=1),
    "twice": lambda: functional.mse_loss(X, Y, input=X),
    "lists": lambda: functional.mse_loss([0.0], Y),
    "inference": lambda: functional.mse_loss(X.clone().requires_grad_(), INFERRED),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_what_is_left_to_pytorch(call):
    """Errors in their words, warnings, conversions and NaN."""
    expected, warned = outcome(call)
    with accelerate():
        actual, warned_too = outcome(call)
    assert warned_too == warned
    if isinstance(expected, torch.Tensor):
        assert actual.dtype == expected.dtype
        assert torch.equal(actual.nan_to_num(-7), expected.nan_to_num(-7))
        assert type(actual.grad_fn) is type(expected.grad_fn)
    else:
        assert actual == expected


def test_what_wants_a_gradient_otherwise():
    for function, *arrays in (
        (functional.mse_loss, X, Y.clone().requires_grad_()),
        (functional.cross_entropy, X, Y / 1.2, WEIGHT.clone().requires_grad_()),
    ):
        name, leaf = function.__name__, arrays[-1]
        (expected,) = torch.autograd.grad(function(*arrays), leaf)
        with accelerate():
            (actual,) = torch.autograd.grad(getattr(functional, name)(*arrays), leaf)
        assert torch.equal(actual, expected)


def test_modes_and_subclasses(calls):
    seen = []

    class Looking(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            seen.append(function)
            return function(*args, **(kwargs or {}))

    with accelerate():
        with Looking():
            functional.mse_loss(X, Y)
            assert ORIGINALS["mse_loss"] in seen
        for arrays in ((X.as_subclass(Tagged), INDEX), (X, INDEX, WEIGHT.as_subclass(Tagged))):
            assert type(functional.cross_entropy(*arrays)) is Tagged
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert functional.mse_loss(X.bfloat16(), Y.bfloat16()).dtype == torch.float32
            assert functional.cross_entropy(X.bfloat16(), INDEX).dtype == torch.float32
    assert not any(calls)


def test_transforms(calls):
    expected = 2 * (X - Y) / 6
    with accelerate():
        torch.testing.assert_close(torch.func.grad(functional.mse_loss)(X, Y), expected)
        rows = torch.func.vmap(torch.func.grad(functional.mse_loss))(X, Y)
        torch.testing.assert_close(rows, 2 * expected)
        slope = torch.func.jvp(lambda x: functional.mse_loss(x, Y), (X,), (Y,))[1]
        torch.testing.assert_close(slope, (expected * Y).sum())
        x = X.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(functional.mse_loss(x, Y), x, create_graph=True)
        torch.testing.assert_close(torch.autograd.grad(gradient.sum(), x)[0], X * 0 + 1 / 3)
    assert calls[-1]
    assert not any(calls[:-1])


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize("name", ["cross_entropy", "mse_loss"])
def test_compilers(name, calls):
    """They follow PyTorch's own function, whether it was replaced before or inside."""
    arrays = arrays_of(name)
    expected = getattr(functional, name)(*arrays)
    module = getattr(torch.nn, FACES[name].module)()

    def inside(*given):
        with accelerate():
            return getattr(functional, name)(*given)

    double = (arrays[0] * 2, arrays[1])
    with accelerate(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graphs = [
            torch.compile(module, fullgraph=True, backend="aot_eager"),
            torch.jit.script(module),
            torch.jit.trace(module, arrays, check_trace=False),
            torch.export.export(module, tuple(arrays)).module(),
        ]
        for graph in graphs:
            torch.testing.assert_close(graph(*arrays), expected)
            torch.testing.assert_close(graph(*double), ORIGINALS[name](*double))
        assert not any(calls)
        # Its graph names the function, which is looked up in each call.
        graph = torch.fx.symbolic_trace(module)
        assert not any(calls)
        torch.testing.assert_close(graph(*double), ORIGINALS[name](*double))
        assert calls[-1]
    torch.testing.assert_close(torch.compile(inside, backend="aot_eager")(*arrays), expected)
    assert getattr(functional, name) is ORIGINALS[name]


def restored():
    return all(getattr(functional, name) is original for name, original in ORIGINALS.items())


def test_until_the_end():
    with accelerate() as outer:
        assert not any(
            getattr(functional, name) is original for name, original in ORIGINALS.items()
        )
        replaced = functional.mse_loss
        assert replaced.__doc__ == ORIGINALS["mse_loss"].__doc__
        assert replaced.__name__ == "mse_loss"
        with accelerate() as inner:
            assert functional.mse_loss is replaced
            inner.stop()
        assert functional.mse_loss is replaced
        outer.stop()
        assert restored()
    assert restored()
    with pytest.raises(KeyError), accelerate():
        raise KeyError
    assert restored()
    made = accelerate()
    assert not restored()
    made.stop()
    made.stop()
    assert restored()


def test_what_is_replaced_is_still_known_as_its_loss():
    with accelerate():
        assert criterion_of(functional.cross_entropy).loss == CrossEntropy()


@pytest.mark.parametrize("setting", ["off", "no"])
def test_without_kernels(setting):
    code = "import losskit.torch; losskit.torch.accelerate()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"LOSSKIT_NATIVE": setting},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    reason = f"accelerate: the native kernels are switched off by LOSSKIT_NATIVE={setting}"
    assert done.stderr.strip().endswith(f"RuntimeError: losskit.torch.{reason}")
