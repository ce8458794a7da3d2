"""Hostile archives and index pages: seconds until the refusal, peak memory of whoever refuses, files left behind.

TOOL names the executable of the packager's tool; without it the launcher's neighbour `everfresh` is taken, or the
debug build's.
"""
import base64
import functools
import gzip
import hashlib
import http.server
import io
import os
import re
import struct
import subprocess
import sys
import tarfile
import threading
import time
import zlib
from pathlib import Path

from world import LAUNCHER, TARGET, environment, table, workplace

SECONDS = 1.0
MIB = 64
WHEEL = "hostile-1.0-py3-none-any.whl"
SDIST = "hostile-1.0.tar.gz"
INFO = "hostile-1.0.dist-info/"
METADATA = b"Metadata-Version: 2.1\nName: hostile\nVersion: 1.0\n"
WHEEL_FILE = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def tool():
    named = os.environ.get("TOOL")
    candidates = [Path(named).resolve()] if named else [LAUNCHER.with_name("everfresh"), TARGET / "release/everfresh",
                                              TARGET / "debug/everfresh"]
    return next(path for path in candidates if path.exists())


# Archives, byte by byte: no honest writer makes them.

class Zip:
    """Members one behind the other, and a central directory that can be told anything."""

    def __init__(self):
        self.body, self.central, self.entries = bytearray(), bytearray(), 0

    def local(self, name, packed, crc, size, method=8, extra=b"", sizes=None):
        at = len(self.body)
        told = sizes or (len(packed), size)
        self.body += struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, method, 0, 0, crc, *told, len(name), len(extra))
        self.body += name + extra + packed
        return at

    def entry(self, name, packed, crc, size, at, method=8, extra=b""):
        self.central += struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, method, 0, 0, crc, packed, size,
                                    len(name), len(extra), 0, 0, 0, 0o100644 << 16, at) + name + extra
        self.entries += 1

    def add(self, name, data, method=8):
        packed = deflate(data) if method else data
        at = self.local(name, packed, zlib.crc32(data), len(data), method)
        self.entry(name, len(packed), zlib.crc32(data), len(data), at, method)

    def bytes(self):
        offset, count = len(self.body), min(self.entries, 0xFFFF)
        end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, self.entries, self.entries, len(self.central),
                            offset) + struct.pack("<4sLQL", b"PK\6\7", 0, offset + len(self.central), 1)
        wide = end64 if self.entries >= 0xFFFF else b""
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(self.central), offset, 0)
        return bytes(self.body + self.central) + wide + end


def deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


@functools.lru_cache(maxsize=None)
def zeros(size):
    """`size` zeros deflated, and their CRC, without having them."""
    packer, crc, block = zlib.compressobj(6, zlib.DEFLATED, -15), 0, bytes(1 << 20)
    packed = bytearray()
    for _ in range(size >> 20):
        packed += packer.compress(block)
        crc = zlib.crc32(block, crc)
    return bytes(packed + packer.flush()), crc


