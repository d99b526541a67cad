"""The user's own rows and model, named as ``package.module:function``."""

from __future__ import annotations

import importlib
import inspect
import math
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from losskit.compare.errors import CompareError
from losskit.compare.splits import Split
from losskit.compare.tables import Table
from losskit.reporting.arrays import Ints
from losskit.reporting.errors import listing

__all__ = ["Given", "Maker", "function_named", "given_rows", "maker", "size_of"]

TARGET = "target"
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Given:
    """Rows as the user's own code gives them: taken as they are.

    Parameters
    ----------
    inputs
        A row for each target.
    parts
        Where the training, validation and test rows are, if they are not to be drawn.
    """

    inputs: Tensor
    parts: Split | None = None
    notes: tuple[str, ...] = ()

    @property
    def kinds(self) -> dict[str, str]:
        """What the inputs are."""
        shape = " × ".join(map(str, self.inputs.shape[1:])) or "one number"
        return {"inputs": f"{str(self.inputs.dtype).removeprefix('torch.')}, {shape}"}

    @property
    def dropped(self) -> dict[str, str]:
        """Nothing is left out."""
        return {}

    def encoder(self, rows: Ints) -> Callable[[Ints], Tensor]:
        """Return what looks rows up; nothing is learnt from the training rows."""
        return lambda wanted: self.inputs[torch.as_tensor(wanted)]


def function_named(option: str, name: str) -> Callable[..., Any]:
    """Import the function of a name like ``package.module:function``.

    Raises
    ------
    CompareError
        If there is none; the message names the option.
    """
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise CompareError(
            f"{option} {name!r} is not package.module:function, such as my_project.data:load"
        )
    # As for python -m: the folder that one is in comes first.
    here = str(Path.cwd())
    if sys.path[0] != here:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        why = f"there is no module {error.name!r} in {here} or installed"
        if not f"{module_name}.".startswith(f"{error.name}."):
            why = _where(error)
        raise CompareError(f"{option} {name!r}: {why}") from error
    except (Exception, SystemExit) as error:
        raise CompareError(f"{option} {name!r}: {_where(error)}") from error
    found: object = module
    for part in attribute.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise CompareError(f"{option} {name!r}: {module_name} has no function {attribute!r}")
    return found


def _where(error: BaseException) -> str:
    """Say in one line what the user's code raised, and where."""
    last = next(
        frame
        for frame in reversed(traceback.extract_tb(error.__traceback__))
        if not frame.filename.startswith("<frozen")
    )
    file, line, text = last.filename, last.lineno, str(error)
    if isinstance(error, SyntaxError) and error.filename:
        file, line, text = error.filename, error.lineno, error.msg
    return f"{type(error).__name__} in {file}:{line}: {' '.join(text.split())}"


def _called(option: str, name: str, function: Callable[..., Any], **arguments: Any) -> Any:
    """Call the user's function with those arguments that it takes."""
    try:
        known = dict(inspect.signature(function).parameters)
        takes_all = any(one.kind is one.VAR_KEYWORD for one in known.values())
    except (TypeError, ValueError):
        known, takes_all = {}, False
    given = {key: value for key, value in arguments.items() if takes_all or key in known}
    missing = [
        key
        for key, one in known.items()
        if one.default is one.empty
        and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        and (key not in given or one.kind is one.POSITIONAL_ONLY)
    ]
    if missing:
        raise CompareError(
            f"{option} {name!r} wants {listing(missing)}; it is called with "
            f"{' and '.join(arguments) or 'nothing'}"
        )
    try:
        return function(**given)
    except (Exception, SystemExit) as error:
        raise CompareError(f"{option} {name!r}: {_where(error)}") from error


