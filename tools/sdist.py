"""Tell what a source distribution lacks of what git knows: python tools/sdist.py FILE."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import PurePosixPath


def main(path: str) -> None:
    """Compare the names of files; those that begin with a dot are for the repository alone."""
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True, text=True)
    known = [PurePosixPath(name) for name in listed.stdout.split("\0") if name]
    wanted = {one for one in known if not any(part.startswith(".") for part in one.parts)}
    with tarfile.open(path) as archive:
        names = [PurePosixPath(one.name) for one in archive if one.isfile()]
    held = {name.relative_to(name.parts[0]) for name in names}
    missing = sorted(wanted - held)
    if missing:
        sys.exit(f"{path} lacks " + ", ".join(map(str, missing)))


if __name__ == "__main__":
    main(sys.argv[1])