def record_line(name, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return name + b",sha256=" + digest + b",%d\n" % len(data)


def wheel(change=lambda archive: None, metadata=METADATA, record=None, files=()):
    """A wheel whose archive `change` may add to, behind the files that belong there; it may return lines for RECORD."""
    archive, lines = Zip(), b""
    for name, data in [*files, (INFO + "METADATA", metadata), (INFO + "WHEEL", WHEEL_FILE)]:
        archive.add(name.encode(), data)
        lines += record_line(name.encode(), data)
    lines += change(archive) or b""
    archive.add(INFO.encode() + b"RECORD", lines + INFO.encode() + b"RECORD,,\n" if record is None else record)
    return archive.bytes()


def bomb(archive):
    packed, crc = zeros(2 << 30)
    at = archive.local(b"bomb", packed, crc, 2 << 30)
    archive.entry(b"bomb", len(packed), crc, 2 << 30, at)


def lying_bomb(archive):
    """Two GiB that say they are a hundred bytes, and are listed: only who unpacks them sees it."""
    packed, _ = zeros(2 << 30)
    at = archive.local(b"bomb", packed, 1, 100)
    archive.entry(b"bomb", len(packed), 1, 100, at)
    return record_line(b"bomb", bytes(100))


def many_bombs(archive):
    """Each is within every bound of its own."""
    data = bytes(7 << 20)
    for number in range(500):
        archive.add(b"bomb%d" % number, data)


def overlapping(archive):
    """Fifield's: a kernel of data that ten thousand entries claim."""
    packed, crc = zeros(8 << 20)
    at = archive.local(b"kernel", packed, crc, 8 << 20)
    for number in range(10_000):
        archive.entry(b"%06d" % number, len(packed), crc, 8 << 20, at)


def many_members(count, name=b"%d"):
    def add(archive):
        for number in range(count):
            archive.add(name % number, b"", 0)
    return add


def deep_members(archive):
    for number in range(15_000):
        path = b"/".join([b"%d" % number] + [b"d" * 14] * 62 + [b"f"])
        archive.add(path, b"", 0)


def shallow_deep_members(archive):
    for number in range(90_000):
        archive.add(b"%d/" % number + b"d/" * 60 + b"f", b"", 0)


def zip64_lies(archive):
    extra = struct.pack("<2H2Q", 1, 16, 1 << 62, 1 << 62)
    at = archive.local(b"wide", b"data", zlib.crc32(b"data"), 4, 0, extra, (0xFFFFFFFF, 0xFFFFFFFF))
    archive.entry(b"wide", 0xFFFFFFFF, zlib.crc32(b"data"), 0xFFFFFFFF, at, 0, extra)


def directory_lie(_):
    """An end record that promises 2⁶⁰ entries in 2⁶² bytes."""
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1 << 60, 1 << 60, 1 << 62, 0)
    return end64 + struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1) + struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)


def huge_record(_):
    return wheel(record=b"".join(b"%x,,\n" % number for number in range(1_800_000)))


def bulky_record(_):
    """As long as it may be, of as many files as there may be, one of which is not there."""
    names = [b"%05d%s" % (number, b"n" * 50) for number in range(95_000)]
    lines = b"".join(name + b",sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n" for name in names)

    def add(archive):
        for name in names:
            archive.add(name, b"", 0)
    return wheel(add, record=lines + b"gone,,\n")


