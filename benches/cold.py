"""Cold first runs of real applications from an index on loopback, beside what else installs and starts them."""
import operator
import os
import shutil
import subprocess
import sys
import time

from world import TARGET, WORK, App, Index, LeftOut, environment, interleaved, left_out, median, paired, table, workplace

WHEELS = TARGET / "bench-wheels"
TOOLS = WORK / "tools"
SETS = {"httpie": ("http", "httpie.__main__:main"), "poetry": ("poetry", "poetry.console.application:main")}


def tools(python):
    """uv and a current pip, in a venv of their own."""
    if not (TOOLS / "bin" / "uv").exists():
        made = subprocess.run([sys.executable, "-m", "venv", TOOLS], stdout=subprocess.DEVNULL)
        if made.returncode or subprocess.run([TOOLS / "bin/pip", "install", "-q", "-U", "pip", "uv"]).returncode:
            shutil.rmtree(TOOLS, ignore_errors=True)
            raise LeftOut("uv and pip cannot be installed here")
    return TOOLS / "bin"


def wheels(project, python, pip):
    """The wheels of a project and all it needs, fetched once."""
    version = subprocess.run([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], check=True,
                             stdout=subprocess.PIPE, text=True).stdout.strip()
    folder = WHEELS / f"{project}-{version}"
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        command = [pip, "--python", python, "download", "-q", "--only-binary", ":all:", "-d", partial, project]
        if subprocess.run(command).returncode != 0:
            raise LeftOut("its wheels cannot be fetched: the package index is not reachable")
        partial.rename(folder)
    return folder


class Round:
    """One cold run: fresh home and caches; seconds, MiB of the largest process, what the index was asked."""

    def __init__(self, index, project, python, tools):
        self.index, self.project, self.python, self.tools = index, project, str(python), tools
        self.script, self.entry = SETS[project]

    def launcher(self, folder):
        app = App(folder, self.python, self.index.source, self.project, self.entry, timeout="60s")
        return app, [app.command, "--version"], app.env

    def uvx(self, folder):
        return None, [self.tools / "uvx", "-q", "--python", self.python, "--from", self.project, self.script,
                      "--version"], self.env(folder)

    def uv_target(self, folder):
        return None, [self.tools / "uv", "pip", "install", "-q", "--python", self.python, "--target", folder / "libs",
                      self.project], self.env(folder)

    def pip_target(self, folder):
        return None, [self.tools / "pip", "--python", self.python, "install", "-q", "--no-compile", "--target",
                      folder / "libs", self.project], self.env(folder)

    def env(self, folder):
        return environment(
            HOME=str(folder / "home"), UV_DEFAULT_INDEX=self.index.url, UV_CACHE_DIR=str(folder / "uv"),
            UV_PYTHON_DOWNLOADS="never", UV_NO_CONFIG="1", PIP_INDEX_URL=self.index.url, PIP_CONFIG_FILE=os.devnull,
            PIP_DISABLE_PIP_VERSION_CHECK="1")

    def measure(self, prepare):
        with workplace("cold") as folder:
            app, command, env = prepare(folder)
            self.index.counts()
            began = time.perf_counter()
            done = subprocess.run(command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE)
            wall = time.perf_counter() - began
            if done.returncode != 0:
                raise RuntimeError(f"{command}: {done.stderr.decode(errors='replace')}")
            settled = 0.0
            if app:
                app.settle()
                settled = time.perf_counter() - began
            os.sync()
            return wall, settled, self.index.counts()


def one_set(project, python, rounds):
    bin_dir = tools(python)
    folder = wheels(project, python, bin_dir / "pip")
    with Index(folder) as index:
        cold = Round(index, project, python, bin_dir)
        kinds = {"launcher (installs, checks, starts)": cold.launcher, "uvx (installs, starts)": cold.uvx,
                 "uv pip install --target": cold.uv_target, "pip install --target --no-compile": cold.pip_target}
        results = interleaved({name: (lambda kind=kind: cold.measure(kind)) for name, kind in kinds.items()}, rounds)
    base = [wall for wall, _, _ in results["uv pip install --target"]]
    rows = []
    for name, values in results.items():
        walls, counts = [wall for wall, _, _ in values], values[-1][2]
        behind = median([settled for _, settled, _ in values])
        rows.append([name, f"{median(walls):.2f}", f"{min(walls):.2f}", f"{paired(walls, base, operator.truediv):.2f}",
                     counts["requests"], f"{counts['body'] / 1e6:.1f}", f"{behind:.2f}" if behind else ""])
    count = len(list(folder.glob("*.whl")))
    table(f"Cold first run of {project}, {count} wheels, {rounds} rounds, {python}",
          ["command", "median s", "min", "× uv pip install", "requests", "MB", "s until bytecode is compiled too"], rows)


def run(pythons, rounds):
    for project in SETS:
        try:
            one_set(project, pythons[0], max(3, rounds // 20))
        except LeftOut as why:
            left_out(f"cold first run of {project}", why)
