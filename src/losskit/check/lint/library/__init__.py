"""What is known of libraries: calls of their functions, of their objects, and of methods."""

from __future__ import annotations

import ast
from dataclasses import replace

from losskit.check.lint.kinds import Flow, Kind
from losskit.check.lint.library import data, frameworks, layers, losses, python, tensors
from losskit.check.lint.losses import face_of
from losskit.check.lint.machine import Machine
from losskit.check.lint.objects import library_bases
from losskit.check.lint.values import (
    NONE,
    UNKNOWN,
    Arguments,
    Chain,
    Choice,
    Class,
    Const,
    Dictionary,
    Frame,
    Function,
    Instance,
    Library,
    Made,
    Partial,
    Sequence,
    Super,
    Tensor,
    Trail,
    Unknown,
    Value,
    join,
    options,
)

__all__ = [
    "build_base",
    "call_base",
    "call_library",
    "call_made",
    "call_method",
    "unknown_method",
]

_TENSORS = {
    "torch",
    "numpy",
    "jax",
    "tensorflow",
    "keras",
    "flax",
    "scipy",
    "losskit",
    "tf_keras",
    "haiku",
    "einops",
    "cupy",
}
_MODEL_BASES = {"Module", "LightningModule", "PreTrainedModel", "Model", "Sequential"}


def call_library(
    machine: Machine, frame: Frame, callee: Library, given: Arguments, node: ast.AST
) -> Value:
    """Call a function or class of a library."""
    name, leaf, root = callee.name, callee.leaf, callee.root
    if root == "builtins":
        return python.builtin(machine, frame, leaf, given, node)
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
    if root in _TENSORS:
        found = _tensor_library(machine, frame, callee, given, node)
        if found is not None:
            return found
    if root == "functools" and leaf == "partial" and given.positional:
        rest = Arguments(given.positional[1:], given.named, given.open)
        return Partial(given.positional[0], rest)
    if leaf == "OrderedDict" or leaf == "defaultdict":
        return _ordered(given)
    if leaf in {"namedtuple", "SimpleNamespace", "EasyDict", "Namespace", "Bunch"}:
        return Unknown(leaf)
    if leaf == "parse_args" or root in {"argparse", "hydra", "omegaconf", "yaml", "json", "os"}:
        return UNKNOWN
    if leaf == "import_module":
        return UNKNOWN
    return Made(name, given, node, frame.unit, None)


def _ordered(given: Arguments) -> Value:
    first = given.get(0)
    if isinstance(first, Dictionary):
        return Dictionary(dict(first.data), open=first.open)
    if isinstance(first, Sequence) and first.items is not None:
        made = Dictionary()
        for item in first.items:
            if isinstance(item, Sequence) and item.items is not None and len(item.items) == 2:
                key, value = item.items
                made.data[key.value if isinstance(key, Const) else f"<{len(made.data)}>"] = value
        return made
    return Dictionary()