def given_rows(option: str, name: str, function: Callable[..., Any]) -> tuple[Table, Given]:
    """Take rows from the user's function.

    Parameters
    ----------
    option, name
        What they are called in messages.
    function
        Returns inputs and targets, a map-style dataset of pairs, or either for each of
        ``"train"``, ``"validation"`` and ``"test"``.
    """
    rows = _called(option, name, function)
    if isinstance(rows, Mapping):
        if sorted(rows) != sorted(PARTS):
            raise CompareError(
                f"{option} {name!r} returned parts called {', '.join(map(repr, rows))}; they must "
                f"be called {', '.join(map(repr, PARTS))}"
            )
        pairs = [_pair(option, f"{name}[{part!r}]", rows[part]) for part in PARTS]
        ends = np.cumsum([0, *(len(target) for _, target in pairs)])
        split = Split(*(np.arange(*ends[at : at + 2]) for at in range(3)))
        shapes = {inputs.shape[1:] for inputs, _ in pairs}
        if len(shapes) > 1:
            raise CompareError(f"{option} {name!r}: the parts' inputs have different shapes")
        inputs = torch.cat([inputs for inputs, _ in pairs])
        target = np.concatenate([target for _, target in pairs])
        found = Given(inputs, split, ("Rows are divided as the data say.",))
    else:
        inputs, target = _pair(option, name, rows)
        found = Given(inputs)
    try:
        frame = pl.DataFrame({"inputs": np.arange(len(target)), TARGET: pl.Series(target)})
    except (TypeError, pl.exceptions.PolarsError) as error:
        raise CompareError(
            f"{option} {name!r}: targets of the type {target.dtype} cannot be read; they are "
            "numbers, booleans or labels, one for each row"
        ) from error
    return Table(
        name.partition(":")[0], name, frame, TARGET, (TARGET,), ("Inputs are taken as they are.",)
    ), found


def _pair(option: str, name: str, rows: Any) -> tuple[Tensor, np.ndarray[Any, Any]]:
    """Take inputs and targets apart, from arrays or from a dataset, and check them."""
    if isinstance(rows, (tuple, list)) and len(rows) == 2:
        inputs, target = rows
    elif hasattr(rows, "__getitem__") and hasattr(rows, "__len__"):
        inputs, target = _collected(option, name, rows)
    else:
        raise CompareError(
            f"{option} {name!r} returned {type(rows).__name__}; it must return inputs and targets, "
            "a dataset with a length, or a dictionary of train, validation and test"
        )
    try:
        inputs = torch.as_tensor(np.asarray(inputs) if not isinstance(inputs, Tensor) else inputs)
        target = np.asarray(target.detach().cpu() if isinstance(target, Tensor) else target)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CompareError(f"{option} {name!r}: {' '.join(str(error).split())}") from error
    if inputs.ndim == 0 or len(inputs) == 0 or target.ndim != 1 or len(inputs) != len(target):
        raise CompareError(
            f"{option} {name!r} returned inputs of shape {tuple(inputs.shape)} and targets of "
            f"shape {target.shape}; there must be one row of inputs for each target"
        )
    inputs = inputs.detach().cpu()
    if inputs.is_floating_point():
        inputs = inputs.float()
        if not bool(torch.isfinite(inputs).all()):
            raise CompareError(f"{option} {name!r}: inputs hold NaN or infinite numbers")
    return inputs, target


def _collected(option: str, name: str, rows: Any) -> tuple[Tensor, np.ndarray[Any, Any]]:
    """Read a dataset into memory, row by row."""
    try:
        pairs = [rows[at] for at in range(len(rows))]
        inputs = torch.stack([torch.as_tensor(np.asarray(row)) for row, _ in pairs])
        return inputs, np.asarray([np.asarray(target).item() for _, target in pairs])
    except Exception as error:
        raise CompareError(f"{option} {name!r}: {_where(error)}") from error


