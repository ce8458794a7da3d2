"""Folders in S3: what a check asks, what an update asks, and the updater's memory while it fetches a large file."""
import base64
import hashlib
import os
import threading
import time
import zipfile

from world import APP, App, Bucket, Index, interleaved, median, table, wheel, workplace

ROUNDS = 10
DISTRIBUTIONS = 1000
LARGE = 1 << 30


def requests(pythons):
    with workplace("bucket") as folder:
        packages = folder / "packages"
        wheel(packages, APP, "1.0")
        for number in range(DISTRIBUTIONS - 1):
            wheel(packages, f"other{number}", "1.0")
        with Bucket(packages) as bucket:
            app = App(folder, pythons[0], bucket.source, interval="0s", timeout="60s")

            def start():
                wall, _ = app.run()
                app.settle()
                return wall, bucket.counts()

            rows = [("first run", [start()])]
            rows.append(("nothing new", interleaved({"start": start}, ROUNDS)["start"]))
            wheel(packages, APP, "1.1")
            (packages / "other0-1.0-py3-none-any.whl").unlink()
            rows.append(("one new version", [start()]))
    cells = [[name, counts["requests"], counts.get("listings", 0), counts.get("objects", 0), counts["body"],
              f"{median([wall for wall, _ in results]) * 1000:.0f}"]
             for name, results in rows for counts in [results[-1][1]]]
    table(f"An S3 folder of {DISTRIBUTIONS} distributions; nothing new: {ROUNDS} rounds",
          ["start", "requests", "listings", "of objects", "bytes of bodies", "ms of the start that waits for it"], cells)


def large_wheel(folder, name, version):
    """A wheel with a file of a gibibyte that does not compress."""
    wheel(folder, name, version)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path) as archive:
        members = {info: archive.read(info) for info in archive.namelist()}
    record = next(member for member in members if member.endswith("/RECORD"))
    piece = os.urandom(1 << 20)
    digest = hashlib.sha256()
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("large.bin", "w", force_zip64=True) as member:
            for _ in range(LARGE // len(piece)):
                digest.update(piece)
                member.write(piece)
        row = f"large.bin,sha256={base64.urlsafe_b64encode(digest.digest()).rstrip(b'=').decode()},{LARGE}\n"
        for member, content in members.items():
            archive.writestr(member, row.encode() + content if member == record else content)


def peak(app):
    """The largest resident set of an updater, in MiB, watched until the start has ended."""
    most, over = 0, threading.Event()

    def watch():
        nonlocal most
        while not over.is_set():
            for pid in app.updaters():
                try:
                    with open(f"/proc/{pid}/status") as status:
                        lines = dict(line.split(":", 1) for line in status)
                    if b"EVERFRESH_ROLE=" in open(f"/proc/{pid}/environ", "rb").read():
                        most = max(most, int(lines["VmHWM"].split()[0]))
                except (OSError, KeyError):
                    continue
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    wall, _ = app.run()
    app.settle()
    over.set()
    watcher.join()
    return wall, most / 1024


def memory(pythons):
    rows = []
    for name, server in (("S3 folder", Bucket), ("index", Index)):
        with workplace("memory") as folder:
            packages = folder / "packages"
            large_wheel(packages, APP, "1.0")
            with server(packages) as source:
                app = App(folder, pythons[0], source.source, timeout="10m", first_run_timeout="10m")
                wall, most = peak(app)
        rows.append([name, f"{most:.1f}", f"{wall:.1f}"])
    table(f"The updater while it fetches {LARGE >> 20} MiB", ["from", "peak resident MiB", "s of the first run"], rows)


def run(pythons, _):
    requests(pythons)
    memory(pythons)
