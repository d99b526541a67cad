"""Kinds of targets: what a model can be asked to learn."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "AMOUNT",
    "AMOUNT_WITH_ZEROS",
    "BINARY",
    "CLASSES",
    "COUNT",
    "DISTRIBUTION",
    "DURATION",
    "IDENTITIES",
    "KINDS",
    "LATENT",
    "MASK",
    "MODALITIES",
    "MULTI_LABEL",
    "NUMBERS",
    "ORDER",
    "ORDINAL",
    "PAIRS",
    "PIXELS",
    "POLICY",
    "REAL",
    "RELEVANCE",
    "SEVERAL",
    "SHARE",
    "TEACHER",
    "TOKENS",
    "TRIPLETS",
    "VALUE",
    "VIEWS",
    "TargetKind",
]


@dataclass(frozen=True)
class TargetKind:
    """A kind of target.

    Attributes
    ----------
    name : str
        Identifier, as in ``--kind``.
    title : str
        What the target is, in words.
    example : str
        Where it is met.
    tasks : tuple of str
        Names of tasks that have such a target.
    """

    name: str
    title: str
    example: str
    tasks: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


REAL = TargetKind(
    "real", "one real number", "a temperature, a score", ("regression", "forecasting")
)
AMOUNT = TargetKind(
    "amount",
    "one positive amount whose errors are relative",
    "a price, an income, a size",
    ("price prediction", "cost prediction"),
)
AMOUNT_WITH_ZEROS = TargetKind(
    "amount-with-zeros",
    "one amount that is often exactly 0",
    "insurance claims, rain, spending",
    ("claims", "spending", "rainfall"),
)
SHARE = TargetKind(
    "share", "one share between 0 and 1, or 0 and 100 %", "a rate, a fill level", ("proportion",)
)
COUNT = TargetKind(
    "count", "one count", "visits, goals, defects", ("count regression", "event counts")
)
BINARY = TargetKind(
    "binary",
    "one of two labels",
    "spam or not, ill or healthy",
    ("binary classification", "detection of fraud", "churn", "click prediction"),
)
CLASSES = TargetKind(
    "classes",
    "one of K classes that exclude each other",
    "a digit, a species",
    ("classification", "multiclass classification", "image classification"),
)
ORDINAL = TargetKind(
    "ordinal",
    "one of K classes that have an order",
    "ratings, grades, stages of a disease",
    ("ordinal regression", "rating prediction", "grading"),
)
MULTI_LABEL = TargetKind(
    "multi-label",
    "several 0/1 labels at once",
    "tags of a picture, topics of a text",
    ("multilabel classification", "tagging"),
)
DISTRIBUTION = TargetKind(
    "distribution",
    "a probability for each of K classes",
    "votes of several annotators, mixed labels",
    ("soft labels", "label distribution learning", "mixup"),
)
TOKENS = TargetKind(
    "tokens",
    "the next token at each place of a sequence",
    "language models, translation",
    ("language modelling", "next token", "translation", "sequence labelling"),
)
PIXELS = TargetKind(
    "pixels",
    "a class for each pixel",
    "roads, cars and sky in a picture",
    ("segmentation", "semantic segmentation"),
)
MASK = TargetKind(
    "mask",
    "inside or outside, for each pixel",
    "a tumour in a scan",
    ("binary segmentation", "medical segmentation", "foreground segmentation"),
)
SEVERAL = TargetKind(
    "several",
    "several real numbers at once",
    "coordinates, measurements of one thing",
    ("multi-output regression", "keypoint regression", "box regression", "autoencoder"),
)
DURATION = TargetKind(
    "duration",
    "a time until something happens, seen for some only",
    "survival, churn time, failures",
    ("survival analysis", "time to event"),
)
RELEVANCE = TargetKind(
    "relevance",
    "a grade of relevance for each item of a list",
    "documents of a query",
    ("learning to rank", "document ranking"),
)
ORDER = TargetKind(
    "order",
    "which of two should rank higher",
    "preferences, comparisons",
    ("pairwise ranking", "preference learning", "reward model"),
)
PAIRS = TargetKind(
    "pairs",
    "a pair that is similar or not",
    "same person or not",
    ("verification", "siamese network"),
)
TRIPLETS = TargetKind(
    "triplets",
    "an anchor, something like it and something unlike it",
    "faces, products",
    ("metric learning from triplets",),
)
IDENTITIES = TargetKind(
    "identities",
    "a label that is shared by what belongs together, for embeddings",
    "person re-identification, retrieval",
    ("metric learning", "retrieval", "face recognition", "embeddings"),
)
VIEWS = TargetKind(
    "views",
    "two views of the same example",
    "two crops of a picture",
    ("self-supervised learning", "contrastive learning"),
)
MODALITIES = TargetKind(
    "modalities",
    "two modalities of the same example",
    "pictures with captions",
    ("image-text", "text-image retrieval"),
)
VALUE = TargetKind(
    "value",
    "an estimate that learns from itself: a Q-value or TD target",
    "Q-learning, critics",
    ("reinforcement learning", "q-learning", "td learning"),
)
POLICY = TargetKind(
    "policy",
    "a policy that must stay near a reference",
    "fine-tuning with rewards",
    ("rlhf", "policy regularisation"),
)
LATENT = TargetKind(
    "latent",
    "a latent posterior against a prior",
    "variational auto-encoders",
    ("vae", "variational inference"),
)
TEACHER = TargetKind(
    "teacher",
    "the distribution that a teacher gives",
    "compressing a model",
    ("distillation", "knowledge distillation"),
)

NUMBERS = (REAL, AMOUNT, AMOUNT_WITH_ZEROS, SHARE, COUNT)
"""The kinds of one number each."""

KINDS: dict[str, TargetKind] = {
    kind.name: kind for kind in list(globals().values()) if isinstance(kind, TargetKind)
}
"""Every kind by its name, from single numbers to what models learn from each other."""
