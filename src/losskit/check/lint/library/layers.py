"""Layers and models that libraries bring: what they give."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from losskit.check.lint.choices import Choice, join
from losskit.check.lint.containers import Dictionary, Made, Sequence
from losskit.check.lint.definitions import Frame
from losskit.check.lint.facts import Activation
from losskit.check.lint.kinds import ACTIVATIONS, IN_LOGS, PROBABLE, Flow, Kind
from losskit.check.lint.library.activations import WITH_AXIS, activated
from losskit.check.lint.library.data import is_packed, packed
from losskit.check.lint.library.flows import as_tensor
from losskit.check.lint.library.tensors import apply
from losskit.check.lint.machine import Machine
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
    "activation_of",
    "is_layer",
    "layer_applied",
    "layer_built",
    "layer_called",
    "unseen_layer",
]

_LAYERS = {
    "Softmax": "softmax",
    "Softmax2d": "softmax",
    "Softmin": "softmin",
    "LogSoftmax": "log_softmax",
    "Sigmoid": "sigmoid",
    "Hardsigmoid": "hardsigmoid",
    "LogSigmoid": "logsigmoid",
    "Tanh": "tanh",
    "Hardtanh": "hardtanh",
    "ReLU": "relu",
    "ReLU6": "relu6",
    "Softplus": "softplus",
    "GELU": "gelu",
    "ELU": "elu",
    "SELU": "selu",
    "SiLU": "silu",
    "LeakyReLU": "leaky_relu",
    "Mish": "mish",
}
"""Class of an activation → its function."""

# Class → position and names of the argument that says how many outputs there are.
_WEIGHED: dict[str, tuple[int, tuple[str, ...], bool]] = {
    "Linear": (1, ("out_features",), True),
    "LazyLinear": (0, ("out_features",), True),
    "Bilinear": (2, ("out_features",), True),
    "Conv1d": (1, ("out_channels",), False),
    "Conv2d": (1, ("out_channels",), False),
    "Conv3d": (1, ("out_channels",), False),
    "ConvTranspose1d": (1, ("out_channels",), False),
    "ConvTranspose2d": (1, ("out_channels",), False),
    "ConvTranspose3d": (1, ("out_channels",), False),
    "Dense": (0, ("units", "features", "output_dim"), True),
    "Conv1D": (0, ("filters",), False),
    "Conv2D": (0, ("filters",), False),
    "Conv3D": (0, ("filters",), False),
    "Conv2DTranspose": (0, ("filters",), False),
    "SeparableConv2D": (0, ("filters",), False),
    "Convolution1D": (0, ("nb_filter", "filters"), False),
    "Convolution2D": (0, ("nb_filter", "filters"), False),
    "Convolution3D": (0, ("nb_filter", "filters"), False),
    "Deconvolution2D": (0, ("nb_filter",), False),
    "Conv": (0, ("features",), False),
}
# Functions of TensorFlow 1 → the layer that each makes and applies.
_APPLIED = {
    "dense": "Dense",
    "fully_connected": "Dense",
    "conv1d": "Conv1D",
    "conv2d": "Conv2D",
    "conv3d": "Conv3D",
    "conv2d_transpose": "Conv2DTranspose",
}
_KEEPING = re.compile(
    r"^(Dropout\w*|SpatialDropout\w*|AlphaDropout|FeatureAlphaDropout|Identity|Flatten|Unflatten|"
    r"Reshape|Permute|Up[sS]ampl\w*|Cropping\w*|ZeroPad\w*|\w*Pool\w*|PixelShuffle|Rearrange)$"
)
_NORMALISING = re.compile(r"^(Lazy)?(Batch|Layer|Instance|Group|RMS)\w*Norm\w*$")
_RECURRENT = {"LSTM", "GRU", "RNN"}

_MODELS = {"torchvision", "timm", "efficientnet_pytorch", "pretrainedmodels", "torch_hub"}
_NO_LOGITS = re.compile(r"detection|segmentation|optical_flow|inception|googlenet|rcnn|retina")


def is_layer(name: str) -> bool:
    """Whether a class of a library's name is a layer that is known here."""
    return (
        name in _LAYERS
        or name in _WEIGHED
        or bool(_KEEPING.match(name))
        or bool(_NORMALISING.match(name))
    )


def layer_built(machine: Machine, frame: Frame, made: Made) -> None:
    """Tell of a softmax that will not know its axis, whoever applies it."""
    name = _LAYERS.get(made.leaf, "")
    bare = not made.arguments.values() and not made.arguments.open
    if name in WITH_AXIS and made.root == "torch" and bare:
        built = Trail(made.unit, made.node, f"a layer of {name} is built")
        machine.tell(Activation(frame.unit, made.node, name, Tensor(), None, built))


