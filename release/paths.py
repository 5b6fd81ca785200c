"""Fails if a file of a release's archive, or one in its zips, holds a path of the machine that built it.

    paths.py ARCHIVE PATH...
"""

import io
import sys
import tarfile
import zipfile


def files(archive):
    """The name and the content of each file. A zip counts as the files in it."""
    with tarfile.open(archive) as tar:
        for member in tar:
            if not member.isfile():
                continue
            content = tar.extractfile(member).read()
            if not member.name.endswith(".zip"):
                yield member.name, content
                continue
            with zipfile.ZipFile(io.BytesIO(content)) as packed:
                for name in packed.namelist():
                    yield f"{member.name}/{name}", packed.read(name)


def main():
    archive, paths = sys.argv[1], sys.argv[2:]
    held = [f"{name} holds {path}" for name, content in files(archive) for path in paths if path.encode() in content]
    if held:
        held = "\n".join(held)
        sys.exit(f"{held}\nA release must hold no path of the machine that built it: see --remap-path-prefix in release/build.")


main()
