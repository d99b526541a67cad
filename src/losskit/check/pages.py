"""A rule as a page: Markdown for the documentation, data for programs."""

from __future__ import annotations

from typing import Any

from losskit.check.findings import Fixes, Rule

__all__ = ["facts", "page"]

_FIXES = {
    Fixes.NEVER: "none: what was meant cannot be told",
    Fixes.SAFE: "safe, with `--fix`",
    Fixes.UNSAFE: "where it is plain, with `--fix --unsafe-fixes`",
}


def facts(rule: Rule) -> dict[str, Any]:
    """Return all that is known of a rule."""
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": str(rule.severity),
        "summary": rule.summary,
        "why": rule.why,
        "bad": rule.bad,
        "good": rule.good,
        "mend": rule.mend,
        "fixes": str(rule.fixes),
        "tools": [str(tool) for tool in rule.tools],
        "sources": [{"title": one.title, "url": one.url} for one in rule.sources],
    }


def page(rule: Rule) -> str:
    """Return the page of a rule in Markdown."""
    tools = ", ".join(f"`{tool.name_in_use}`" for tool in rule.tools)
    sources = "\n".join(f"- [{one.title}]({one.url})" for one in rule.sources)
    return f"""\
# {rule.code}: {rule.name.replace("-", " ")}

{rule.summary}

| severity | seen by | fix |
|---|---|---|
| {rule.severity} | {tools} | {_FIXES[rule.fixes]} |

## Why

{rule.why}

## Example

```python
{rule.bad.rstrip()}
```

## Fix

{rule.mend}

```python
{rule.good.rstrip()}
```

## Sources

{sources}
"""