@dataclass(frozen=True)
class Maker:
    """What builds the user's model.

    Parameters
    ----------
    name
        As it was given, ``package.module:function``.
    function
        Returns a module; of the arguments ``inputs`` and ``outputs`` it is given those it takes.
    """

    name: str
    function: Callable[..., Any]

    def __call__(self, inputs: int | tuple[int, ...], outputs: int) -> nn.Module:
        """Build a model for rows of a length or shape, and a number of outputs."""
        model = _called("--model", self.name, self.function, inputs=inputs, outputs=outputs)
        if not isinstance(model, nn.Module):
            raise CompareError(
                f"--model {self.name!r} returned {type(model).__name__}; "
                "it must return a torch.nn.Module"
            )
        if not any(one.requires_grad for one in model.parameters()):
            raise CompareError(f"--model {self.name!r} has no parameters to train")
        if any(isinstance(one, nn.UninitializedParameter) for one in model.parameters()):
            raise CompareError(
                f"--model {self.name!r} has lazy layers, which have no weights before they run; "
                "give them their sizes: inputs= tells how long a row is"
            )
        return model

    def failed(self, error: Exception) -> Exception:
        """Turn what the model raised while it was trained into a line that says where."""
        # What was raised on purpose, as by whoever watches the progress, is not the model's.
        frames = traceback.extract_tb(error.__traceback__)
        within = any("forward" in frame.name or "_call_impl" in frame.name for frame in frames)
        return CompareError(f"--model {self.name!r}: {_where(error)}") if within else error

    @property
    def code(self) -> str:
        """The line that imports what builds the model."""
        module, _, attribute = self.name.partition(":")
        return f"from {module} import {attribute.partition('.')[0]}"

    def call(self, inputs: int | tuple[int, ...], outputs: int) -> str:
        """Write the call that builds the model, with those arguments that it takes."""
        try:
            known = dict(inspect.signature(self.function).parameters)
        except (TypeError, ValueError):
            known = {}
        given = {"inputs": inputs, "outputs": outputs}
        arguments = ", ".join(f"{key}={value}" for key, value in given.items() if key in known)
        return f"{self.name.partition(':')[2]}({arguments})"

    def check(self, rows: Tensor, outputs: int) -> None:
        """Refuse a model whose outputs do not fit the target, or that is not built anew."""
        size = size_of(rows)
        model, other = self(size, outputs), self(size, outputs)
        trained = {id(one) for one in model.parameters() if one.requires_grad}
        if not trained.isdisjoint(map(id, other.parameters())):
            raise CompareError(
                f"--model {self.name!r} returns the same weights each time, which would go on from "
                "what was learnt before; build a new model in each call"
            )
        model.eval()
        try:
            with torch.no_grad():
                output = model(rows)
        except Exception as error:
            raise CompareError(f"--model {self.name!r}: {_where(error)}") from error
        many = len(rows)
        wanted: Sequence[tuple[int, ...]] = (
            [(many,), (many, 1)] if outputs == 1 else [(many, outputs)]
        )
        shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        if shape not in wanted:
            raise CompareError(
                f"--model {self.name!r} gives {shape} for {many} rows; it must give "
                f"{' or '.join(map(str, wanted))}, for this target"
            )
        if outputs > 1 and _normalised(output):
            raise CompareError(
                f"--model {self.name!r} gives rows that a softmax has made; the losses take raw "
                "logits: leave it out"
            )


def _normalised(output: Tensor) -> bool:
    """Whether every row holds probabilities, or their logarithms."""
    rows = output.double()
    one = torch.ones(len(rows), dtype=torch.float64)
    shares = bool((rows >= 0).all()) and torch.allclose(rows.sum(dim=1), one, atol=1e-4)
    return shares or torch.allclose(rows.exp().sum(dim=1), one, atol=1e-4)


def maker(model: str | Callable[..., Any] | None) -> Maker | None:
    """Take a model by its name, or a function that builds one."""
    if model is None:
        return None
    if isinstance(model, nn.Module):
        raise CompareError(
            f"model is a {type(model).__name__}; give a function that builds one, since each seed "
            "begins with a new model"
        )
    if isinstance(model, str):
        return Maker(model, function_named("--model", model))
    module = getattr(model, "__module__", "")
    return Maker(f"{module}:{getattr(model, '__qualname__', type(model).__name__)}", model)


def size_of(rows: Tensor) -> int | tuple[int, ...]:
    """Return the length of rows that are lists of numbers, and the shape of others."""
    shape = tuple(rows.shape[1:])
    return math.prod(shape) if len(shape) == 1 else shape
