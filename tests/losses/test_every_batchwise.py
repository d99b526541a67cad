"""What holds for every loss of whole batches."""

from __future__ import annotations

import copy
import math
from itertools import chain

import array_api_compat.torch as xp
import numpy as np
import pytest
import torch
import torch.nn.functional as theirs

import losskit.torch as lt
from cases import Case, as_tuple, cases
from losskit import CLIP, InfoNCE, SigLIP
from losskit.core.batchwise import Batchwise
from losskit.losses import CATALOGUE

KINDS = [kind for kind in CATALOGUE.values() if issubclass(kind, Batchwise)]
CASES = list(chain.from_iterable(cases(kind) for kind in KINDS))
every_batchwise = pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
every_case_of_batches = pytest.mark.parametrize("case", CASES, ids=str)


@pytest.fixture
def views():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(8, 5))
    return first, first + 0.8 * rng.normal(size=(8, 5))


class TestEveryBatchwise:
    @every_case_of_batches
    @pytest.mark.parametrize("hole", [np.nan, np.inf, 3.0])
    def test_absent_examples_are_no_negatives(self, case: Case, hole):
        """In every setting: neither anchors, nor positives, nor in a denominator."""
        mask = np.array([True, False, True, True, True])
        kept = [0, 2, 3, 4]
        expected = case.loss.value_and_gradient(*case.rows(kept), reduction="none")
        arrays = tuple(np.array(array) for array in case.arrays)
        for array in arrays:
            if array.ndim == 2:
                array[1] = hole
            elif array.ndim:
                array[1] = 1
        values, gradients = case.loss.value_and_gradient(*arrays, mask=mask, reduction="none")
        np.testing.assert_allclose(values[kept], expected[0], rtol=1e-12)
        assert values[1] == 0
        for gradient, truth in zip(as_tuple(gradients), as_tuple(expected[1]), strict=True):
            actual = gradient[kept] if gradient.ndim else gradient
            np.testing.assert_allclose(actual, truth, rtol=1e-10, atol=1e-14)
            assert gradient.ndim == 0 or not gradient[1].any()

    @every_case_of_batches
    def test_against_autograd_through_the_value(self, case: Case):
        """The closed form against PyTorch's own derivative of the value."""
        arrays = [torch.from_numpy(np.array(array)) for array in case.arrays]
        leaves = [arrays[at].requires_grad_() for at in case.outputs]
        outer = torch.linspace(0.5, 2, 5, dtype=torch.float64)
        ready = case.loss.arrange(tuple(arrays), xp)
        values = case.loss.value_at(*ready, xp)
        expected = torch.autograd.grad((outer * values).sum(), leaves)
        wanted = [at in case.outputs for at in range(len(ready))]
        with torch.no_grad():
            actual = case.loss.pull_back(ready, outer, wanted, xp)
        for at, truth in zip(case.outputs, expected, strict=True):
            torch.testing.assert_close(actual[at], truth, rtol=1e-11, atol=1e-13)

    @every_case_of_batches
    def test_zero_vectors(self, case: Case):
        """Similar to nothing, by 0 and not by NaN; no derivative, of any order or mode."""
        arrays = [torch.from_numpy(np.array(array)) for array in case.arrays]
        for at in case.outputs:
            if arrays[at].ndim:
                arrays[at][2] = 0
        outputs = [arrays[at].requires_grad_() for at in case.outputs]
        value = case.loss(*arrays)
        assert value.isfinite()
        gradients = torch.autograd.grad(value, outputs, create_graph=True)
        for gradient in gradients:
            assert gradient.isfinite().all()
            assert gradient.ndim == 0 or not gradient[2].any()
        seconds = torch.autograd.grad(sum((g**2).sum() for g in gradients), outputs)
        assert all(second.isfinite().all() for second in seconds)
        tangents = [torch.ones_like(output) for output in outputs]

        def call(*outputs):
            given = list(arrays)
            for at, output in zip(case.outputs, outputs, strict=True):
                given[at] = output
            return case.loss(*given)

        primals = tuple(output.detach() for output in outputs)
        _, change = torch.func.jvp(call, primals, tuple(tangents))
        torch.testing.assert_close(change, sum(gradient.sum() for gradient in gradients))

    @every_batchwise
    @pytest.mark.parametrize("size", [1e-280, 1e-5, 1e4, 1e300])
    def test_lengths_do_not_matter(self, kind, size):
        """Nor does their square leave the range of the numbers."""
        case = cases(kind)[0]
        value, gradients = case.loss.value_and_gradient(*case.arrays)
        arrays = tuple(array * size if array.ndim == 2 else array for array in case.arrays)
        scaled, slopes = case.loss.value_and_gradient(*arrays)
        assert scaled == pytest.approx(value, rel=1e-12)
        for gradient, slope in zip(as_tuple(gradients), as_tuple(slopes), strict=True):
            restored = slope * size if gradient.ndim else slope
            np.testing.assert_allclose(restored, gradient, rtol=1e-9, atol=1e-12)

    @every_batchwise
    def test_a_batch_of_one(self, kind):
        """Has no negatives; SigLIP still asks whether the pair is one."""
        case = cases(kind)[0]
        value, gradients = case.loss.value_and_gradient(*case.rows(slice(0, 1)))
        if kind is SigLIP:
            assert value > 0
        else:
            assert value == 0
            assert not any(np.any(gradient) for gradient in as_tuple(gradients))

    @every_batchwise
    def test_empty_batches_and_embeddings(self, kind):
        for shape in ((0, 4), (3, 0), (0, 0)):
            for case in cases(kind):
                arrays = tuple(
                    np.zeros(shape)
                    if array.ndim == 2
                    else array[: shape[0]]
                    if array.ndim
                    else array
                    for array in case.arrays
                )
                for made in (arrays, [torch.from_numpy(np.asarray(array)) for array in arrays]):
                    value, gradients = case.loss.value_and_gradient(*made)
                    assert math.isfinite(value)
                    assert as_tuple(gradients)[0].shape == shape

    @every_batchwise
    def test_misuse_is_named(self, kind):
        case = cases(kind)[0]
        names = [argument.name for argument in kind.card.arguments]
        first, *others = case.arrays
        with pytest.raises(ValueError, match=f"{names[0]} must hold one embedding per row"):
            case.loss(first[0], *others)
        with pytest.raises(ValueError, match=rf"{kind.__name__}: {names[0]} has shape \(5, 4\)"):
            case.loss(first, others[0][:3], *others[1:])
        if names[1] == "target":
            with pytest.raises(
                TypeError, match=r"target must hold labels.*float64 of shape \(5,\)"
            ):
                case.loss(first, np.arange(5.0))
            with pytest.raises(
                ValueError, match=r"one label per row, in shape \(5,\), got \(5, 1\)"
            ):
                case.loss(first, np.arange(5)[:, None])
        for at, name in enumerate(names[2:], 2):
            with pytest.raises(ValueError, match=rf"{name} must be one number, got shape \(1,\)"):
                case.loss(*case.arrays[:at], np.ones(1), *case.arrays[at + 1 :])

    @every_batchwise
    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_autocast_does_not_round_the_similarities(self, kind, dtype):
        """Matrix products are what autocast rounds first; forward, backward and closed form."""
        case = cases(kind)[0]
        arrays = [torch.from_numpy(np.array(array)) for array in case.arrays]
        arrays = [array.float() if array.is_floating_point() else array for array in arrays]
        leaves = [arrays[at].requires_grad_() for at in case.outputs]
        value, gradients = case.loss.value_and_gradient(*arrays)
        with torch.autocast("cpu", dtype=dtype):
            actual = case.loss(*arrays)
            actual.backward()
            closed = case.loss.value_and_gradient(*arrays)
        assert actual.item() == closed[0].item() == value.item()
        for leaf, one, two in zip(leaves, as_tuple(gradients), as_tuple(closed[1]), strict=True):
            assert torch.equal(leaf.grad, one)
            assert torch.equal(two, one)


