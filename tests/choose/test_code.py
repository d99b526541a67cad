"""The code that is recommended runs as it is, with warnings as errors."""

import importlib
import inspect
import re

import numpy as np
import polars as pl
import pytest
import torch
from threadpoolctl import threadpool_limits

import losskit
from losskit.choose.code.tables import settings_in
from losskit.core.targets import KINDS

DRAW = np.random.default_rng(4)
ROWS = 240


def tables() -> dict[str, object]:
    draw = np.random.default_rng(4)
    return {
        "real": draw.normal(50, 9, ROWS),
        "wild": draw.standard_t(1.2, ROWS),
        "amount": draw.lognormal(5, 1, ROWS),
        "amount-with-zeros": np.where(draw.random(ROWS) < 0.4, 0.0, draw.gamma(1, 50.0, ROWS)),
        "count": draw.poisson(1.2, ROWS),
        "share": pl.Series("percent", (draw.beta(0.7, 0.7, ROWS) * 100).round(1)),
        "binary": (draw.random(ROWS) < 0.15).astype(float),
        "signs": np.where(draw.random(ROWS) < 0.3, 1, -1),
        "words": [["no", "yes"][one] for one in draw.integers(0, 2, ROWS)],
        "classes": draw.permutation(np.repeat([10, 20, 30], [150, 60, 30])),
        "names": [["a b", "c'd", 'e"f'][one] for one in draw.integers(0, 3, ROWS)],
        "ordinal": draw.choice([1, 2, 3, 4, 5], ROWS, p=[0.1, 0.1, 0.2, 0.3, 0.3]),
    }


def other_shapes() -> dict[str, tuple[object, tuple[int, ...]]]:
    """Targets with more axes, and the shape of what the network gives to its last layer."""
    draw = np.random.default_rng(4)
    flags = draw.random((ROWS, 4)) < 0.2
    return {
        "multi-label": (flags, (ROWS, 8)),
        "one-hot": (np.eye(3)[draw.integers(0, 3, ROWS)], (ROWS, 8)),
        "distribution": (draw.dirichlet(np.ones(4), ROWS), (ROWS, 8)),
        "several": (draw.normal(9, 3, (ROWS, 3)), (ROWS, 8)),
        "tokens": (
            np.where(np.arange(9) < draw.integers(3, 9, (40, 1)), draw.integers(1, 30, (40, 9)), 0),
            (40, 9, 8),
        ),
        "pixels": (draw.integers(0, 4, (5, 8, 8)), (5, 8, 8, 8)),
        "mask": (draw.random((5, 8, 8)) < 0.05, (5, 8, 8, 8)),
    }


def run(code: str, **names: object) -> dict[str, object]:
    after: dict[str, object] = dict(names)
    exec(compile(code, "pasted", "exec"), after)
    return after


def goals(target: object) -> list[str | None]:
    kind = losskit.choose(target).kind
    from losskit.choose.ranking import goals_of

    return [
        None,
        *(f"{one}=0.8" if one == "quantile" else str(one) for one in goals_of(KINDS[kind])),
    ]


def held(target: object) -> dict[str, object]:
    if isinstance(target, list):
        return {"labels": target, "target": None}
    array = target.to_numpy() if isinstance(target, pl.Series) else np.asarray(target)
    return {"target": torch.as_tensor(array.copy())}


@pytest.mark.parametrize("name", tables())
def test_pytorch_runs_for_every_recommendation(name: str) -> None:
    target = tables()[name]
    hidden = torch.randn(ROWS, 8, generator=torch.Generator().manual_seed(0), requires_grad=True)
    for goal in goals(target):
        for item in losskit.choose(target, goal=goal):
            after = run(item.code["PyTorch"], hidden=hidden, **held(target))
            loss = after["loss"]
            assert loss.ndim == 0
            assert torch.isfinite(loss)
            loss.backward()
            assert after["head"].weight.grad.abs().sum() > 0
            assert len(after["prediction"]) == ROWS


@pytest.mark.parametrize("name", other_shapes())
def test_pytorch_runs_for_targets_with_more_axes(name: str) -> None:
    target, shape = other_shapes()[name]
    hidden = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    for goal in goals(target):
        for item in losskit.choose(target, goal=goal):
            after = run(item.code["PyTorch"], hidden=hidden, **held(target))
            assert torch.isfinite(after["loss"])


def test_the_bias_is_where_the_loss_begins_lowest() -> None:
    """With no features, no other bias starts with a smaller loss."""
    hidden = torch.zeros(ROWS, 8)
    for name in ("real", "amount", "count", "binary", "classes", "ordinal", "share"):
        target = tables()[name]
        code = losskit.choose(target)[0].code["PyTorch"]
        started = float(run(code, hidden=hidden, **held(target))["loss"].detach())
        moved = re.sub(r"(output = head\(hidden\))", r"head.bias.data[0] += 0.2; \1", code)
        assert float(run(moved, hidden=hidden, **held(target))["loss"].detach()) > started, name


