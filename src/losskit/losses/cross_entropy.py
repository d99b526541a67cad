"""Cross-entropy on logits."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from losskit.core import targets
from losskit.core.arrays import Array, is_integer, like, log_softmax, softmax, times
from losskit.core.cards import Card, Family, Outliers, Source, TorchTwin, WeightRole, given, output
from losskit.core.classwise import Classification
from losskit.core.contracts import CLASS_INDICES, LOGITS, PROBABILITY_ROWS
from losskit.core.parameters import parameter
from losskit.core.uses import Estimate, Goal, Sign, Use

__all__ = ["CrossEntropy"]


@dataclass(frozen=True)
class CrossEntropy(Classification):
    """Cross-entropy of K logits z against a class, or against probabilities of classes.

    -Σ_c w_c q_c log softmax(z)_c, where q is the one-hot or given distribution, smoothed to
    (1 - a) q + a/K. A class whose logit is -inf is switched off (a masked action, a forbidden
    token): it is as if it were not there, and smoothing spreads over the others.

    Parameters
    ----------
    label_smoothing : float, default 0.0
        The share a that is spread evenly over all classes, in [0, 1].
    class_weight : array, optional
        Weight of each class, (K,). The mean divides by the weights of the targets' classes.
    ignore_index : int, default -100
        Class index that takes no part. Does not go with probabilities.
    class_axis : int, optional
        Axis of the classes in the input; None is axis 1, or the only one.

    References
    ----------
    Bridle, J. S. (1990). Probabilistic Interpretation of Feedforward Classification Network
    Outputs. Szegedy, C. et al. (2016). Rethinking the Inception Architecture for Computer Vision
    (label smoothing).

    Examples
    --------
    >>> import losskit
    >>> logits = [[2.0, 1.0, 0.1], [0.5, 2.5, 0.3]]
    >>> round(float(losskit.CrossEntropy()(logits, [0, 1])), 4)
    0.3185
    >>> round(float(losskit.CrossEntropy(label_smoothing=0.1)(logits, [0, 1])), 4)
    0.4369
    """

    label_smoothing: float = parameter(
        0.0, "share of the target that is spread over all classes", at_least=0, at_most=1
    )

    card = Card(
        title="cross-entropy",
        summary="Log loss of softmax probabilities against a class or a distribution of classes.",
        family=Family.MULTICLASS,
        formula="-Σ_c w_c q_c log softmax(z)_c, with q smoothed to (1 - a) q + a/K",
        gradient="softmax(z) Σ_c w_c q_c - w q; softmax(z) - onehot(y) without weights",
        curvature="softmax(z) (1 - softmax(z)) Σ_c w_c q_c",
        arguments=(output("input", LOGITS), given("target", CLASS_INDICES, PROBABILITY_ROWS)),
        output_layer="K linear units, no activation",
        outliers=Outliers.DOES_NOT_APPLY,
        use_when=(
            "The target is one of K classes that exclude each other: images, tokens, pixels.",
            "The target is a distribution over classes: mixup, soft labels.",
            "Predictions are over-confident: label_smoothing around 0.1.",
        ),
        avoid_when=(
            "Several labels can hold at once: use BinaryCrossEntropyWithLogits per label.",
        ),
        pitfalls=(
            "A softmax before this loss is applied twice: the loss cannot fall below "
            "log(1 + (K-1)/e).",
            "Padding has to be left out with ignore_index or a mask.",
            "The class axis is axis 1, so (N, T, K) has to be moved or class_axis=-1 said.",
        ),
        metrics=("accuracy", "balanced accuracy", "F1", "calibration error"),
        sources=(
            Source(
                "Bridle, J. S.",
                1990,
                "Probabilistic Interpretation of Feedforward Classification Network Outputs",
            ),
            Source(
                "Szegedy, C. et al.",
                2016,
                "Rethinking the Inception Architecture for Computer Vision",
            ),
        ),
        aliases=("ce", "softmax cross-entropy", "softmax loss", "categorical cross-entropy"),
        equivalents={
            "Keras": "SparseCategoricalCrossentropy(from_logits=True), "
            "CategoricalCrossentropy(from_logits=True)",
            "TensorFlow": "nn.sparse_softmax_cross_entropy_with_logits, "
            "nn.softmax_cross_entropy_with_logits, losses.sparse_softmax_cross_entropy, "
            "losses.softmax_cross_entropy, contrib.seq2seq.sequence_loss",
            "optax": "softmax_cross_entropy_with_integer_labels, softmax_cross_entropy",
            "timm": "loss.LabelSmoothingCrossEntropy, loss.SoftTargetCrossEntropy",
            "segmentation-models-pytorch": "losses.SoftCrossEntropyLoss",
            "scikit-learn": 'ensemble.HistGradientBoostingClassifier(loss="log_loss")',
            "XGBoost": "multi:softprob",
            "LightGBM": "multiclass",
        },
        torch=(TorchTwin("CrossEntropyLoss", "cross_entropy", WeightRole.CLASSES),),
        settings_there={"Keras": {"ignore_index": "ignore_class"}},
        uses=(
            Use(
                targets.CLASSES,
                1,
                "The likelihood of one of K classes; its minimum is at the true probabilities.",
                better_with=(Goal.CALIBRATED,),
            ),
            Use(
                targets.CLASSES,
                2,
                "The same with rare classes weighed up, so that they are not outvoted.",
                settings={"class_weight": Estimate.BALANCED_CLASSES},
                needs=(Sign.UNEVEN,),
                better_with=(Sign.IMBALANCED, Goal.RARE_RECALL),
                worse_with=(Goal.CALIBRATED,),
            ),
            Use(
                targets.CLASSES,
                3,
                "A little probability for the other classes holds back overconfidence and "
                "wrong labels.",
                settings={"label_smoothing": 0.1},
                better_with=(Sign.NOISY_LABELS,),
                worse_with=(Goal.CALIBRATED,),
            ),
            Use(
                targets.ORDINAL,
                2,
                "It is right whether the classes have an order or not, and leaves an order unused.",
                better_with=(Goal.CALIBRATED,),
                worse_with=(Goal.MEDIAN,),
            ),
            Use(
                targets.TOKENS,
                1,
                "The likelihood of the next token; padding takes no part.",
                settings={"ignore_index": Estimate.PADDING},
                better_with=(Goal.CALIBRATED,),
            ),
            Use(
                targets.TOKENS,
                2,
                "A little probability for all other tokens, as in translation.",
                settings={"ignore_index": Estimate.PADDING, "label_smoothing": 0.1},
                worse_with=(Goal.CALIBRATED,),
            ),
            Use(
                targets.PIXELS,
                1,
                "The likelihood of a class, for each pixel.",
                settings={"ignore_index": Estimate.PADDING},
                better_with=(Goal.CALIBRATED,),
            ),
            Use(
                targets.PIXELS,
                2,
                "The same with rare classes weighed up.",
                settings={
                    "class_weight": Estimate.BALANCED_CLASSES,
                    "ignore_index": Estimate.PADDING,
                },
                needs=(Sign.UNEVEN,),
                better_with=(Sign.IMBALANCED, Goal.RARE_RECALL),
                worse_with=(Goal.CALIBRATED,),
            ),
            Use(
                targets.DISTRIBUTION,
                2,
                "It differs from the divergence by a constant only, and smooths labels if wanted.",
            ),
            Use(
                targets.IDENTITIES,
                3,
                "A classifier of the labels seen in training; its last hidden layer is the "
                "embedding.",
            ),
        ),
    )

    def value_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """-Σ w q log softmax(z)."""
        log_probabilities = log_softmax(input, xp)
        if is_integer(target, xp) and not self.label_smoothing:
            values = -self.at_target(log_probabilities, target, xp)
            if self.class_weight is None:
                return values
            return values * self.weight_of(target, input, xp)
        return -xp.sum(times(self._rows(input, target, xp), log_probabilities, xp), axis=-1)

    def gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """softmax(z) Σ w q - w q."""
        rows = self._rows(input, target, xp)
        return softmax(input, xp) * xp.sum(rows, axis=-1, keepdims=True) - rows

    def curvature_at(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """P (1 - p) Σ w q, with p = softmax(z)."""
        p = softmax(input, xp)
        return p * (1 - p) * xp.sum(self._rows(input, target, xp), axis=-1, keepdims=True)

    def target_gradient_at(self, input: Array, target: Array, xp: ModuleType) -> Array | None:
        """-(1 - a) w log softmax(z)."""
        cost = -(1 - self.label_smoothing) * log_softmax(input, xp)
        return self.weighted_rows(input, cost, xp)

    def _rows(self, input: Array, target: Array, xp: ModuleType) -> Array:
        """Target as rows, weighted and smoothed."""
        rows = self.weighted_rows(input, target, xp)
        if not self.label_smoothing:
            return rows
        on = xp.astype(input != -xp.inf, input.dtype)
        even = on * (self.label_smoothing / xp.sum(on, axis=-1, keepdims=True))
        if self.class_weight is not None:
            even = even * like(self.class_weight, input, xp)
        return (1 - self.label_smoothing) * rows + even