def layer_called(
    machine: Machine, frame: Frame, made: Made, given: Arguments, node: ast.AST
) -> Value | None:
    """Apply a layer or a model of a library; None where it is not known."""
    hugging = made.root == "transformers" and "For" in made.name and "Classification" in made.name
    if "<head>" in made.data:
        inner = Arguments((Tensor(flow=Flow.MODEL),))
        given_by_head = machine.call(frame, made.data["<head>"], inner, node)
        return _output(given_by_head, given) if hugging else given_by_head
    if made.root in _MODELS or made.name.startswith("torch.hub"):
        return _model(made, node, frame)
    if made.root == "segmentation_models_pytorch":
        return _segmenter(machine, frame, made, node)
    if hugging:
        raw = Tensor(Kind.RAW, Flow.MODEL, Trail(frame.unit, node, f"{made.leaf} gives logits"))
        return _output(raw, given)
    value = given.get(0, "input", "x", "inputs", "x1")
    if made.leaf == "PairwiseDistance":
        return _distance(machine, frame, made, value, given, node)
    return _layer(machine, frame, made, UNKNOWN if value is None else value, node)


def _distance(
    machine: Machine,
    frame: Frame,
    made: Made,
    value: Value | None,
    given: Arguments,
    node: ast.AST,
) -> Value | None:
    """The distance of two rows, which may keep its axis."""
    tensor = None if value is None else as_tensor(value)
    other, kept = given.get(1, "x2"), made.arguments.get(2, "keepdim")
    if tensor is None or other is None:
        return None
    how = {} if kept is None else {"keepdim": kept}
    return apply(machine, frame, "pairwise_distance", tensor, Arguments((other,), how), node)


def unseen_layer(
    machine: Machine, frame: Frame, made: Made, given: Arguments, node: ast.AST
) -> Value | None:
    """Apply a layer that is not seen: what it was told to apply last is what it gives."""
    activation = made.arguments.named.get("activation")
    if made.leaf not in _WEIGHED or activation is None:
        return None
    if ACTIVATIONS.get(activation_of(activation)) not in PROBABLE | IN_LOGS:
        return None
    return _keras_activation(machine, frame, activation, Tensor(flow=Flow.MODEL), node, made)


def layer_applied(
    machine: Machine, frame: Frame, callee: Library, given: Arguments, node: ast.AST
) -> Value | None:
    """Call a function that makes a layer and applies it; None where it is none."""
    layer = _APPLIED.get(callee.leaf)
    slim = "contrib" in callee.name or "slim" in callee.name
    if layer is None or not (slim or callee.name.startswith("tensorflow.layers.")):
        return None
    value = given.get(0, "inputs")
    settings = dict(given.named)
    if slim:
        settings["activation"] = settings.get("activation_fn", Const("relu"))
        settings["units"] = settings["filters"] = settings.get("num_outputs", UNKNOWN)
    rest = Arguments(given.positional[1:], settings, given.open)
    made = Made(f"{callee.root}.{layer}", rest, node, frame.unit, None)
    return _weighed(machine, frame, made, UNKNOWN if value is None else value, node)


def _layer(machine: Machine, frame: Frame, made: Made, value: Value, node: ast.AST) -> Value | None:
    """Apply a layer."""
    leaf = made.leaf
    if leaf in _LAYERS:
        settings = made.arguments
        if leaf == "Softmax2d" or made.root != "torch":
            settings = Arguments((Const(1 if leaf == "Softmax2d" else -1),))
        return activated(machine, frame.unit, node, _LAYERS[leaf], value, settings, made)
    if leaf == "Activation":
        return _keras_activation(
            machine, frame, made.arguments.get(0, "activation"), value, node, made
        )
    if leaf in _WEIGHED:
        return _weighed(machine, frame, made, value, node)
    if _KEEPING.match(leaf):
        return _kept(machine, frame, leaf, made, value, node)
    if _NORMALISING.match(leaf):
        return _normalised(made, value, Trail(frame.unit, node, f"{leaf} is applied"))
    if leaf in _RECURRENT:
        return Sequence((_steps(made, value), Unknown("", Flow.MODEL)))
    if leaf == "Embedding":
        return Tensor(Kind.RAW, Flow.MODEL, Trail(frame.unit, node, "Embedding gives its weights"))
    if leaf in {"LSTMCell", "GRUCell", "RNNCell", "MultiheadAttention"}:
        return Unknown("", Flow.MODEL)
    return None


def _steps(made: Made, value: Value) -> Value:
    """What a recurrent layer gives for each step."""
    if is_packed(value):
        return packed(Tensor(flow=Flow.MODEL))
    given = as_tensor(value)
    rank = None if given is None else given.rank
    # Batches of sequences, but for those that surely are a single one. Elsewhere the first axis
    # may be that of the steps.
    first = made.arguments.const(4, "batch_first") is True
    return Tensor(flow=Flow.MODEL, rank=(rank or 3) if first else None)