def _tensor_library(
    machine: Machine, frame: Frame, callee: Library, given: Arguments, node: ast.AST
) -> Value | None:
    """Call something of a library of tensors; None where it is not known."""
    leaf, name = callee.leaf, callee.name
    if leaf == "Sequential":
        return _chain(given, keras=callee.root in {"keras", "tensorflow", "tf_keras"})
    if leaf == "ModuleList":
        first = given.get(0, "modules")
        if isinstance(first, Sequence):
            return Sequence(first.items, first.each)
        return Sequence(() if first is None else None)
    if leaf == "ModuleDict":
        return _ordered(given)
    if leaf == "pad_sequence":
        return data.padded(frame, given, node)
    if leaf in {"cat", "concat", "concatenate", "stack", "hstack", "vstack"}:
        return _together(given)
    if leaf in {"where"} and len(given.positional) == 3:
        return _chosen(given.positional)
    if leaf in {"tensor", "as_tensor", "asarray", "array", "FloatTensor", "LongTensor", "Tensor"}:
        return _made_tensor(frame, leaf, given, node)
    if leaf in {
        "zeros",
        "ones",
        "zeros_like",
        "ones_like",
        "full",
        "full_like",
        "empty",
        "arange",
        "randint",
        "eye",
    }:
        if isinstance(given.named.get("requires_grad"), Const):
            return UNKNOWN
        return Tensor(flow=Flow.DATA)
    if leaf == "Variable" or name.endswith("autograd.Variable"):
        first = given.get(0)
        if isinstance(first, Unknown):
            return first
        return UNKNOWN if first is None else first
    if leaf in {"Linear", "Dense"} and not given.values():
        return UNKNOWN
    if leaf[:1].isupper():
        return None
    operand = given.get(0, "input", "x", "a", "logits", "self", "features")
    if leaf == "rearrange" or leaf == "reduce":
        return (
            UNKNOWN
            if operand is None
            else tensors.apply(machine, frame, "rearrange", operand, Arguments(), node)
        )
    if isinstance(operand, Const) and any(isinstance(o, Tensor) for o in given.positional):
        flow, trail = tensors.combined_flow(list(given.positional))
        return Tensor(flow=flow, cut=trail)
    if operand is None or isinstance(operand, (Const, Function, Class)):
        return None
    if leaf in {"linear", "conv1d", "conv2d", "conv3d"} and len(given.values()) > 1:
        flow, trail = tensors.combined_flow(list(given.values()))
        if flow in {Flow.DATA, Flow.CUT}:
            return Tensor(flow=flow, cut=trail)
        return Tensor(Kind.RAW, flow, Trail(frame.unit, node, f"{leaf} gives raw scores"))
    skip = {"input", "x", "a", "self", "features"} | (
        {"logits"} if "logits" in given.named else set()
    )
    rest = Arguments(
        given.positional[1:],
        {key: value for key, value in given.named.items() if key not in skip},
        given.open,
    )
    if leaf in tensors.WITH_AXIS and callee.root != "torch" and rest.get(0, "dim", "axis") is None:
        # Everywhere but in PyTorch a softmax goes over the last axis.
        rest.named["axis"] = Const(-1)
    if "linalg" in name or leaf in {"matmul", "bmm", "einsum", "mm", "dot", "norm"}:
        flow, trail = tensors.combined_flow(list(given.positional))
        return Tensor(flow=flow, cut=trail)
    found = tensors.apply(machine, frame, leaf, operand, rest, node)
    if found is not None:
        return found
    if leaf in {"load", "device"}:
        return UNKNOWN
    flow, trail = tensors.combined_flow(list(given.positional))
    if isinstance(operand, Tensor):
        return Tensor(flow=flow, cut=trail)
    return Unknown("", flow) if isinstance(operand, Unknown) else None


def _chain(given: Arguments, *, keras: bool) -> Value:
    first = given.get(0, "layers")
    if isinstance(first, Dictionary):
        return Chain(dict(first.data), keras=keras)
    if keras and isinstance(first, Sequence):
        layers_given = first.items or ()
    elif given.open:
        return UNKNOWN
    else:
        layers_given = given.positional
    return Chain({str(at): layer for at, layer in enumerate(layers_given)}, keras=keras)


def _together(given: Arguments) -> Value:
    """Tensors that are put together are what all of them are."""
    first = given.get(0, "tensors", "values", "arrays")
    items = first.items if isinstance(first, Sequence) else None
    if items is None:
        if isinstance(first, Sequence):
            each = tensors.as_tensor(first.each)
            return (
                UNKNOWN
                if each is None
                else tensors.data_tensor(each)
                if not isinstance(first.each, Tensor)
                else Tensor(each.kind, each.flow, each.trail, each.cut)
            )
        return UNKNOWN
    found = [one for item in items for one, _ in options(item)]
    flow, cut = tensors.combined_flow(list(found))
    kinds = {one.kind for one in found if isinstance(one, Tensor)}
    whole = all(isinstance(one, Tensor) for one in found) and len(kinds) == 1
    trail = found[0].trail if whole and isinstance(found[0], Tensor) else None
    return Tensor(kinds.pop() if whole else Kind.UNKNOWN, flow, trail, cut)


def _chosen(values: tuple[Value, ...]) -> Value:
    """``where(condition, a, b)``."""
    found = _together(Arguments((Sequence(values[1:]),)))
    flow, cut = tensors.combined_flow(list(values))
    return replace(found, flow=flow, cut=cut) if isinstance(found, Tensor) else found


