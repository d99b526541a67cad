"""Conditions: which side of a branch a training takes."""

from __future__ import annotations

import ast
import re

from losskit.check.lint.choices import NO_GUARDS, Choice, Guard
from losskit.check.lint.containers import Chain, Dictionary, Made, Sequence
from losskit.check.lint.definitions import Bound, Class, Function, Instance, Partial
from losskit.check.lint.values import Absent, Const, Tensor, Unknown, Value

__all__ = ["EVALUATION", "TRAINING", "implied", "is_setting", "negated", "question", "truth_of"]

TRAINING = re.compile(r"^(is_|do_|in_|mode_)?(train|training)(_?mode)?$", re.IGNORECASE)
EVALUATION = re.compile(
    r"^(is_|do_|in_|for_|only_|run_)?(eval|evaluate|evaluating|evaluation|test|testing|test_only|"
    r"infer|inference|predict|prediction|predicting|val|valid|validate|validation|validating|"
    r"deploy|export|exporting|onnx|onnx_export|eval_only|evaluate_only|demo)(_?(mode|only))?$",
    re.IGNORECASE,
)


def truth_of(value: Value) -> bool | None:
    """Whether a value is true; None where that cannot be told.

    An unknown flag that is named after training is taken as set, and one that is named after
    evaluation as not set: what counts is the training.
    """
    if isinstance(value, Const):
        return bool(value.value)
    if isinstance(value, Unknown):
        leaf = value.name.rpartition(".")[2]
        if TRAINING.match(leaf):
            return True
        return False if EVALUATION.match(leaf) else None
    if isinstance(value, Choice):
        found = {truth_of(one) for one, _ in value.among}
        return found.pop() if len(found) == 1 else None
    if isinstance(value, Sequence):
        return None if value.items is None else bool(value.items)
    if isinstance(value, Dictionary):
        return True if value.data else None
    if isinstance(value, (Class, Function, Instance, Made, Bound, Partial, Chain)):
        return True
    if isinstance(value, (Tensor, Absent)):
        return None
    return None


def implied(value: Value, truth: bool) -> frozenset[Guard]:
    """What must hold where a condition comes out so: the branch that made it so was taken."""
    if not isinstance(value, Choice):
        return NO_GUARDS
    left = [guards for one, guards in value.among if truth_of(one) in {truth, None}]
    return left[0] if len(left) == 1 else NO_GUARDS


def negated(truth: bool | None) -> bool | None:
    """Not."""
    return None if truth is None else not truth


def question(test: ast.expr, within: Function | None) -> tuple[str, bool] | None:
    """Return what a condition asks of a setting, and whether it holds where that is so.

    Two branches that ask the same go the same way: a model that applies a sigmoid
    ``if self.multilabel`` is not that of a training that is run ``if not self.multilabel``.
    A name alone is the same in one function only, but for those that are held against words.
    """
    so = True
    while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, so = test.operand, not so
    asked, compared = test, ""
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], (ast.Eq, ast.NotEq)):
        other = test.comparators[0]
        if len(test.ops) > 1 or not isinstance(other, ast.Constant):
            return None
        asked, compared = test.left, f" == {other.value!r}"
        so = so is isinstance(test.ops[0], ast.Eq)
    word = compared.endswith(("'", '"'))
    if isinstance(asked, ast.Attribute):
        # A parameter may have in small letters the name of the setting that it is given.
        return (asked.attr.lower() if word else asked.attr) + compared, so
    if isinstance(asked, ast.Subscript) and isinstance(asked.slice, ast.Constant):
        key = str(asked.slice.value)
        return f"{key.lower() if word else key}{compared}", so
    if isinstance(asked, ast.Name):
        place = "" if word else f"@{0 if within is None else id(within.node)}"
        return f"{asked.id.lower() if word else asked.id}{place}{compared}", so
    return None


def is_setting(test: ast.expr) -> bool:
    """Whether a test may come out otherwise: it asks for no phase of a training."""
    words = {one.id for one in ast.walk(test) if isinstance(one, ast.Name)}
    words |= {one.attr for one in ast.walk(test) if isinstance(one, ast.Attribute)}
    words |= {
        one.value
        for one in ast.walk(test)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }
    return not any(
        TRAINING.match(word) or EVALUATION.match(word) or word == "__name__" for word in words
    )
