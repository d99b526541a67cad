"""Prompts for assistants, made from the kinds of targets, the losses' cards and the symptoms."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from losskit.choose.build import described
from losskit.choose.ranking import Candidate, rank, signs_of
from losskit.choose.symptoms import symptoms
from losskit.core.cards import Outliers
from losskit.core.loss import Loss
from losskit.core.targets import KINDS
from losskit.core.uses import Goal, Sign, Use
from losskit.losses import CATALOGUE

__all__ = ["PROMPTS"]

MOST = 4
"""Losses named for each kind of target."""


def choose_prompt() -> str:
    """Return the text that makes an assistant choose a loss as Losskit does."""
    return "\n".join(
        [
            "# Choose a loss function",
            "",
            "Help me to choose the loss function for a model that I train. Work in this order, and "
            "ask me for what you do not know before you answer.",
            "",
            "1. What is the target? Ask for a few example values, for how many rows there are, and "
            "for these numbers: share missing, least and largest value, median and quartiles, "
            "share of exact zeros, rows of each class.",
            "2. What does the model give: how many numbers per example, and which activation comes "
            "last?",
            "3. What counts in the end: the metric, and which mistake costs more?",
            "4. Decide what kind of target it is (table 1). Say what you assume where the values "
            "leave it open: whole numbers may be counts, classes, grades or amounts.",
            "5. Take the first loss of that kind, unless what speaks for another one holds. "
            "Compute "
            "its parameters from the numbers that I gave.",
            "6. Answer with: the loss and its parameters; the output layer and its initial bias; "
            "what is done to the target; the reasons, each with its number; what to report, since "
            "a loss is not a metric; how outputs become decisions; what would change the answer; "
            "one alternative; the two likeliest mistakes; code.",
            "",
            "Do not recommend a loss that takes something else than the model gives (table 2). If "
            "nothing can be learnt (a constant, an id, all missing), say so.",
            "",
            "## Table 1: kinds of targets, and losses for them, the first choice first",
            "",
            *_kinds(),
            "## What moves losses up and down",
            "",
            *(f"- {sign}: {_moved(sign)}." for sign in Sign if _moved(sign)),
            *(f"- You want {goal.meaning}: {_moved(goal)}." for goal in Goal if _moved(goal)),
            "",
            "## Parameters from data",
            "",
            *_parameters(),
            "",
            "## Initial bias of the output layer",
            "",
            "The constant output that costs least: the mean for squared error, the median for "
            "absolute error, log(p / (1 - p)) for a logit with positives' share p, the "
            "logarithms of "
            "the classes' shares for K logits, the logarithm of the mean where the output is one.",
            "",
            "## Table 2: what losses take",
            "",
            *_takes(CATALOGUE.values()),
        ]
    )


def debug_prompt() -> str:
    """Return the text that makes an assistant find out what is wrong with a training."""
    return "\n".join(
        [
            "# Debug a loss curve",
            "",
            "Help me to find out what is wrong with a training. Ask for what is missing, then name "
            "the likeliest cause, the one check that confirms or refutes it, and the fix; then the "
            "next likeliest. Do not guess where a number can be asked for.",
            "",
            "Ask for: the loss and how it is called, with shapes and dtypes of input and target; "
            "the last layer and its activation; the first three and the last loss values on "
            "training and validation rows; the metric that counts; batch size, learning rate, "
            "optimiser; rows per class, or the target's least value, median and largest; the "
            "gradient norm, if it is known.",
            "",
            "Check first, since it costs a minute: the loss at the start against what the loss "
            "says "
            "of a model that knows nothing; whether the model fits ten rows; whether shapes are "
            "equal, (N, 1) against (N,) broadcasts; whether any input is NaN.",
            "",
            "## Symptoms",
            "",
            *(
                f"- **{one.seen}** {one.cause} Check: {one.check} Fix: {one.fix}"
                for one in symptoms()
            ),
            "",
            "## What goes wrong with each loss",
            "",
            *_pitfalls(CATALOGUE.values()),
        ]
    )


PROMPTS: dict[str, Callable[[], str]] = {"choose": choose_prompt, "debug": debug_prompt}
"""Name → the text."""


def _kinds() -> Iterable[str]:
    for kind in KINDS.values():
        yield f"### {kind.title}"
        yield ""
        yield f"Such as {kind.example}."
        yield ""
        signs = [one for one in signs_of(kind) if one is not Sign.PROBABILITIES]
        ranked = rank(kind, ())[:MOST]
        extra = [one for one in rank(kind, signs) if one.use.needs and one.use.settings][:1]
        for at, candidate in enumerate([*ranked, *extra], start=1):
            yield f"{at}. {_described(candidate)}"
        yield ""


def _described(candidate: Candidate) -> str:
    use, card = candidate.use, candidate.loss.card
    elsewhere = f", torch.nn.{card.torch[0].module}" if card.torch else ""
    presented = f" The target is presented as {use.presentation}" if use.presentation else ""
    return (
        f"{described(candidate)}{elsewhere}; output layer: {card.output_layer}. {use.why}"
        f"{presented}{_dot(presented)}"
    )


def _dot(text: str) -> str:
    return "" if not text or text.endswith((".", "?")) else "."


def _moved(reason: Sign | Goal) -> str:
    """Say which losses a sign or goal moves up, and for which kinds of targets."""
    found: dict[str, list[str]] = {}
    for loss, use in _uses():
        if reason in use.better_with:
            found.setdefault(loss.__name__, []).append(use.target.name)
    return "; ".join(
        f"{name} for {', '.join(dict.fromkeys(kinds))}" for name, kinds in found.items()
    )


def _uses() -> Iterable[tuple[type[Loss], Use]]:
    return ((loss, use) for loss in CATALOGUE.values() for use in loss.card.uses)


def _parameters() -> Iterable[str]:
    seen: dict[str, list[str]] = {}
    for loss, use in _uses():
        for name, value in use.settings.items():
            if isinstance(value, str):
                seen.setdefault(f"{name} = {value}", []).append(loss.__name__)
    for text, losses in seen.items():
        yield f"- {text} ({', '.join(dict.fromkeys(losses))})"


def _takes(losses: Iterable[type[Loss]]) -> Iterable[str]:
    yield "| loss | takes | outliers |"
    yield "|---|---|---|"
    for loss in losses:
        takes = "; ".join(
            f"{one.name}: {' or '.join(contract.title for contract in one.contracts)}"
            for one in loss.card.arguments
        )
        wild = str(loss.card.outliers).partition(":")[0]
        shown = "–" if loss.card.outliers is Outliers.DOES_NOT_APPLY else wild
        yield f"| {loss.__name__} | {takes} | {shown} |"


def _pitfalls(losses: Iterable[type[Loss]]) -> Iterable[str]:
    for loss in losses:
        yield f"- {loss.__name__}: {' '.join(loss.card.pitfalls)}"