def _made_tensor(frame: Frame, leaf: str, given: Arguments, node: ast.AST) -> Value:
    """``torch.tensor(...)`` makes a tensor that remembers nothing."""
    first = given.get(0, "data")
    if isinstance(first, Choice):
        return join(
            (
                _made_tensor(
                    frame, leaf, Arguments((one, *given.positional[1:]), given.named), node
                ),
                guards,
            )
            for one, guards in first.among
        )
    tensor = tensors.as_tensor(first) if first is not None else None
    if isinstance(first, Sequence) and first.padding is not None:
        trail = Trail(frame.unit, node, "a list that was filled up becomes a tensor")
        return Tensor(flow=Flow.DATA, trail=trail, padding=first.padding)
    if isinstance(first, (Sequence, Const)):
        inner = first.items if isinstance(first, Sequence) else ()
        if any(isinstance(one, Tensor) for one in inner or ()):
            flow, _ = tensors.combined_flow(list(inner or ()))
            made = Tensor(flow=flow)
            return tensors.cut(made, frame.unit, node, f"torch.{leaf}() makes a new tensor")
        return Tensor(flow=Flow.DATA)
    if tensor is None:
        return UNKNOWN
    if leaf in {"as_tensor", "asarray", "array"} or "grad" in "".join(given.named):
        return tensor if leaf != "array" else tensors.data_tensor(tensor)
    if tensor.flow is Flow.UNKNOWN and not isinstance(first, Tensor):
        return UNKNOWN
    if tensor.flow is Flow.UNKNOWN and tensor.kind is not Kind.LOSS:
        # What it is made of may well be data.
        return replace(tensor, flow=Flow.UNKNOWN)
    return tensors.cut(tensor, frame.unit, node, f"torch.{leaf}() makes a new tensor")


def call_made(machine: Machine, frame: Frame, made: Made, given: Arguments, node: ast.AST) -> Value:
    """Call an object of a library."""
    if made.face is not None:
        return losses.call_loss(machine, frame, made.face, given, node, made)
    found = frameworks.transformed(machine, frame, made, given, node)
    if found is not None:
        return found
    if made.root in _TENSORS | {
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
        return made.arguments.get(1, "outputs") or UNKNOWN
    if made.leaf[:1].isupper() and made.root in _TENSORS | {"transformers"}:
        return Unknown("", Flow.MODEL)
    return UNKNOWN


def call_method(
    machine: Machine, frame: Frame, owner: Value, name: str, given: Arguments, node: ast.AST
) -> Value:
    """Call a method that no class of the code defines."""
    if isinstance(owner, Choice):
        return UNKNOWN
    if isinstance(owner, Tensor):
        found = tensors.apply(machine, frame, name, owner, given, node)
        return Tensor(flow=owner.flow, cut=owner.cut) if found is None else found
    if isinstance(owner, tensors.Pair) and name in owner.named:
        return owner.named[name]
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
    if name in frameworks.MOVING:
        return owner
    if isinstance(owner, Made):
        return _made_method(machine, frame, owner, name, given, node)
    return UNKNOWN


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
    if owner.root == "argparse":
        return Unknown("args")
    passed = frameworks.passed_on(name, given)
    if passed is not None:
        return passed
    if name in {"from_pretrained", "from_name"}:
        return Made(owner.name, given, node, frame.unit, None)
    if name == "create" and owner.root == "flax":
        return Made(f"{owner.name}.create", given, node, frame.unit, None)
    if owner.leaf == "Tensor":
        return UNKNOWN
    flow = Flow.UNKNOWN
    if data.is_data(name):
        return Unknown(name, Flow.DATA)
    return Unknown("", flow)


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
        key, value = given.const(0), given.get(1)
        if isinstance(key, str) and value is not None:
            machine.write(owner, key, value)
            chain = owner.data.get("<chain>")
            if isinstance(chain, Chain):
                machine.write(chain, key, value)
        return NONE
    if name == "register_buffer":
        key, value = given.const(0), given.get(1)
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
    return Unknown(name)


def _autograd(
    machine: Machine, frame: Frame, owner: Class, given: Arguments, node: ast.AST
) -> Value:
    """``Function.apply`` of a function with its own gradient."""
    flow, trail = tensors.combined_flow(list(given.positional))
    del machine, frame, owner, node
    return Tensor(flow=Flow.UNKNOWN if flow is Flow.CUT else flow, cut=trail)


def build_base(
    machine: Machine, frame: Frame, made: Instance, given: Arguments, node: ast.AST
) -> None:
    """Run the constructor of the library's class from which an object's class is derived."""
    for base in library_bases(made.kind):
        if base.leaf == "Sequential":
            machine.write(made, "<chain>", _chain(given, keras=base.root != "torch"))
            return
        face = face_of(base.name, losses.named_settings(given))
        if face is not None and face.built:
            machine.write(made, "<made>", Made(base.name, given, node, frame.unit, face))
            return
        if base.leaf[:1].isupper() and layers.is_layer(base.leaf):
            machine.write(made, "<made>", Made(base.name, given, node, frame.unit, None))
            return


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
