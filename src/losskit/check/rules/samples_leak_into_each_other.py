"""LK211: samples leak into each other."""

from __future__ import annotations

from losskit.check.findings import Fixes, Rule, Severity, Source, Tool

__all__ = ["RULE"]

RULE = Rule(
    code="LK211",
    name="samples-leak-into-each-other",
    severity=Severity.BUG,
    summary="The output for one sample changes with the other samples of the batch.",
    why=(
        "An axis is mixed up, such as a softmax, a mean or a reshape over the batch: the "
        "model sees answers that it will not have when it is used."
    ),
    bad="""\
def forward(self, x):
    h = self.encoder(x)
    return self.head(h - h.mean(0))
""",
    good="""\
def forward(self, x):
    h = self.encoder(x)
    return self.head(h - h.mean(1, keepdim=True))
""",
    mend="Find the layer that mixes axis 0: a view, permute or softmax with the wrong axis.",
    sources=(
        Source(
            "A. Karpathy, A Recipe for Training Neural Networks",
            "https://karpathy.github.io/2019/04/25/recipe/",
        ),
    ),
    tools=(Tool.CHECK, Tool.WATCH),
    fixes=Fixes.NEVER,
)
