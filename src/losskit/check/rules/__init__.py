"""The rules, one file each: what the mistake is, and how the linter sees it.

A file holds ``RULE`` and, where source code can show the mistake, functions named after what
they look at: ``HOOKS`` of `losskit.check.lint.report` lists them.
"""
