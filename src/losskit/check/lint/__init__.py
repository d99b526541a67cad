"""The linter: finds wrong uses of losses in source code, across files, without running it."""