def tar(members):
    """A tar.gz of (name, kind, size told, data)."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0) as stream:
        for name, kind, size, data in members:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, size
            stream.write(info.tobuf(tarfile.USTAR_FORMAT))
            for piece in data:
                stream.write(piece)
        stream.write(bytes(1024))
    return packed.getvalue()


def sdist(*members):
    info = [("hostile-1.0/PKG-INFO", tarfile.REGTYPE, len(METADATA), [METADATA.ljust(512, b"\0")])]
    return tar([*info, *members])


def tar_bomb(_):
    return sdist(("hostile-1.0/bomb", tarfile.REGTYPE, 2 << 30, (bytes(1 << 20) for _ in range(2 << 10))))


def tar_members(_):
    return sdist(*((f"hostile-1.0/{number}", tarfile.REGTYPE, 0, []) for number in range(200_000)))


def tar_keywords(_):
    """Sixty megabytes of keywords that no member needs."""
    value = b"99 comment=" + b"a" * 87 + b"\n"
    block = (value * 660)[:65_340].ljust(65_536, b"\0")
    return sdist(*(("PaxHeader", tarfile.XHDTYPE, 65_340, [block]) for _ in range(1000)))


def tar_keyword_bomb(_):
    return sdist(("PaxHeader", tarfile.XHDTYPE, 1 << 30, (bytes(1 << 20) for _ in range(1 << 10))))


def tar_padding(_):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0) as stream:
        for _ in range(2 << 10):
            stream.write(bytes(1 << 20))
    return packed.getvalue()


def links(_):
    info = tarfile.TarInfo("hostile-1.0/out")
    info.type, info.linkname = tarfile.SYMTYPE, "/tmp"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(info)
        archive.addfile(tarfile.TarInfo("hostile-1.0/out/everfresh-was-here"))
    return packed.getvalue()


def of(change, **more):
    return lambda _: wheel(change, **more)


ARCHIVES = [
    ("2 MB that become 2 GiB", WHEEL, of(bomb)),
    ("2 GiB that say 100 bytes", WHEEL, of(lying_bomb)),
    ("500 bombs within their own bound", WHEEL, of(many_bombs)),
    ("10 000 members over one kernel (Fifield)", WHEEL, of(overlapping)),
    ("10⁶ members", WHEEL, of(many_members(1_000_000))),
    ("99 000 members, none listed", WHEEL, of(many_members(99_000))),
    ("200 names of 60 000 bytes", WHEEL, of(many_members(200, b"n" * 60_000 + b"%d"))),
    ("15 000 paths 64 deep, of 950 bytes", WHEEL, of(deep_members)),
    ("90 000 paths 62 deep, of 130 bytes", WHEEL, of(shallow_deep_members)),
    ("ZIP64 sizes of 2⁶²", WHEEL, of(zip64_lies)),
    ("a directory of 2⁶⁰ entries", WHEEL, directory_lie),
    ("a name that leads out", WHEEL, of(lambda archive: archive.add(b"../../../outside", b"x"))),
    ("RECORD of 1.8·10⁶ lines", WHEEL, huge_record),
    ("RECORD of 95 000 files and one more", WHEEL, bulky_record),
    ("RECORD of 40 MB", WHEEL, lambda _: wheel(record=os.urandom(1 << 20).hex().encode() * 20)),
    ("METADATA of 40 MB", WHEEL, lambda _: wheel(metadata=METADATA + os.urandom(1 << 20).hex().encode() * 20)),
    ("METADATA of 8 MB of fields", WHEEL, lambda _: wheel(metadata=(METADATA[:22] + b"Name: hostile\n" * 550_000))),
    ("tar.gz of 2 GiB", SDIST, tar_bomb),
    ("tar.gz of 200 000 members", SDIST, tar_members),
    ("tar.gz of 60 MB of keywords", SDIST, tar_keywords),
    ("tar.gz of 1 GiB of keywords for one member", SDIST, tar_keyword_bomb),
    ("tar.gz of 2 GiB of zeros", SDIST, tar_padding),
    ("tar.gz with a link to write through", SDIST, links),
]


# Index pages

def endless():
    while True:
        yield b"." * (1 << 16)


def tagged(project):
    ten = ".".join("abcdefghij")
    name = f"{project}-%d-{ten}-{ten}-{ten}.whl"
    file = f'{{"filename": "{name}", "url": "/f/{name}", "hashes": {{}}}}'
    return f'{{"files": [{", ".join(file % (number, number) for number in range(80_000))}]}}'.encode()


def pages():
    """(name, type, head, pieces): a page that begins with `head`."""
    json, html = "application/vnd.pypi.simple.v1+json", "text/html"
    file = ('{"filename": "hostile-%d.0-py3-none-any.whl", "url": "/f/hostile-%d.0-py3-none-any.whl", '
            '"hashes": {}}')
    versions = ", ".join(file % (number, number) for number in range(200_000))
    anchors = "".join(f"<a href=/f/hostile-{number}-py3-none-any.whl>a</a>\n" for number in range(500_000))
    short = "".join(f"<a href=hostile-{number}.zip>" for number in range(850_000))
    return [
        ("JSON of 200 000 versions (24 MB)", json, [f'{{"files": [{versions}]}}'.encode()]),
        ("HTML of 500 000 versions (24 MB)", html, [anchors.encode()]),
        ("HTML of 850 000 short links (24 MB)", html, [short.encode()]),
        ("JSON 10⁷ deep", json, [b'{"files": ' + b"[" * 10_000_000]),
        ("JSON of 5·10⁶ nulls", json, [b'{"files": [' + b"null," * 4_900_000 + b"null]}"]),
        ("JSON of one string of 24 MB", json, [b'{"files": [{"filename": "' + b"a" * 24_000_000 + b'"}]}']),
        ("JSON of one escaped string of 24 MB", json,
         [b'{"files": [{"filename": "\\n' + b"a" * 24_000_000 + b'"}]}']),
        ("JSON whose list is a string of 24 MB", json, [b'{"files": "\\n' + b"a" * 24_000_000 + b'"}']),
        ("JSON of 80 000 wheels with 1000 tags each", json, [tagged("hostile")]),
        ("JSON of 80 000 such wheels of another project", json, [tagged("other")]),
        ("JSON of 10⁶ digests for one file", json,
         [b'{"files": [{"filename": "hostile-1.0-py3-none-any.whl", "url": "/f", "hashes": {'
          + b",".join(b'"h%d": "0"' % number for number in range(1_000_000)) + b"}}]}"]),
        ("5·10⁶ entities in short links", html,
         [(b"<a href='" + b"&amp;" * 10_000 + b"'>hostile-1.0.zip</a>") * 480]),
        ("an endless body", html, endless()),
        ("an endless body, compressed", "gzip", [gzip.compress(bytes(400 << 20), 9)]),
        ("one HTML tag of 24 MB", html, [b"<a " + b"x" * 24_000_000]),
        ("one HTML tag of 6·10⁶ attributes", html, [b"<a " + b"a=b " * 6_000_000 + b">x</a>"]),
        ("HTML 5·10⁶ deep", html, [b"<div>" * 4_800_000]),
        ("6·10⁶ openings of comments", html, [b"<!--" * 6_000_000]),
        ("5·10⁶ entities", html, [b"<a href='" + b"&amp;" * 4_800_000 + b"'>hostile-1.0.zip</a>"]),
    ]


class Site:
    """One page under every path, from a thread of ours: what is measured is the client's memory and patience."""

    def __init__(self, kind, pieces):
        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                self.send_response(200)
                packed = kind == "gzip"
                self.send_header("Content-Type", "text/html" if packed else kind)
                if packed:
                    self.send_header("Content-Encoding", "gzip")
                self.end_headers()
                try:
                    for piece in pieces:
                        self.wfile.write(piece)
                except OSError:
                    pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/simple/"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


