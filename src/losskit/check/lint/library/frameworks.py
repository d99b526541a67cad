"""Training frameworks: where they give a model's output to a loss."""

from __future__ import annotations

import ast
import re

from losskit.check.lint.choices import options
from losskit.check.lint.containers import Chain, Dictionary, Made, Sequence
from losskit.check.lint.definitions import Bound, Class, Frame, Function, Instance, Partial
from losskit.check.lint.kinds import Flow
from losskit.check.lint.library.losses import take
from losskit.check.lint.losses import LossFace, face_of, face_of_word
from losskit.check.lint.machine import Machine
from losskit.check.lint.names import leaf_of
from losskit.check.lint.objects import find_in_class
from losskit.check.lint.units import Unit
from losskit.check.lint.values import NONE, UNKNOWN, Arguments, Const, Library, Unknown, Value
from losskit.core.contracts import CLASS_INDICES, LOG_PROBABILITIES

__all__ = ["MOVING", "WRAPPERS", "compiled", "passed_on", "trained", "transformed"]

WRAPPERS = frozenset(
    [
        "DataParallel",
        "DistributedDataParallel",
        "FullyShardedDataParallel",
        "convert_sync_batchnorm",
        "script",
        "compile",
        "optimize",
        "prepare_model",
        "DDP",
        "FSDP",
        "checkpoint_wrapper",
        "weight_norm",
        "spectral_norm",
        "torch_compile",
        "distribute_module",
        "prepare_model_for_kbit_training",
        "get_peft_model",
        "tqdm",
        "trange",
        "EpochIterator",
        "track",
        "progress",
    ]
)
"""What gives back its first argument, wrapped."""

MOVING = frozenset(
    [
        "to",
        "cuda",
        "cpu",
        "half",
        "float",
        "double",
        "bfloat16",
        "eval",
        "train",
        "requires_grad_",
        "apply",
        "share_memory",
        "type",
        "xpu",
        "compile",
        "to_empty",
        "zero_grad",
        "set_train",
        "set_eval",
        "deepcopy",
        "clone",
    ]
)
"""Methods after which a module is what it was."""

_PREPARING = frozenset({"prepare", "setup", "initialize", "setup_module"})

_TRANSFORMS = frozenset(
    [
        "jit",
        "vmap",
        "pmap",
        "grad",
        "value_and_grad",
        "checkpoint",
        "remat",
        "shard_map",
        "filter_jit",
        "filter_grad",
        "filter_value_and_grad",
        "filter_vmap",
        "function",
    ]
)

_TRAINERS = {
    "NeuralNetClassifier",
    "NeuralNetBinaryClassifier",
    "NeuralNetRegressor",
    "NeuralNet",
    "Learner",
    "vision_learner",
    "cnn_learner",
    "unet_learner",
    "tabular_learner",
    "create_supervised_trainer",
    "Model",
    "Runner",
    "Trial",
}
_TRAINER_ROOTS = {"skorch", "fastai", "ignite", "catalyst", "poutyne", "torchbearer"}
_MODEL_NAMES = ("module", "model", "arch", "network", "net")
_LOSS_NAMES = ("criterion", "loss_func", "loss_fn", "loss_function")


def passed_on(callee: str, given: Arguments) -> Value | None:
    """Return what a wrapper or ``accelerator.prepare`` gives back."""
    if callee in WRAPPERS or (callee == "scale" and given.positional):
        first = given.get(0, "model", "module", "iterable")
        if "Parallel" in callee and (first is None or isinstance(first, Unknown)):
            return Unknown("model", Flow.MODEL)
        return UNKNOWN if first is None else first
    if callee in _PREPARING and given.values():
        values = given.values()
        return values[0] if len(values) == 1 else Sequence(values)
    if callee == "deepcopy" and given.positional:
        return given.positional[0]
    return None


def transformed(
    machine: Machine, frame: Frame, made: Made, given: Arguments, node: ast.AST
) -> Value | None:
    """Call what JAX made of a function."""
    if made.leaf not in _TRANSFORMS or not made.arguments.values():
        return None
    function = made.arguments.get(0, "fun", "func", "f")
    if function is None:
        return None
    result = machine.call(frame, function, given, node)
    if made.leaf in {"value_and_grad", "filter_value_and_grad"}:
        return Sequence((result, UNKNOWN))
    return UNKNOWN if "grad" in made.leaf else result


