"""What is known of libraries: calls of their functions, of their objects, and of methods."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from losskit.check.lint.branches import any_of
from losskit.check.lint.choices import Choice
from losskit.check.lint.containers import Chain, Made, Sequence
from losskit.check.lint.defaults import declared
from losskit.check.lint.definitions import Class, Frame, Instance, Partial, Super
from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.library import (
    data,
    frameworks,
    functions,
    layers,
    losses,
    python,
    rows,
    tensors,
    words,
)
from losskit.check.lint.library.distributions import of_distribution
from losskit.check.lint.library.flows import combined_flow
from losskit.check.lint.losses import face_of
from losskit.check.lint.machine import Machine
from losskit.check.lint.names import MODELLING, is_model
from losskit.check.lint.objects import library_bases
from losskit.check.lint.tables import inputs_and_targets, is_table, numbers, stays, transformed
from losskit.check.lint.values import (
    NONE,
    UNKNOWN,
    Arguments,
    Const,
    Library,
    Tensor,
    Trail,
    Unknown,
    Value,
)

__all__ = [
    "build_base",
    "call_base",
    "call_library",
    "call_made",
    "call_method",
    "unknown_method",
]

_MODEL_BASES = {"Module", "LightningModule", "PreTrainedModel", "Model", "Sequential"}


_ASIDE = re.compile(
    r"\._|\.(?:is|get|set|has)_\w+$|^torch\.(?:cuda|xpu|npu|mps|version|backends|distributed)\b"
)
"""What is private to a library, asks for something, or has to do with the machine it runs on."""


def call_library(
    machine: Machine, frame: Frame, callee: Library, given: Arguments, node: ast.AST
) -> Value:
    """Call a function or class of a library."""
    name, leaf, root = callee.name, callee.leaf, callee.root
    if root == "builtins":
        return python.builtin(machine, frame, leaf, given, node)
    machine.lively += MODELLING.search(root) is not None and _ASIDE.search(name) is None
    face = face_of(name, losses.named_settings(given))
    if face is not None:
        if face.built:
            losses.loss_built(machine, frame, face, given, node)
            return Made(name, given, node, frame.unit, face)
        return losses.call_loss(machine, frame, face, given, node)
    if leaf == "data_parallel" and len(given.positional) > 1:
        rest = Arguments((given.positional[1],))
        return machine.call(frame, given.positional[0], rest, node)
    passed = frameworks.passed_on(leaf, given)
    if passed is not None and not (leaf == "compile" and root == "re"):
        return passed
    frameworks.trained(machine, frame, callee, given, node)
    applied = layers.layer_applied(machine, frame, callee, given, node)
    if applied is not None:
        return applied
    if root in functions.TENSORS:
        found = functions.tensor_library(machine, frame, callee, given, node)
        if found is not None:
            return found
    found = _around(machine, frame, callee, given, node)
    if found is not None:
        return found
    first = given.get(0)
    if leaf in _CUTTING_OUT and isinstance(first, Tensor):
        return replace(first, rank=None, last=None, units=None)
    computed = losses.unseen_loss(leaf, given) if leaf[:1].islower() else None
    if computed is not None:
        return computed
    made = Made(name, given, node, frame.unit, None)
    layers.layer_built(machine, frame, made)
    return made


_CUTTING_OUT = {"crop", "center_crop", "pad", "resize", "flatten", "unpad", "upsample"}
"""Functions of modules that are not seen, by whose names one knows that they keep values."""


def _around(
    machine: Machine, frame: Frame, callee: Library, given: Arguments, node: ast.AST
) -> Value | None:
    """Call what has nothing to do with tensors, but leads to what has."""
    leaf, root = callee.leaf, callee.root
    if root == "functools" and leaf == "partial" and given.positional:
        rest = Arguments(given.positional[1:], given.named, given.open)
        return Partial(given.positional[0], rest)
    if leaf in {"OrderedDict", "defaultdict"}:
        return functions.ordered(given)
    kept = rows.memory(machine, frame, callee, given) or data.part_of_dataset(callee, given)
    if kept is not None:
        return kept
    if leaf in {"SimpleNamespace", "EasyDict", "Namespace", "Bunch"}:
        return Unknown(leaf)
    if leaf == "import_module":
        return words.imported(machine, frame, given, node)
    if leaf == "parse_args" or root in _OUTSIDE:
        return UNKNOWN
    both = inputs_and_targets(callee.name, given)
    if both is not None:
        return both
    if leaf == "train_test_split":
        return Sequence([one for one in given.positional for _ in range(2)])
    return None


_OUTSIDE = {"argparse", "hydra", "omegaconf", "yaml", "json", "os"}
"""Libraries whose values come from outside of the code."""


def call_made(machine: Machine, frame: Frame, made: Made, given: Arguments, node: ast.AST) -> Value:
    """Call an object of a library."""
    machine.lively += MODELLING.search(made.root) is not None
    if made.face is not None:
        return losses.call_loss(machine, frame, made.face, given, node, made)
    if made.leaf == "namedtuple":
        return python.record(made.arguments, given)
    found = frameworks.transformed(machine, frame, made, given, node)
    if found is not None:
        return found
    if "<head>" in made.data or made.root in functions.TENSORS | {
        "torchvision",
        "timm",
        "transformers",
        "efficientnet_pytorch",
        "segmentation_models_pytorch",
        "pretrainedmodels",
    }:
        found = layers.layer_called(machine, frame, made, given, node)
        if found is not None:
            return found
    if made.leaf == "Model" and made.root in {"keras", "tensorflow"}:
        outputs = made.arguments.get(1, "outputs") or UNKNOWN
        items = outputs.items if isinstance(outputs, Sequence) else None
        return items[0] if items is not None and len(items) == 1 else outputs
    if made.leaf[:1].isupper() and made.root in functions.TENSORS | {"transformers"}:
        return Unknown("", Flow.MODEL)
    if "<model>" in made.data:
        return Unknown("", Flow.CUT if machine.ungraded else Flow.MODEL)
    return layers.unseen_layer(machine, frame, made, given, node) or (
        losses.unseen_loss(made.leaf, given) or UNKNOWN
    )


def call_method(
    machine: Machine, frame: Frame, owner: Value, name: str, given: Arguments, node: ast.AST
) -> Value:
    """Call a method that no class of the code defines."""
    if isinstance(owner, Choice):
        return UNKNOWN
    if isinstance(owner, Tensor):
        found = tensors.apply(machine, frame, name, owner, given, node)
        return Tensor(flow=owner.flow, cut=owner.cut) if found is None else found
    if name == "compile" and _is_keras(owner):
        return frameworks.compiled(machine, frame, owner, given, node)
    found = python.container_method(machine, frame, owner, name, given, node)
    if found is not None:
        return found
    if isinstance(owner, Super):
        if name == "__init__":
            build_base(machine, frame, owner.owner, given, node)
            return NONE
        if name in {"forward", "__call__"}:
            return call_base(machine, frame, owner.owner, given, node)
        return UNKNOWN
    if isinstance(owner, Instance):
        return _instance_method(machine, frame, owner, name, given, node)
    if isinstance(owner, Class) and name == "apply":
        return _autograd(machine, frame, owner, given, node)
    if isinstance(owner, Made) and name in _OF_MODELS:
        machine.write(owner, "<model>", Const(True))
    if name in frameworks.MOVING:
        return owner
    if isinstance(owner, Made):
        return _made_method(machine, frame, owner, name, given, node)
    return UNKNOWN


_OF_MODELS = {"parameters", "named_parameters", "state_dict", "load_state_dict", "train", "eval"}
"""Methods by which one knows a model that comes from elsewhere."""


def _backward(machine: Machine, frame: Frame, given: Arguments, node: ast.AST) -> None:
    """``accelerator.backward(loss)`` and the like."""
    first = given.get(0, "loss")
    if first is not None:
        machine.gradient_taken(frame, first, node)


def unknown_method(
    machine: Machine, frame: Frame, owner: Unknown, name: str, given: Arguments, node: ast.AST
) -> Value | None:
    """Call a method of something unknown, if it is one that tensors have."""
    if name in {"backward", "manual_backward"}:
        _backward(machine, frame, given, node)
        return NONE
    passed = frameworks.passed_on(name, given)
    if passed is not None:
        return passed
    if name in {"add_argument", "set_defaults"}:
        found = declared(given) if name == "add_argument" else dict(given.named)
        for key, value in found.items():
            either = [machine.questions.options[key]] if key in machine.questions.options else []
            machine.questions.options[key] = any_of([*either, value], node)
        return UNKNOWN
    if name in {"get", "values", "items", "keys", "pop"}:
        key = given.const(0)
        return Unknown(key if isinstance(key, str) else "", owner.flow)
    if name in frameworks.MOVING:
        return owner
    return tensors.apply(machine, frame, name, owner, given, node)


def _is_keras(owner: Value) -> bool:
    if isinstance(owner, Chain):
        return owner.keras
    if isinstance(owner, Made):
        return owner.leaf == "Model" and owner.root in {"keras", "tensorflow", "tf_keras"}
    if isinstance(owner, Instance):
        roots = {base.root for base in library_bases(owner.kind)}
        return bool(roots & {"keras", "tensorflow", "tf_keras"})
    return False


def _made_method(
    machine: Machine, frame: Frame, owner: Made, name: str, given: Arguments, node: ast.AST
) -> Value:
    if name in {"forward", "__call__", "call"}:
        return call_made(machine, frame, owner, given, node)
    if name in {"backward", "manual_backward"}:
        _backward(machine, frame, given, node)
        return NONE
    passed = frameworks.passed_on(name, given)
    if passed is not None:
        return passed
    if name in {"from_pretrained", "from_name"}:
        return Made(owner.name, given, node, frame.unit, None)
    if stays(owner, name):
        return owner
    scaled = transformed(owner, name, given)
    if scaled is not None:
        return scaled
    if name in {"to_numpy", "values"} and is_table(owner):
        return numbers()
    drawn = of_distribution(frame.unit, owner, name, given, node)
    if drawn is not None:
        return drawn
    if name == "create" and owner.root == "flax":
        return Made(f"{owner.name}.create", given, node, frame.unit, None)
    if owner.leaf == "Tensor":
        return UNKNOWN
    if owner.leaf == "MultiLabelBinarizer" and name.endswith("transform"):
        trail = Trail(frame.unit, node, "several labels of a row are set to 1")
        return Tensor(Kind.MULTI_HOT, Flow.DATA, trail)
    if data.is_data(name):
        return Unknown(name, Flow.DATA)
    return Unknown("", Flow.CUT if machine.ungraded else Flow.UNKNOWN)


def _instance_method(
    machine: Machine, frame: Frame, owner: Instance, name: str, given: Arguments, node: ast.AST
) -> Value:
    """A method that a library's base class brings."""
    bases = library_bases(owner.kind)
    if name in {"apply", "bind"} and any(base.root in {"flax", "haiku"} for base in bases):
        rest = Arguments(given.positional[1:], given.named, given.open)
        return machine.call(frame, owner, rest, node)
    if name in frameworks.MOVING:
        return owner
    if name == "manual_backward":
        _backward(machine, frame, given, node)
        return NONE
    if name in {"add_module", "register_module"}:
        key, value = given.const(0, "name"), given.get(1, "module")
        if isinstance(key, str) and value is not None:
            machine.write(owner, key, value)
            chain = owner.data.get("<chain>")
            if isinstance(chain, Chain):
                machine.write(chain, key, value)
        return NONE
    if name == "register_buffer":
        key, value = given.const(0, "name"), given.get(1, "tensor")
        if isinstance(key, str) and value is not None:
            machine.write(owner, key, value)
        return NONE
    if name == "append":
        chain, value = owner.data.get("<chain>"), given.get(0)
        if isinstance(chain, Chain) and value is not None:
            machine.write(chain, str(len(chain.data)), value)
        return NONE
    if name == "__call__":
        return machine.call(frame, owner, given, node)
    passed = frameworks.passed_on(name, given)
    if passed is not None:
        return passed
    return _given_by(machine, name)