class TestLearnedNumbers:
    def test_a_number_is_not_rounded_to_half_precision(self, views):
        """Nor does it widen the rest: log(1/0.07) in bfloat16 is off by 0.4 %."""
        image, text = (torch.from_numpy(view).bfloat16() for view in views)
        exact = CLIP()(image.double(), text.double()).item()
        assert CLIP()(image, text).item() == pytest.approx(exact, rel=1e-6)
        assert CLIP()(image, text, reduction="none").dtype == torch.bfloat16
        narrow = tuple(view.astype(np.float32) for view in views)
        assert CLIP()(*narrow).dtype == np.float32
        value, gradients = SigLIP().value_and_gradient(*narrow, reduction="none")
        assert {value.dtype, *(gradient.dtype for gradient in gradients)} == {np.dtype(np.float32)}

    def test_names(self):
        names = {"InfoNCE": "info_nce", "SupCon": "sup_con", "CLIP": "clip", "SigLIP": "siglip"}
        for module, function in names.items():
            assert getattr(lt, f"{module}Loss").__name__ == f"{module}Loss"
            assert callable(getattr(lt.functional, f"{function}_loss"))

    @pytest.mark.parametrize(
        ("kind", "starts"),
        [
            ("CLIPLoss", {"logit_scale": math.log(1 / 0.07)}),
            ("SigLIPLoss", {"logit_scale": math.log(10), "logit_bias": -10.0}),
        ],
    )
    def test_modules_hold_parameters(self, views, kind, starts):
        image, text = (torch.from_numpy(view).float() for view in views)
        module = getattr(lt, kind)()
        assert {name: one.item() for name, one in module.named_parameters()} == {
            name: pytest.approx(start) for name, start in starts.items()
        }
        module(image, text).backward()
        assert all(one.grad.isfinite() and one.grad != 0 for one in module.parameters())
        other = getattr(lt, kind)(**dict.fromkeys(starts, 0.5))
        assert other(image, text) != module(image, text)
        other.load_state_dict(module.state_dict())
        assert other(image, text) == copy.deepcopy(module)(image, text) == module(image, text)
        assert all(one.dtype == torch.float64 for one in module.double().parameters())
        assert all(one.is_meta for one in module.to("meta").parameters())

    def test_functions_take_numbers_and_tensors(self, views):
        image, text = map(torch.from_numpy, views)
        clip, siglip = lt.functional.clip_loss, lt.functional.siglip_loss
        expected = CLIP()(*views, 1.5)
        assert clip(image, text, logit_scale=1.5).item() == pytest.approx(expected)
        scale = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
        clip(image, text, scale).backward()
        gradient = CLIP().value_and_gradient(*views, 1.5)[1][2]
        assert scale.grad.item() == pytest.approx(float(gradient), rel=1e-12)
        assert clip(image, text, max_scale=2.0).item() == pytest.approx(CLIP(2.0)(*views))
        actual = siglip(image, text, 1.5, -3.0).item()
        assert actual == pytest.approx(SigLIP()(*views, 1.5, -3.0))

    @pytest.mark.parametrize("kind", ["CLIPLoss", "SigLIPLoss"])
    def test_the_temperature_learns(self, kind):
        """Two towers find the same signal, and grow sure of it."""
        torch.manual_seed(0)
        signal = torch.randn(64, 6)
        image, text = signal @ torch.randn(6, 10), signal @ torch.randn(6, 8)
        towers = torch.nn.ModuleList([torch.nn.Linear(10, 4), torch.nn.Linear(8, 4)])
        module = getattr(lt, kind)()
        start = {name: one.item() for name, one in module.named_parameters()}
        optimizer = torch.optim.Adam([*towers.parameters(), *module.parameters()], lr=0.02)
        losses = []
        for _ in range(150):
            optimizer.zero_grad()
            value = module(towers[0](image), towers[1](text))
            value.backward()
            optimizer.step()
            losses.append(value.item())
        assert losses[-1] < 0.3 * losses[0]
        assert module.logit_scale.item() > start["logit_scale"] + 0.05
        nearest = (
            theirs.normalize(towers[0](image), dim=-1) @ theirs.normalize(towers[1](text), dim=-1).T
        ).argmax(1)
        assert (nearest == torch.arange(64)).float().mean() > 0.8

    def test_collapse_is_pushed_apart(self):
        """From nearly one point, the gradient leads all over the circle."""
        rng = np.random.default_rng(0)
        first = 1 + 1e-3 * rng.normal(size=(16, 4))
        spread = []
        for _ in range(200):
            _, (gradient, _) = InfoNCE(0.5).value_and_gradient(first, first.copy())
            first = first - 2.0 * gradient
            unit = first / np.linalg.norm(first, axis=1, keepdims=True)
            spread.append(np.linalg.norm(unit.mean(axis=0)))
        assert spread[0] > 0.999
        assert spread[-1] < 0.7
