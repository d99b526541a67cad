"""The losses as source code names them, with what they take: read from the catalogue's cards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from losskit.core.cards import PER_CLASS, Card, Role, TorchTwin, WeightRole
from losskit.core.contracts import (
    BINARY,
    CLASS_INDICES,
    LOG_PROBABILITIES,
    LOGITS,
    PROBABILITIES,
    REAL_VALUES,
    SHARES,
    Contract,
)
from losskit.core.loss import Loss
from losskit.core.naming import function_name, module_name
from losskit.losses import CATALOGUE

__all__ = ["LossFace", "face_of", "face_of_word", "loss_words"]


@dataclass(frozen=True)
class Convention:
    """How a library's losses are called.

    Attributes
    ----------
    roots : tuple of str
        Names under which it is imported.
    names : tuple of tuple of str
        Names of the input and of the target, in the order of a call.
    input : int
        Which of them is the model's output.
    flag : str
        Setting that tells logits from probabilities.
    logits : bool
        Whether the loss takes logits where that is not set.
    """

    roots: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]
    input: int = 0
    flag: str = ""
    logits: bool = False


_CONVENTIONS = {
    "Keras": Convention(
        ("keras", "tensorflow", "tf_keras"), (("y_true",), ("y_pred",)), 1, "from_logits"
    ),
    "TensorFlow": Convention(
        ("tensorflow",),
        (("labels", "onehot_labels", "multi_class_labels", "targets"), ("logits",)),
        1,
    ),
    "optax": Convention(
        ("optax",), (("logits", "log_predictions", "predictions"), ("labels", "targets"))
    ),
    "torchvision": Convention(("torchvision",), (("inputs",), ("targets",))),
    "timm": Convention(("timm",), (("x",), ("target",))),
    "segmentation-models-pytorch": Convention(
        ("segmentation_models_pytorch",), (("y_pred",), ("y_true",)), 0, "from_logits", True
    ),
}

_TORCH = ("torch", "losskit", "fastai")


@dataclass(frozen=True)
class LossFace:
    """A loss under one of its names.

    Attributes
    ----------
    name : str
        The name in the source.
    kind : type of Loss
        The definition.
    contract : Contract
        What the first of the model's outputs has to be.
    names : tuple of tuple of str
        The arguments of a call, each with its names, in their order.
    input : int
        Which of them is the model's output.
    built : bool
        Whether it is a class that is built and then called.
    twin : TorchTwin, optional
        What it is called in ``torch.nn``.
    needs : mapping
        Settings that it has under this contract, such as ``from_logits``.
    library : str
        Whose convention it follows.
    """

    name: str
    kind: type[Loss]
    contract: Contract
    names: tuple[tuple[str, ...], ...]
    input: int
    built: bool
    twin: TorchTwin | None = None
    needs: Mapping[str, object] = field(default_factory=dict)
    library: str = "torch"

    def turned(self) -> LossFace:
        """Return it with input and target in the other order."""
        return replace(self, names=self.names[::-1], input=1 - self.input)

    @property
    def card(self) -> Card:
        """The card of the loss."""
        return self.kind.card

    @property
    def targets(self) -> tuple[Contract, ...]:
        """What the target may be."""
        return self.card.targets

    @property
    def of_classes(self) -> bool:
        """Whether its target is one of several classes, and not also several labels."""
        return CLASS_INDICES in self.targets and BINARY not in self.targets

    @property
    def of_labels(self) -> bool:
        """Whether its target is a 0 or 1 for each label."""
        return BINARY in self.targets

    @property
    def of_distributions(self) -> bool:
        """Whether it is a divergence that takes the model's log-probabilities."""
        return self.contract is LOG_PROBABILITIES and SHARES in self.targets

    @property
    def of_numbers(self) -> bool:
        """Whether its target is a number."""
        return self.contract is REAL_VALUES and REAL_VALUES in self.targets

    @property
    def settings(self) -> tuple[str, ...]:
        """Names of what a class is built with, in their order, as far as it matters here."""
        weighted = self.twin is not None and self.twin.weight is not WeightRole.ABSENT
        # Of the losses of numbers, functions alone take weights.
        return ("weight",) if weighted and not self.of_numbers else ()

    @property
    def per_class(self) -> bool:
        """Whether its ``weight`` holds one weight for each class."""
        return self.twin is not None and self.twin.weight in PER_CLASS