def _given_by(machine: Machine, name: str) -> Value:
    """What a method gives that is set from elsewhere, such as a model."""
    if machine.ungraded:
        return Unknown("", Flow.CUT)
    return Unknown("", Flow.MODEL) if is_model(name) else Unknown(name)


def _autograd(
    machine: Machine, frame: Frame, owner: Class, given: Arguments, node: ast.AST
) -> Value:
    """``Function.apply`` of a function with its own gradient."""
    flow, trail = combined_flow(list(given.positional))
    del machine, frame, owner, node
    return Tensor(flow=Flow.UNKNOWN if flow is Flow.CUT else flow, cut=trail)


def build_base(
    machine: Machine, frame: Frame, made: Instance, given: Arguments, node: ast.AST
) -> None:
    """Run the constructor of the library's class from which an object's class is derived."""
    for base in library_bases(made.kind):
        if base.leaf == "Sequential":
            machine.write(made, "<chain>", functions.chain(given, keras=base.root != "torch"))
            return
        face = face_of(base.name, losses.named_settings(given))
        if face is not None and face.built:
            machine.write(made, "<made>", Made(base.name, given, node, frame.unit, face))
            return
        if base.leaf[:1].isupper() and layers.is_layer(base.leaf):
            machine.write(made, "<made>", Made(base.name, given, node, frame.unit, None))
            return
    # A class out of sight keeps what it gets under the names that it has here.
    names = [one.id if isinstance(one, ast.Name) else "" for one in getattr(node, "args", ())]
    kept = dict(zip(names, given.positional, strict=False)) | given.named
    for name, value in kept.items():
        if name and isinstance(value, (Chain, Instance, Made)) and name not in made.data:
            machine.write(made, name, value)


def call_base(
    machine: Machine, frame: Frame, owner: Instance, given: Arguments, node: ast.AST
) -> Value:
    """Call an object whose class leaves the work to a library's class."""
    for name in ("<chain>", "<made>"):
        inner = owner.data.get(name)
        if inner is not None:
            return machine.call(frame, inner, given, node)

    if any(base.leaf in _MODEL_BASES for base in library_bases(owner.kind)):
        return Unknown("", Flow.MODEL)
    return UNKNOWN
