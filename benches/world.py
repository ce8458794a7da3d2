"""What all tables stand on: an app in a world of its own, commands in random order, medians, tables."""
import base64
import contextlib
import hashlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target")).resolve()
WORK = TARGET / "bench"
LAUNCHER = Path(os.environ.get(
    "LAUNCHER", TARGET / f"{os.uname().machine}-unknown-linux-musl" / "release" / "launcher")).resolve()
APP = "benchapp"
MAIN = f"""import sys
def main():
    if sys.argv[1:]==['--command-line']:sys.stdout.write(open('/proc/self/cmdline').read())
    else:print('{APP} 1.0')
"""


class LeftOut(Exception):
    """A part of the benchmarks that cannot be had here."""


def pythons():
    """A plain interpreter, and the one whose `site` costs most where some that version managers made cost more."""
    named = os.environ.get("BENCH_PYTHONS")
    if named:
        return [Path(path) for path in named.split(":")]
    plain = Path("/usr/bin/python3") if Path("/usr/bin/python3").exists() else Path(sys.executable)
    costs = {path: site_cost(path) for path in [plain, *Path.home().glob(".pyenv/versions/3.*/bin/python3")]
             if subprocess.run([path, "-c", "import sys; sys.exit(sys.version_info < (3, 9))"]).returncode == 0}
    heavy = max(costs, key=costs.get)
    return [plain] if costs[heavy] < 2 * costs[plain] else [plain, heavy]


def site_cost(python, rounds=5):
    def cost(*options):
        return statistics.median(wall_of([python, *options, "-c", "pass"], environment()) for _ in range(rounds))
    return cost() - cost("-S")


def environment(**more):
    """A bare environment: version managers put shims of python first in PATH."""
    return {"PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8", "TERM": "dumb", **more}


def wheel(folder, name, version, requires=(), source=MAIN):
    """A pure wheel of one module with one console script."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
                            + "".join(f"Requires-Dist: {r}\n" for r in requires),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text.encode())}\n")
    files[f"{info}/RECORD"] = "".join(rows) + f"{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(path, text)


class App:
    """A launcher with its configuration, a home and a cache below `root`."""

    def __init__(self, root, python, source, requirement=APP, entry=f"{APP}:main", **update):
        self.root, self.folder = root, root / "app"
        for folder in (self.folder, root / "home", root / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)
        self.command = self.folder / "launched"
        shutil.copy(LAUNCHER, self.command)
        update = {"interval": "1d", "notify": False, **update}
        (self.folder / "launcher.toml").write_text(
            f'[app]\nname = "launched"\nrequirements = ["{requirement}"]\nentry = "{entry}"\n\n'
            f'[python]\npath = "{python}"\n\n[[source]]\n{source}\n\n[update]\n'
            + "".join(f"{key} = {json.dumps(value)}\n" for key, value in update.items()))
        self.env = environment(HOME=str(root / "home"), TMPDIR=str(root / "tmp"), EVERFRESH_CACHE=str(root / "cache"))

    def run(self, *arguments, prefix=()):
        """Starts it, and returns (seconds until it had ended, what it printed)."""
        began = time.perf_counter()
        done = subprocess.run([*prefix, self.command, *arguments], env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/")
        wall = time.perf_counter() - began
        if done.returncode != 0:
            raise RuntimeError(f"{self.command} ended with {done.returncode}: {done.stderr}")
        return wall, done.stdout

    def updaters(self):
        """Processes of this very launcher that are still at work."""
        found = []
        for link in Path("/proc").glob("[0-9]*/exe"):
            with contextlib.suppress(OSError):
                if os.readlink(link) == str(self.command):
                    found.append(int(link.parent.name))
        return found

    def settle(self):
        """Waits until the updater that goes on behind a start has ended."""
        while self.updaters():
            os.sched_yield()
        return self

    def end(self):
        """Ends updaters that still wait for a server that will never answer."""
        for pid in self.updaters():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        self.settle()


@contextlib.contextmanager
def workplace(name):
    """A directory below target/, on the disk that is built on; gone afterwards."""
    WORK.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=name + "-", dir=WORK) as folder:
        yield Path(folder)


class Server:
    """A server as a process of its own: its work must not be done on the time of who measures."""

    def __init__(self, script, *arguments):
        command = [sys.executable, str(HERE / script), *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def counts(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/counts") as answer:
            return json.load(answer)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Index(Server):
    """benches/index.py."""

    def __init__(self, wheels, port=0):
        super().__init__("index.py", wheels, port)
        self.url = f"http://127.0.0.1:{self.port}/simple/"
        self.source = f'type = "index"\nurl = "{self.url}"'


class Bucket(Server):
    """benches/bucket.py."""

    def __init__(self, folder):
        super().__init__("bucket.py", folder)
        self.source = f'url = "s3://bench"\nendpoint = "http://127.0.0.1:{self.port}"\ncredentials = "none"'


def wall_of(command, env):
    """Milliseconds until a command has ended; it must succeed."""
    command = [os.fspath(word) for word in command]
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1)]
    began = time.perf_counter()
    pid = os.posix_spawn(command[0], command, env, file_actions=actions)
    _, status = os.waitpid(pid, 0)
    wall = (time.perf_counter() - began) * 1000
    os.close(null)
    if status != 0:
        raise RuntimeError(f"{command} ended with status {status}")
    return wall


def interleaved(measures, rounds):
    """Calls every measure once a round, in a new random order, so that a drift of the machine's speed meets all of
    them; a first round warms up and is not counted. Returns name -> results."""
    results = {name: [] for name in measures}
    for number in range(rounds + 1):
        for name in random.sample(list(measures), len(measures)):
            result = measures[name]()
            if number:
                results[name].append(result)
    return results


def table(title, columns, rows):
    print(f"\n### {title}\n")
    print("| " + " | ".join(columns) + " |")
    print("|" + " --- |" * len(columns))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)


def left_out(what, why):
    print(f"\nLeft out: {what}: {why}", flush=True)


def median(values):
    return statistics.median(values)


def paired(values, base, how):
    """The median over rounds of what `how` makes of a value and the base's of the same round."""
    return statistics.median(how(value, other) for value, other in zip(values, base))