def test_durations_groups_and_embeddings_run() -> None:
    time, event = DRAW.exponential(9, ROWS), DRAW.random(ROWS) < 0.6
    found = losskit.choose(pl.DataFrame({"time": time, "event": event}))
    for item in found:
        after = run(
            item.code["PyTorch"],
            hidden=torch.randn(ROWS, 8),
            time=torch.as_tensor(time, dtype=torch.float32),
            event=torch.as_tensor(event),
            target=torch.as_tensor(np.stack([time, event], 1)),
        )
        assert torch.isfinite(after["loss"])
    lists, pairs = DRAW.integers(0, 4, (6, 5)), DRAW.integers(0, 4, 30)
    for item in losskit.choose(lists.reshape(-1), groups=np.repeat(np.arange(6), 5)):
        listwise = "groups, items" in item.code["PyTorch"]
        target = torch.as_tensor(lists if listwise else pairs)
        after = run(item.code["PyTorch"], hidden=torch.randn(*target.shape, 8), target=target)
        assert torch.isfinite(after["loss"])
    embedding = torch.randn(30, 8)
    people = torch.as_tensor(DRAW.integers(0, 6, 30))
    mined = next(one for one in losskit.choose(task="retrieval") if one.name == "Triplet")
    assert "semi_hard" in mined.code["PyTorch"]
    assert torch.isfinite(run(mined.code["PyTorch"], embedding=embedding, target=people)["loss"])


@pytest.mark.parametrize("library", ["scikit-learn", "XGBoost", "LightGBM"])
@pytest.mark.parametrize("name", tables())
@pytest.mark.filterwarnings("ignore:.*did not converge:sklearn.exceptions.ConvergenceWarning")
def test_libraries_for_tables_run(name: str, library: str) -> None:
    target = tables()[name]
    features = np.random.default_rng(0).normal(size=(ROWS, 3))
    items = [item for goal in goals(target) for item in losskit.choose(target, goal=goal)]
    codes = {item.code[library] for item in items if library in item.code}
    # With several threads, small trees spend their time waiting where others use the cores too.
    with threadpool_limits(1):
        for code in sorted(codes):
            y = target.to_numpy() if isinstance(target, pl.Series) else target
            prediction = np.asarray(run(code, X=features, y=y)["prediction"])
            assert prediction.shape[0] == ROWS
            if prediction.dtype.kind == "f":
                assert np.isfinite(prediction).all()
    assert codes or name == "ordinal" or (library, name) == ("scikit-learn", "share")


def test_names_of_settings_elsewhere_are_real() -> None:
    """The keys are parameters of the loss, the values those of an estimator or a library."""
    for kind in losskit.CATALOGUE.values():
        for library, names in kind.card.settings_there.items():
            assert library in kind.card.equivalents
            assert set(names) <= set(kind.parameters())
            if library != "scikit-learn":
                continue
            module, _, rest = kind.card.equivalents[library].partition(".")
            estimator = getattr(
                importlib.import_module(f"sklearn.{module}"), rest.partition("(")[0]
            )
            assert set(names.values()) <= set(inspect.signature(estimator).parameters)


def test_a_setting_that_a_library_lacks_leaves_it_out() -> None:
    assert settings_in(losskit.Huber(delta=3.0), "Keras") == {"delta": 3.0}
    assert settings_in(losskit.CrossEntropy(label_smoothing=0.1), "Keras") is None
    found = losskit.choose(tables()["names"])
    smoothed = next(one for one in found if "label_smoothing" in one.spec)
    assert set(smoothed.code) == {"PyTorch"}


def test_keras_says_what_its_documentation_says() -> None:
    """Names and arguments of Keras 3: https://keras.io/api/losses/."""
    code = losskit.choose(tables()["count"])[0].code["Keras"]
    assert "keras.layers.Dense(1, activation='exponential')" in code  # Poisson takes rates
    assert "keras.losses.Poisson()" in code
    code = losskit.choose(tables()["binary"])[0].code["Keras"]
    assert "keras.losses.BinaryCrossentropy(from_logits=True)" in code
    assert re.search(r"class_weight=\{0: 1.0, 1: [\d.]+\}", code)
    code = losskit.choose(tables()["classes"], goal="calibrated")[0].code["Keras"]
    assert "keras.losses.SparseCategoricalCrossentropy(from_logits=True)" in code
    assert "keras.layers.Dense(3)" in code
    for name, target in tables().items():
        for item in losskit.choose(target):
            if "Keras" in item.code:
                compile(item.code["Keras"], name, "exec")
