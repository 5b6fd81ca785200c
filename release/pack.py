"""Packs a release's folder into FOLDER.tar.gz, the same bytes each time, and writes SHA256SUMS beside both.

    pack.py FOLDER
"""

import gzip
import hashlib
import pathlib
import sys
import tarfile

# 1980-01-01, as in the function's zip: a date of its own would make each archive another.
TIME = 315532800


def plain(entry):
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = TIME
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


def main():
    folder = pathlib.Path(sys.argv[1])
    archive = folder.with_name(folder.name + ".tar.gz")
    with open(archive, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path in [folder, *sorted(folder.rglob("*"))]:
                tar.add(path, str(path.relative_to(folder.parent)), recursive=False, filter=plain)
    zips = ["snapferry-lambda-*.zip", "snapferry-drills-*.zip", "snapferry-report-*.zip"]
    files = [archive, *(path for zip in zips for path in sorted(folder.glob(zip)))]
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder.parent)}\n" for path in files]
    (folder.parent / "SHA256SUMS").write_text("".join(lines))


main()