@cache
def _torch_faces() -> dict[str, LossFace]:
    """Every loss by its names in ``torch.nn`` and ``losskit.torch``."""
    faces: dict[str, LossFace] = {}
    for kind in CATALOGUE.values():
        card = kind.card
        arguments = [one for one in card.arguments if one.role is not Role.LEARNED]
        names = tuple((one.name,) for one in arguments)
        own = module_name(kind.__name__)
        pairs: list[tuple[str, str, TorchTwin | None]] = [
            (twin.module, twin.function, twin) for twin in card.torch
        ] or [(own, card.function or function_name(own), None)]
        for module, function, twin in pairs:
            faces[module] = LossFace(module, kind, card.input, names, 0, True, twin)
            # As fastai calls it, and as PyTorch did where it was for pictures.
            faces[f"{module}Flat"] = faces[f"{module}2d"] = faces[module]
            faces[function] = LossFace(function, kind, card.input, names, 0, False, twin)
        plain = LossFace(kind.__name__, kind, card.input, names, 0, True)
        faces.setdefault(f"losskit.{kind.__name__}", plain)
    return faces


@cache
def _other_faces() -> dict[tuple[str, str], tuple[LossFace, ...]]:
    """Losses of other libraries by library and name; several where a setting decides."""
    found: dict[tuple[str, str], list[LossFace]] = {}
    for kind in CATALOGUE.values():
        for library, convention in _CONVENTIONS.items():
            text = kind.card.equivalents.get(library, "")
            for name, needs in _named(text):
                built = name[0].isupper()
                contract = kind.card.input
                if convention.flag and contract is LOGITS and convention.flag not in needs:
                    contract = PROBABILITIES
                names = [name]
                if built and library == "Keras":
                    names += [function_name(name)]
                if library == "TensorFlow" and name.endswith("_with_logits"):
                    names += [f"{name}_v2"]
                for one in names:
                    face = LossFace(
                        one,
                        kind,
                        contract,
                        convention.names,
                        convention.input,
                        built and one == name,
                        needs=needs,
                        library=library,
                    )
                    found.setdefault((library, one), []).append(face)
    return {key: tuple(faces) for key, faces in found.items()}


def _named(text: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Read ``name(setting=True), name`` without the remarks between."""
    bare = re.sub(r" \([^)]*\)|, (?:whose|as) .*", "", text)
    for name, settings in re.findall(r"([A-Za-z_][\w.]*)(?:\(([^)]*)\))?", bare):
        needs = dict(re.findall(r"(\w+)=(\w+)", settings))
        yield name.rpartition(".")[2], {key: value == "True" for key, value in needs.items()}


def face_of(name: str, settings: Mapping[str, object]) -> LossFace | None:
    """Return the loss of a library's full name, under the settings it is built or called with."""
    root, _, rest = name.partition(".")
    leaf = rest.rpartition(".")[2]
    if root in _TORCH:
        if root == "losskit" and "torch" not in rest:
            return _torch_faces().get(f"losskit.{leaf}")
        return _torch_faces().get(leaf)
    for library, convention in _CONVENTIONS.items():
        if root in convention.roots:
            found = _chosen(_other_faces().get((library, leaf), ()), convention, settings)
            if found is not None:
                # Before TensorFlow took them over, these took the output first.
                return found.turned() if _CONTRIBUTED.search(name) else found
    return None


_CONTRIBUTED = re.compile(r"\b(contrib|slim|tf_slim)\.losses\.|\bseq2seq\.")


def face_of_word(word: str) -> LossFace | None:
    """Return the loss that Keras calls by a word, such as ``"binary_crossentropy"``."""
    return _chosen(_other_faces().get(("Keras", word), ()), _CONVENTIONS["Keras"], {})


def _chosen(
    faces: tuple[LossFace, ...], convention: Convention, settings: Mapping[str, object]
) -> LossFace | None:
    """Return the face that the settings call for."""
    if not faces:
        return None
    said = settings.get(convention.flag, convention.logits)
    in_logits = bool(convention.flag) and said is True
    for face in faces:
        if bool(face.needs) == in_logits:
            return face
    # Known by one setting only: the other one turns logits into probabilities.
    face = faces[0]
    contract = face.card.input if in_logits else PROBABILITIES
    return LossFace(
        face.name,
        face.kind,
        contract,
        face.names,
        face.input,
        face.built,
        library=face.library,
    )


@cache
def loss_words() -> frozenset[str]:
    """All names by which a source can mention a loss."""
    torch = {name.rpartition(".")[2] for name in _torch_faces()}
    return frozenset(torch | {name for _, name in _other_faces()})