# The kernel counts what a process was before its `exec` to its peak, so a small one has to start it.
METER = """
import os, sys, time
null, began = os.open(os.devnull, os.O_RDWR), time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), time.perf_counter() - began, usage.ru_maxrss)
"""


def measured(command, folder):
    """(exit status, seconds, MiB at most, first line of what it said)."""
    env = environment(HOME=str(folder / "home"), TMPDIR=str(folder / "tmp"), EVERFRESH_CACHE=str(folder / "cache"))
    command = [sys.executable, "-I", "-S", "-c", METER, *map(str, command)]
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          cwd=folder)
    said = done.stderr.decode(errors="replace")
    status, wall, most = done.stdout.split()[-3:]
    lines = [line for line in said.splitlines() if line] or [""]
    said = re.sub(r"^everfresh: error: (cannot unpack |cannot use )?\S*?: ", "", lines[0])
    return int(status), float(wall), int(most) / 1024, said


def tree(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def row(name, command, folder):
    before = tree(folder)
    status, wall, most, said = measured(command, folder)
    left = len(tree(folder) - before - {"cache", "home", "tmp"})
    good = status not in (0, -6, -9, -11) and wall <= SECONDS and most <= MIB and not left
    return [name, f"{wall:.3f}", f"{most:.1f}", left, said[:90].replace("|", "\\|"), "yes" if good else "NO"]


def run(_, __):
    program, rows = tool(), []
    with workplace("hostile") as folder:
        for place in ("home", "tmp"):
            (folder / place).mkdir()
        for name, filename, build in ARCHIVES:
            archive = folder / filename
            archive.write_bytes(build(None))
            size = archive.stat().st_size
            # Beside the destination, above it, and in the home is where things would be left.
            inside = folder / "place"
            inside.mkdir()
            result = row(name, [program, "unpack", archive, inside / "environment"], folder)
            rows.append([*result[:1], f"{size / 1e6:.1f}", *result[1:]])
            inside.rmdir()
            archive.unlink()
        table(f"Hostile archives, refused by {program.name} of {program.parent.name} "
              f"(asked: ≤ {SECONDS:.0f} s, ≤ {MIB} MiB, no file left)",
              ["archive", "MB", "s", "peak MiB", "files left", "refusal", "as asked"], rows)
        rows = []
        for name, kind, pieces in pages():
            with Site(kind, pieces) as site:
                command = [program, "resolve", "hostile", "--index", site.url]
                rows.append(row(name, command, folder))
        table("Hostile index pages, of at most 24 MiB", ["page", "s", "peak MiB", "files left", "answer", "as asked"],
              rows)
