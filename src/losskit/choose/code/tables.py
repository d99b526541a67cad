"""A recommendation in libraries that fit tables: Keras, scikit-learn, XGBoost, LightGBM."""

from __future__ import annotations

from typing import Any

from losskit.choose.code.plan import Plan
from losskit.choose.code.values import literal
from losskit.core import targets
from losskit.core.cards import Role
from losskit.core.classwise import Classwise
from losskit.core.contracts import SIGNS
from losskit.core.loss import Loss
from losskit.core.uses import Transform

__all__ = ["boosted", "keras", "scikit_learn", "settings_in"]

TABLES = (*targets.NUMBERS, targets.BINARY, targets.CLASSES)
WEIGHTS = ("class_weight", "pos_weight")


def settings_in(loss: Loss, library: str) -> dict[str, Any] | None:
    """Return the loss's settings by their names there; None where one has none."""
    names = loss.card.settings_there.get(library, {})
    plain = type(loss)()
    found: dict[str, Any] = {}
    for name in loss.parameters():
        value = getattr(loss, name)
        if name in names:
            if value != getattr(plain, name) or name not in WEIGHTS:
                found[names[name]] = value
        elif value != getattr(plain, name) and name not in WEIGHTS:
            return None
    return {name: value for name, value in found.items() if value is not None}


def keras(plan: Plan) -> str | None:
    """Write the output layer and the loss; None where Keras lacks it."""
    named = _named(plan.loss, "Keras")
    if named is None or plan.kind not in TABLES or plan.presentation is not None:
        return None
    settings = settings_in(plan.loss, "Keras")
    if settings is None:
        return None
    name, note = named
    settings.pop("ignore_class", None)
    units: int | str = 1
    if isinstance(plan.loss, Classwise):
        units = len(plan.coding.classes) or "K"
    activation = {"on rates": "exponential", "on probabilities": "sigmoid"}.get(note)
    one_hot = name.startswith("Categorical")
    presented = f"keras.utils.to_categorical(y, {units})" if one_hot else "y"
    lines = ["import keras", "import numpy as np", "", *_numbers(plan)]
    layer = f"keras.layers.Dense({units}{f', activation={activation!r}' if activation else ''})"
    lines += [
        f"head = {layer}",
        "model = keras.Sequential([keras.Input(X.shape[1:]), *layers, head])  # layers: yours",
    ]
    bias = plan.bias
    if isinstance(bias, float):
        lines.append(f"head.bias.assign([{bias!r}])")
    elif bias is not None and len(bias) == units:
        lines.append(f"head.bias.assign({literal(bias)})")
    lines += [
        f"model.compile(optimizer='adam', loss=keras.losses.{_call(name, settings)})",
        f"model.fit(X, {presented}{_keras_weights(plan)})",
    ]
    return "\n".join(lines) + "\n"


def _keras_weights(plan: Plan) -> str:
    weights = _weights(plan.loss)
    return f", class_weight={weights}" if weights else ""


def scikit_learn(plan: Plan) -> str | None:
    """Write an estimator with the loss; None where there is none."""
    named = _named(plan.native, "scikit-learn")
    if named is None or plan.kind not in TABLES or plan.presentation is not None:
        return None
    if (
        "." not in named[0]
        or named[0].startswith("metrics")
        or (plan.kind is targets.SHARE and _classifies(named[0]))
    ):
        return None
    settings = settings_in(plan.native, "scikit-learn")
    if settings is None:
        return None
    module = named[0].partition(".")[0]
    weights = _weights(plan.native)
    if weights and _classifies(named[0]):
        settings["class_weight"] = weights
    lines = ["import numpy as np", f"import sklearn.{module}", "", *_numbers(plan, trees=True)]
    lines += [f"model = sklearn.{_call(named[0], settings)}"]
    return "\n".join([*lines, *_fitted(plan)]) + "\n"


def _classifies(name: str) -> bool:
    return "Classifier" in name or "SVC" in name