def trained(
    machine: Machine, frame: Frame, library: Library, given: Arguments, node: ast.AST
) -> None:
    """Let the loss that a trainer is given take the output of its model."""
    if library.root in {"torch", "builtins", "tensorflow", "keras", "jax"}:
        return
    if library.leaf == "watch":  # of wandb, which takes a loss and does not call it
        return
    known = library.root in _TRAINER_ROOTS and library.leaf in _TRAINERS
    if not known and not any(name in given.named for name in _LOSS_NAMES):
        return
    model = next((given.named[name] for name in _MODEL_NAMES if name in given.named), None)
    loss = next((given.named[name] for name in _LOSS_NAMES if name in given.named), None)
    if model is None:
        at = 1 if "earner" in library.leaf else 0
        model = given.get(at)
    if loss is None and library.leaf == "create_supervised_trainer":
        loss = given.get(2)
    if model is None or loss is None:
        return
    model = _object(machine, frame, model, node)
    face = face_of(loss.name, {}) if isinstance(loss, Library) else None
    if face is None or face.built:
        loss = _object(machine, frame, loss, node)
    if not isinstance(model, (Instance, Chain)):
        return
    if not isinstance(loss, (Made, Instance, Library, Function, Partial)):
        return
    face = loss.face if isinstance(loss, Made) else face
    if "skorch" in library.root and face is not None and _takes_logarithm_itself(face):
        # skorch takes the logarithm of what the module gives before it calls this loss.
        return
    output = machine.call(frame, model, Arguments((Unknown("", Flow.DATA),)), node)
    at = {"create_supervised_trainer": 2}.get(library.leaf, 99)
    names = [one for one in _LOSS_NAMES if one in given.named]
    where = _argument_node(node, names[0] if names else "", at)
    machine.call(frame, loss, Arguments((output, Unknown("", Flow.DATA))), where)


def _takes_logarithm_itself(face: LossFace) -> bool:
    return face.contract is LOG_PROBABILITIES and CLASS_INDICES in face.targets


def _object(machine: Machine, frame: Frame, value: Value, node: ast.AST) -> Value:
    """Return an object where a class is given."""
    if isinstance(value, (Class, Library)):
        return machine.call(frame, value, Arguments(), node)
    return value


def compiled(
    machine: Machine, frame: Frame, model: Value, given: Arguments, node: ast.AST
) -> Value:
    """``model.compile`` of Keras: its loss takes what the model gives."""
    loss = given.get(1, "loss")
    if loss is None or (frame.function is None and _only_reads(frame.unit)):
        return NONE
    if _only_others_fit(frame.unit, node):
        return NONE
    inputs = Arguments((Unknown("", Flow.DATA),))
    if isinstance(model, Made):
        output = model.arguments.get(1, "outputs", "output")
        if output is None:
            return NONE
    else:
        output = machine.call(frame, model, inputs, node)
    if isinstance(loss, (Sequence, Dictionary)) or isinstance(output, (Sequence, Dictionary)):
        return NONE
    where = _argument_node(node, "loss", 1)
    for one, guards in options(loss):
        face, made, settings = _keras_loss(one)
        if _is_own_loss(one):
            own = Arguments((Unknown("y_true", Flow.DATA), output))
            with machine.under(guards):
                machine.gradient_taken(frame, machine.call(frame, one, own, where), where)
        if face is None or face.library != "Keras":
            continue
        with machine.under(guards):
            values = {"input": output, "target": Unknown("", Flow.DATA)}
            names = [argument.name for argument in face.card.arguments]
            values = dict(zip(names, values.values(), strict=False))
            take(machine, frame, face, values, {}, settings, where, made)
    return NONE


def _only_others_fit(unit: Unit, node: ast.AST) -> bool:
    """Whether a file trains other models, and not this one, such as a generator by itself."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    own = ast.unparse(node.func.value).startswith("self.")
    fitted, compiled = unit.recall(
        "fitted",
        unit.tree,
        lambda: (set(_FITS.findall(unit.source)), set(_COMPILES.findall(unit.source))),
    )
    return own and leaf_of(node.func.value) not in fitted and not fitted.isdisjoint(compiled)


_COMPILES = re.compile(r"(\w+)\.compile\(")


def _only_reads(unit: Unit) -> bool:
    """Whether a file compiles a model to read its weights, and trains nothing."""
    return ".load_weights(" in unit.source and _FITS.search(unit.source) is None


_FITS = re.compile(r"(\w*)\.(?:fit\w*|train_\w+|evaluate\w*|test_on_batch)\(")


def _is_own_loss(value: Value) -> bool:
    """Whether something is a function, a method or an object of the code that Keras can call."""
    if isinstance(value, Instance):
        return any(find_in_class(value.kind, name) for name in ("call", "__call__"))
    if isinstance(value, Bound):
        return isinstance(value.function, Function) and _takes_both(value.function)
    return isinstance(value, Partial) or (isinstance(value, Function) and _takes_both(value))


def _takes_both(function: Function) -> bool:
    """Whether a function can be called with targets and predictions, as Keras calls a loss."""
    given = function.node.args
    return given.vararg is not None or len(given.posonlyargs) + len(given.args) > 1


def _keras_loss(loss: Value) -> tuple[LossFace | None, Made | None, dict[str, Value]]:
    if isinstance(loss, Const) and isinstance(loss.value, str):
        return face_of_word(loss.value), None, {}
    if isinstance(loss, Made) and loss.face is not None:
        return loss.face, loss, dict(loss.arguments.named)
    if isinstance(loss, Library):
        return face_of(loss.name, {}), None, {}
    return None, None, {}


def _argument_node(node: ast.AST, name: str, at: int) -> ast.AST:
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg == name:
                return keyword.value
        if at < len(node.args):
            return node.args[at]
    return node
