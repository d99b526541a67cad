"""``losskit lint``: mistakes with losses in source code."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from losskit.cli.output import fail, print_json

if TYPE_CHECKING:
    from losskit.check.lint.run import Outcome
    from losskit.check.lint.settings import Settings

__all__ = ["lint"]


class Format(StrEnum):
    """What is printed."""

    concise = "concise"
    full = "full"
    json = "json"
    sarif = "sarif"
    github = "github"


def lint(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH...",
            show_default=False,
            help="Files and folders with .py files and notebooks; the working directory, if there "
            "is none. Nothing else is read.",
        ),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODES", show_default=False, help="Only these codes, or beginnings of codes."
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODES", show_default=False, help="Not these codes, or beginnings of codes."
        ),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended safely.")] = False,
    unsafe_fixes: Annotated[
        bool,
        typer.Option(
            "--unsafe-fixes",
            help="With --fix or --diff: also where other code may depend on what is changed.",
        ),
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show what --fix would change, and change nothing.")
    ] = False,
    output: Annotated[
        Format,
        typer.Option(
            "--format",
            help="One line for each finding; the evidence; JSON (docs/lint-schema.json); SARIF "
            "2.1.0; or what GitHub Actions shows in a pull request.",
        ),
    ] = Format.concise,
    statistics: Annotated[
        bool, typer.Option("--statistics", help="Only count the findings of each rule.")
    ] = False,
    explain: Annotated[
        str | None,
        typer.Option(metavar="CODE", show_default=False, help="Explain a rule, such as LK101."),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Analyse files anew that have not changed.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Processes.  [default: one per core]", show_default=False
        ),
    ] = None,
) -> None:
    """Find mistakes with loss functions in training code, across files, without running it.

    Exits with 0 if there are none, with 1 if there are, and with 2 if a path cannot be read.
    `# noqa: LK101` at the end of a line keeps its findings back. Settings are read from
    [tool.losskit.lint] in pyproject.toml.

    Example: losskit lint src --format full
    """
    if explain is not None:
        _explain(explain, output)
        return
    if fix and diff:
        fail("--fix changes files and --diff shows what it would change: give one of them")
    if unsafe_fixes and not (fix or diff):
        fail("--unsafe-fixes goes with --fix or --diff")
    if output not in {Format.concise, Format.full} and (diff or statistics):
        fail(f"--{'diff' if diff else 'statistics'} prints text, not {output}")
    settings = _settings(select, ignore)
    outcome = _lint(paths or ["."], settings, cached=not no_cache, jobs=jobs)
    if diff:
        _diff(outcome, unsafe=unsafe_fixes)
    if fix:
        fixed = _fix(outcome, unsafe=unsafe_fixes)
        if fixed:
            outcome = _lint(paths or ["."], settings, cached=not no_cache, jobs=jobs)
    else:
        fixed = 0
    _show(outcome, output, statistics=statistics, fixed=fixed)
    raise typer.Exit(2 if outcome.unreadable else 1 if outcome.findings else 0)


def _settings(select: list[str] | None, ignore: list[str] | None) -> Settings:
    from losskit.check.lint.settings import SettingsError, configured

    try:
        return configured(Path.cwd()).chosen(select, ignore)
    except SettingsError as error:
        fail(str(error))


def _lint(paths: list[str], settings: Settings, *, cached: bool, jobs: int | None) -> Outcome:
    from losskit.check.lint.run import lint as run
    from losskit.cli.lint_view import bar

    try:
        with bar() as progress:
            return run(paths, settings, cached=cached, jobs=jobs, progress=progress)
    except FileNotFoundError as error:
        fail(f"there is no file or folder {str(error)!r}")
    except KeyboardInterrupt:
        typer.echo("Interrupted.", err=True)
        raise typer.Exit(130) from None


def _diff(outcome: Outcome, *, unsafe: bool) -> None:
    from losskit.check.lint.fixes import changes

    changed = changes(outcome.findings, unsafe=unsafe)
    for one in changed:
        typer.echo(one.diff(), nl=False)
    fixed = sum(one.fixed for one in changed)
    files = f"{len(changed)} file{'' if len(changed) == 1 else 's'}"
    typer.echo(f"{fixed} of {len(outcome.findings)} findings would be mended, in {files}", err=True)
    raise typer.Exit(2 if outcome.unreadable else 1 if changed else 0)


def _fix(outcome: Outcome, *, unsafe: bool) -> int:
    from losskit.check.lint.fixes import changes, write

    fixed = 0
    for one in changes(outcome.findings, unsafe=unsafe):
        try:
            write(one)
        except OSError as error:
            fail(f"{one.path} cannot be written: {error.strerror or error}")
        fixed += one.fixed
    return fixed


def _show(outcome: Outcome, output: Format, *, statistics: bool, fixed: int) -> None:
    from losskit.cli import lint_view as view

    if output is Format.json:
        from losskit.check.lint.plain import plain

        print_json(
            {
                "files": outcome.files,
                "fixed": fixed,
                "findings": [plain(one) for one in outcome.findings],
                "notes": [{"path": path, "text": text} for path, text in outcome.notes],
            }
        )
    elif output is Format.sarif:
        from losskit.check.lint.sarif import sarif

        print_json(sarif(outcome.findings, outcome.notes))
    elif output is Format.github:
        view.github(outcome)
    else:
        view.summary(outcome, fixed)
        if statistics:
            view.statistics(outcome)
        elif output is Format.full:
            view.full(outcome)
        else:
            view.concise(outcome)
        view.notes(outcome)


def _explain(code: str, output: Format) -> None:
    from losskit.check.catalogue import rule
    from losskit.cli import lint_view as view

    try:
        found = rule(code)
    except ValueError as error:
        fail(str(error))
    if output is Format.json:
        from losskit.check.pages import facts

        print_json(facts(found))
    else:
        view.page(found)
