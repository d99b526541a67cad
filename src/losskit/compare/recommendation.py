"""Whether what was recommended before training is what training shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from losskit.compare.candidates import Candidate
from losskit.compare.metrics import Metric
from losskit.compare.results import Comparison, RecommendationInfo, Verdict
from losskit.reporting.wording import number

__all__ = ["borne_out"]


def borne_out(
    recommended: Candidate,
    verdict: Verdict,
    comparisons: Sequence[Comparison],
    titles: Mapping[str, str],
    metric: Metric,
) -> RecommendationInfo:
    """Hold the recommendation against the verdict, and say no more than that allows.

    Parameters
    ----------
    recommended
        The loss that was recommended first.
    verdict
        What was found in the deciding metric.
    comparisons
        Each loss against the leader.
    titles
        The losses' names in sentences, by label.
    metric
        What decides.
    """
    label, title = recommended.label, recommended.title
    against = [one for one in comparisons if one.metric == metric.name]
    mine = next((one for one in against if one.loss == label), None)
    leads = verdict.leader == label
    if label not in titles:
        found, text = "not trained", f"{title} was recommended, but is not among these losses."
    elif verdict.leader is None or (not leads and (mine is None or mine.difference is None)):
        found, text = "open", f"{title} was recommended; its runs could not be judged."
    elif leads and verdict.decided:
        found = "yes"
        text = f"{title} was recommended, and is best in {metric.title}: borne out."
    elif leads and not against:
        found, text = "open", f"{title} was recommended; it was compared with no other loss."
    elif leads:
        found = "open"
        text = (
            f"{title} was recommended, and leads in {metric.title}, but not by more than chance "
            "explains: nothing speaks against it, and it is not shown to be best."
        )
    elif mine is not None and mine.conclusion == "worse" and mine.difference is not None:
        found = "no"
        text = (
            f"{title} was recommended, but {titles[verdict.leader]} is better in {metric.title} by "
            f"{number(abs(mine.difference))}: not borne out."
        )
    else:
        found = "open"
        text = (
            f"{title} was recommended; {titles[verdict.leader]} leads in {metric.title}, but "
            "not by "
            "more than chance explains: neither borne out nor refuted."
        )
    return RecommendationInfo.model_validate(
        {"label": label, "reason": recommended.reason, "borne_out": found, "text": text}
    )
