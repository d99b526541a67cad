"""``losskit list``: the losses of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from losskit.cli.output import fail, print_json

if TYPE_CHECKING:
    from losskit.core.loss import Loss

__all__ = ["list_losses"]


class Format(StrEnum):
    """What is printed."""

    table = "table"
    json = "json"


def list_losses(
    family: Annotated[
        str | None,
        typer.Option(
            metavar="FAMILY",
            help="Only the losses of a family, such as regression, binary or multiclass.",
            show_default=False,
        ),
    ] = None,
    *,
    findings: Annotated[
        bool,
        typer.Option("--findings", help="The mistakes that lint, check, watch and diagnose find."),
    ] = False,
    output: Annotated[
        Format,
        typer.Option(
            "--format",
            help="Print a table, or JSON (docs/list-schema.json, docs/rules-schema.json).",
        ),
    ] = Format.table,
) -> None:
    """List the losses, by what they are for; or the findings.

    Each loss with its parameters, what it takes and its name in torch.nn. In a pipe, every loss
    is one line. `losskit explain NAME` tells more of one.

    Example: losskit list --family regression
    """
    if findings:
        if family is not None:
            fail("--family and --findings do not go together: findings have no families")
        _list_findings(output)
        return
    from losskit.losses import CATALOGUE

    families = _by_family(CATALOGUE.values())
    if family is not None:
        families = _only(family, families)
    if output is Format.json:
        from losskit.explain.facts import entry

        print_json([entry(kind) for kinds in families.values() for kind in kinds])
        return
    from losskit.cli import list_view as view

    view.found(families)
    view.table(families)


def _list_findings(output: Format) -> None:
    from losskit.check.catalogue import rules_by_code

    rules = list(rules_by_code().values())
    if output is Format.json:
        from losskit.check.report import rule_as_dict

        print_json([rule_as_dict(rule) for rule in rules])
        return
    from losskit.cli.findings_view import listed

    listed(rules)


def _by_family(kinds: Iterable[type[Loss]]) -> dict[str, list[type[Loss]]]:
    """Sort the losses into their families, in the order of the families and of names."""
    from losskit.core.cards import Family

    families: dict[str, list[type[Loss]]] = {str(family): [] for family in Family}
    for kind in sorted(kinds, key=lambda kind: kind.__name__.lower()):
        families.setdefault(str(kind.card.family), []).append(kind)
    return {family: kinds for family, kinds in families.items() if kinds}


def _only(asked: str, families: dict[str, list[type[Loss]]]) -> dict[str, list[type[Loss]]]:
    """Return the family of this name, or the only one with a word that begins so."""
    wanted = " ".join(asked.lower().split())
    begun = [
        family
        for family in families
        if wanted and any(word.startswith(wanted) for word in (family, *family.split()))
    ]
    found = [wanted] if wanted in families else begun
    if len(found) != 1:
        what = "could be several" if found else "is unknown"
        fail(f"--family {asked!r} {what}; there is {', '.join(found or families)}")
    return {found[0]: families[found[0]]}
