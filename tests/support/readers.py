"""Says of each archive on standard input what Python's own readers find in it: a line of JSON, text for a refusal.

A request is a letter for the reader, four bytes of length (little endian), and the archive."""

import csv
import email
import hashlib
import io
import json
import os
import sys
import tarfile
import tempfile
import zipfile
from base64 import urlsafe_b64encode

from packaging.utils import canonicalize_name, canonicalize_version
from pip._internal.utils.unpacking import unpack_file, zip_item_is_executable


def found(data, executable):
    return [hashlib.sha256(data).hexdigest(), bool(executable)]


def from_zip(archive):
    seen = []
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for member in opened.infolist():
            data = opened.read(member)
            executable = not member.is_dir() and zip_item_is_executable(member)
            seen.append([member.filename, *(["", False] if member.is_dir() else found(data, executable))])
    return seen


def from_tar(archive):
    seen = []
    with tarfile.open(fileobj=io.BytesIO(archive), encoding="utf-8") as opened:
        for member in opened:
            if member.isdir():
                seen.append([member.name + "/", "", False])
            elif member.isreg() and not member.issparse():
                data = opened.extractfile(member).read()
                if len(data) != member.size:
                    raise ValueError("cut short")
                seen.append([member.name, *found(data, member.mode & 0o111)])
            else:
                seen.append([member.name, "neither file nor directory", False])
    return seen


def from_pip(archive):
    """What pip leaves on disk: whatever the name, a ZIP archive is one; the one top directory is taken away."""
    with tempfile.TemporaryDirectory() as scratch:
        ending = {b"PK\3\4": ".zip", b"\x1f\x8b\x08\0": ".tar.gz"}.get(archive[:4], ".tar")
        path, place = os.path.join(scratch, "demo-1.0" + ending), os.path.join(scratch, "place")
        with open(path, "wb") as file:
            file.write(archive)
        unpack_file(path, place)
        seen = []
        for folder, _, files in os.walk(place):
            for name in files:
                full = os.path.join(folder, name)
                with open(full, "rb") as file:
                    executable = os.stat(full).st_mode & 0o111
                    seen.append([os.path.relpath(full, place), *found(file.read(), executable)])
        return seen


def from_wheel(archive):
    """The members, if RECORD as `csv` reads it has all of them with their digests, and METADATA as `email` reads it
    is that of demo 1.0."""
    seen = from_zip(archive)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        info = "demo-1.0.dist-info/"
        text = io.TextIOWrapper(io.BytesIO(opened.read(info + "RECORD")), "utf-8", newline="")
        rows = [row for row in csv.reader(text)]
        told = {path: (digest, size) for path, digest, size in rows}
        files = {member.filename for member in opened.infolist() if not member.is_dir()}
        if len(told) != len(rows) or set(told) != files:
            raise ValueError("RECORD lists other files")
        for path, (digest, size) in told.items():
            data = opened.read(path)
            real = urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            if path != info + "RECORD" and digest != "sha256=" + real or size and int(size) != len(data):
                raise ValueError("RECORD tells another file")
        metadata = email.message_from_bytes(opened.read(info + "METADATA"))
        names = metadata.get_all("Name"), metadata.get_all("Version")
        if [canonicalize_name(name.strip()) for name in names[0]] != ["demo"]:
            raise ValueError(names)
        if [canonicalize_version(version) for version in names[1]] != ["1"]:
            raise ValueError(names)
    return seen


READERS = {b"z": from_zip, b"t": from_tar, b"p": from_pip, b"w": from_wheel}


def answer(reader, archive):
    try:
        return sorted(READERS[reader](archive))
    except Exception as error:
        return f"refused: {type(error).__name__}: {error}"


while reader := sys.stdin.buffer.read(1):
    length = int.from_bytes(sys.stdin.buffer.read(4), "little")
    print(json.dumps(answer(reader, sys.stdin.buffer.read(length))))