def _normalised(made: Made, value: Value, trail: Trail) -> Tensor:
    """What a normalisation gives, in the shape that it got."""
    given = as_tensor(value) or Tensor()
    rank = given.rank or {"BatchNorm2d": 4, "BatchNorm3d": 5}.get(made.leaf)
    features = made.arguments.const(0, "num_features")
    if made.leaf == "BatchNorm1d" and given.last is not None and given.last == features:
        # Its second axis, and the last one of what it gets.
        rank = 2
    return Tensor(Kind.RAW, Flow.MODEL, trail, rank=rank, last=given.last)


def _output(logits: Value, given: Arguments) -> Value:
    """What a model of transformers gives: its loss stands first, where it got the labels."""
    return Dictionary({"logits": logits, int("labels" in given.named): logits}, open=True)


def _weighed(machine: Machine, frame: Frame, made: Made, value: Value, node: ast.AST) -> Value:
    if isinstance(value, Choice):
        return join(
            (_weighed(machine, frame, made, one, node), guards) for one, guards in value.among
        )
    at, names, last = _WEIGHED[made.leaf]
    units = made.arguments.const(at, *names)
    units = units if type(units) is int else None
    tensor = as_tensor(value)
    rank = tensor.rank if tensor is not None else None
    text = f"{made.leaf} gives raw scores"
    raw = Tensor(
        Kind.RAW,
        Flow.MODEL if not machine.ungraded else Flow.CUT,
        Trail(frame.unit, node, text, Trail(made.unit, made.node, f"{made.leaf} is built")),
        rank=rank,
        last=units if last else None,
        units=units,
    )
    activation = made.arguments.get(1 if made.leaf == "Dense" else -1, "activation")
    if isinstance(activation, Const) and isinstance(activation.value, bool):
        # Flax has use_bias there.
        activation = None
    return _keras_activation(machine, frame, activation, raw, node, made)


def _keras_activation(
    machine: Machine,
    frame: Frame,
    activation: Value | None,
    value: Value,
    node: ast.AST,
    made: Made,
) -> Value:
    """Apply what a layer of Keras was told to apply."""
    if activation is None or activation == NONE:
        return value
    name = activation_of(activation)
    if name == "linear":
        return value
    if name in ACTIVATIONS:
        return activated(machine, frame.unit, node, name, value, Arguments((Const(-1),)), made)
    return Unknown("", Flow.MODEL)


def activation_of(value: Value) -> str:
    """Return the name of an activation that is given as a word or a function."""
    if isinstance(value, Const) and isinstance(value.value, str):
        return value.value.lower()
    if isinstance(value, Library):
        return value.leaf
    return ""


def _kept(
    machine: Machine, frame: Frame, leaf: str, made: Made, value: Value, node: ast.AST
) -> Value | None:
    if isinstance(value, Choice):
        return join(
            (_kept(machine, frame, leaf, made, one, node) or UNKNOWN, guards)
            for one, guards in value.among
        )
    tensor = as_tensor(value)
    if tensor is None:
        return UNKNOWN
    if "Pool" in leaf:
        return apply(machine, frame, "max_pool", tensor, Arguments(), node)
    if leaf == "Flatten":
        return replace(tensor, rank=2, last=None)
    if leaf in {"Unflatten", "Reshape", "Permute", "Rearrange"}:
        return replace(tensor, rank=None, last=None, units=None)
    return tensor


def _model(made: Made, node: ast.AST, frame: Frame) -> Value:
    """A classifier of a collection: logits, unless its name says something else."""
    words = f"{made.name} {made.arguments.const(0, 'model_name', 'model', 'name') or ''}"
    if _NO_LOGITS.search(words) or not re.search(r"models|create_model|hub|Net", made.name):
        return Unknown("", Flow.MODEL)
    features = made.arguments.get(-1, "num_classes")
    if made.arguments.named.get("features_only") or features == Const(0):
        return Unknown("", Flow.MODEL)
    units = made.arguments.const(-1, "num_classes")
    trail = Trail(frame.unit, node, f"{made.leaf} gives logits")
    return Tensor(Kind.RAW, Flow.MODEL, trail, units=units if type(units) is int else None)


def _segmenter(machine: Machine, frame: Frame, made: Made, node: ast.AST) -> Value | None:
    """A model of segmentation_models_pytorch: it applies what it is told to."""
    if "loss" in made.name.lower() or "metric" in made.name or "encoder" in made.name:
        return None
    activation = made.arguments.get(-1, "activation")
    raw = Tensor(Kind.RAW, Flow.MODEL, Trail(frame.unit, node, f"{made.leaf} gives logits"))
    if activation is None or activation == NONE:
        return raw
    name = {"softmax2d": "softmax", "logsoftmax": "log_softmax"}.get(
        activation_of(activation), activation_of(activation)
    )
    if name in ACTIVATIONS:
        return activated(machine, frame.unit, node, name, raw, Arguments((Const(1),)), made)
    return Unknown("", Flow.MODEL)
