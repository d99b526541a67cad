"""LK307: input ignored."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK307",
    name="input-ignored",
    severity=Severity.SUSPICIOUS,
    summary="The model learns a batch as well when its input is replaced by zeros.",
    why=(
        "What is learnt does not come from the input: it is the mean of the labels, or an "
        "answer that reaches the model by another way."
    ),
    bad="""\
def forward(self, x):
    return self.head(0 * self.encoder(x))
""",
    good="""\
def forward(self, x):
    return self.head(self.encoder(x))
""",
    mend="Follow the input through the model to the layer where it is lost.",
    sources=(
        Source(
            "A. Karpathy, A Recipe for Training Neural Networks",
            "https://karpathy.github.io/2019/04/25/recipe/",
        ),
    ),
    tools=(Tool.WATCH,),
    fixes=Fixes.NEVER,
)