def boosted(plan: Plan, library: str) -> str | None:
    """Write a model of XGBoost or LightGBM with its own objective; None where it has none."""
    named = _named(plan.native, library)
    if named is None or plan.kind not in TABLES or plan.presentation is not None:
        return None
    settings = settings_in(plan.native, library)
    if settings is None:
        return None
    module = library.lower()
    classifies = plan.kind in (targets.BINARY, targets.CLASSES)
    model = {"XGBoost": "XGB", "LightGBM": "LGBM"}[library] + (
        "Classifier" if classifies else "Regressor"
    )
    written = "".join(f", {name}={literal(value)}" for name, value in settings.items())
    if library == "LightGBM":
        written += ", verbose=-1"
    lines = [f"import {module}", "import numpy as np", "", *_numbers(plan, trees=True)]
    lines += [f'model = {module}.{model}(objective="{named[0]}"{written})']
    weights = None if "scale_pos_weight" in settings else _weights(plan.native)
    return "\n".join([*lines, *_fitted(plan, weights)]) + "\n"


def _fitted(plan: Plan, weights: dict[int, float] | None = None) -> list[str]:
    transform = plan.applied.transform if plan.applied else None
    there, back = "y", "model.predict(X)"
    if transform in (Transform.LOG, Transform.LOG1P) and plan.applied is not None:
        there, back = plan.applied.code("np")
        there, back = there.replace("target", "y"), back.replace("output", "model.predict(X)")
    lines: list[str] = []
    extra = ""
    if weights:
        lines.append(f"weight = np.array({literal(list(weights.values()))})[y]")
        extra = ", sample_weight=weight"
    back = f"{plan.coding.scale:g} * {back}" if plan.coding.scale != 1 else back
    return [*lines, f"model.fit(X, {there}{extra})", f"prediction = {back}"]


def _numbers(plan: Plan, *, trees: bool = False) -> list[str]:
    """Turn the data's values into what the libraries take."""
    classes = plan.coding.classes
    if plan.kind is targets.BINARY:
        positive = plan.coding.positive if plan.coding.classes else 1
        signs = SIGNS in plan.loss.card.targets and not trees
        lines = ["y = np.asarray(y)", f"y = (y == {literal(positive)}).astype(int)"]
        return lines if not signs else [*lines, "y = 2 * y - 1"]
    if plan.kind is targets.CLASSES:
        if plan.width > 1:
            return ["y = np.asarray(y).argmax(axis=1)"]
        if all(isinstance(one, int) for one in classes):
            return ["y = np.asarray(y).astype(int)"]
        return [f"classes = {literal(list(classes))}", "y = np.searchsorted(classes, y)"]
    lines = ["y = np.asarray(y, dtype=float)"]
    if plan.coding.scale != 1:
        lines.append(f"y = y / {plan.coding.scale:g}")
    if plan.applied is not None and not trees:
        lines.append(f"y = {plan.applied.code('np')[0].replace('target', 'y')}")
    return lines


def _named(loss: Loss, library: str) -> tuple[str, str] | None:
    """Return the first name there, and the remark behind it."""
    text = loss.card.equivalents.get(library)
    if text is None or any(one.role is not Role.OUTPUT for one in loss.arguments[:1]):
        return None
    name, _, note = text.partition(" (")
    return name.split(", ")[0], note.rstrip(")")


def _call(name: str, settings: dict[str, Any]) -> str:
    """Write a call, with settings besides those that the name brings."""
    written = ", ".join(
        f"{key}={literal(value) if not isinstance(value, dict) else value}"
        for key, value in settings.items()
    )
    if name.endswith(")"):
        return f"{name[:-1]}{', ' if written else ''}{written})"
    return f"{name}({written})"


def _weights(loss: Loss) -> dict[int, float] | None:
    """Return class weights by class number, however the loss has them."""
    each = getattr(loss, "class_weight", None)
    if each is not None:
        return {at: float(one) for at, one in enumerate(each)}
    positive = getattr(loss, "pos_weight", None)
    if positive is None or isinstance(positive, tuple):
        return None
    return {0: 1.0, 1: float(positive)}
