"""Warm starts: what the launcher adds to starting Python, and what it asks of the system."""
import collections
import operator
import os
import re
import shutil
import subprocess
from pathlib import Path

from world import APP, HERE, LAUNCHER, App, LeftOut, environment, interleaved, left_out, median, paired, \
    table, wall_of, wheel, workplace

BUDGET = {"µs over the exec floor": 300, "system calls": 37, "peak RSS KiB": 2048, "execs": 1}


def rust_musl():
    """The directory of the musl that comes with Rust's target, where that is installed."""
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], stdout=subprocess.PIPE, text=True).stdout.strip() \
        if shutil.which("rustc") else ""
    place = Path(sysroot) / f"lib/rustlib/{os.uname().machine}-unknown-linux-musl/lib/self-contained"
    return place if (place / "libc.a").exists() else None


def compile_c(source, to, *options):
    """A static program; with musl where there is one, as the launcher has it: glibc's start costs more."""
    musl = rust_musl()
    if shutil.which("musl-gcc"):
        command, libraries = ["musl-gcc", "-static"], []
    elif not shutil.which("cc"):
        raise LeftOut("no C compiler")
    elif musl:
        command, libraries = ["cc", "-static", "-nostdlib", "-no-pie", "-fno-stack-protector"], \
            [musl / "crt1.o", musl / "crti.o", musl / "libc.a", musl / "crtn.o"]
    else:
        command, libraries = ["cc", "-static"], []
    subprocess.run([*command, "-O2", "-s", "-Wall", "-o", to, *options, HERE / source, *libraries], check=True)
    return to


def c_string(text):
    return '"' + "".join(f"\\{byte:03o}" for byte in text.encode("utf-8", "surrogateescape")) + '"'


def floor(folder, name, words, variables=()):
    """A static program that is this command line, with these variables set."""
    place = folder / name
    place.mkdir()
    (place / "command.h").write_text(
        f"#define PROGRAM {c_string(words[0])}\n"
        f"#define ARGUMENTS {''.join(c_string(word) + ', ' for word in words)}\n"
        "#define VARIABLES " + "".join(f"SET({c_string(n)}, {c_string(v)}) " for n, v in variables) + "\n")
    return compile_c("floor.c", place / name, "-I", place)


class Commands:
    """All ways to start the one trivial app with one interpreter."""

    def __init__(self, folder, python):
        self.python = str(python)
        wheel(folder / "wheels", APP, "1.0")
        archive = next((folder / "wheels").iterdir())
        self.app = App(folder, python, 'type = "directory"\nurl = "' + str(folder / "wheels") + '"')
        self.app.run()
        self.app.settle()
        self.app.run()
        words = self.app.run("--command-line")[1].split("\0")[:-2]
        libs = folder / "libs"
        shutil.unpack_archive(archive, libs, "zip")
        self.venv_script = self.venv(folder, archive, libs)
        subprocess.run([python, "-m", "compileall", "-q", libs], check=True)
        path = [("PYTHONPATH", str(libs))]
        ours = [("EVERFRESH_LAUNCHER", str(self.app.command)), ("EVERFRESH_GENERATION", "1")]
        self.floor = floor(folder, "floor", words, ours)
        module = [self.python, "-m", APP]
        code = f"import sys;sys.path.insert(0,{str(libs)!r})\nfrom {APP} import main\nsys.exit(main())"
        with_path = environment(**dict(path))
        self.starts = {
            "launcher": ([self.app.command], self.app.env),
            "C floor, the launcher's own command line": ([self.floor], self.app.env),
            "C floor, python -m": ([floor(folder, "floor-m", module, path)], environment()),
            "python -m, PYTHONPATH": (module, with_path),
            "python -c, PYTHONPATH": ([self.python, "-c", f"from {APP} import main;main()"], with_path),
            "python -S -c": ([self.python, "-S", "-c", code], environment()),
            "venv console script": ([self.venv_script], environment()),
        }

    def venv(self, folder, archive, libs):
        """A venv with the wheel in it as an installer would put it there: its script is pip's own."""
        venv = folder / "venv"
        subprocess.run([self.python, "-m", "venv", "--without-pip", venv], check=True)
        site = next(venv.glob("lib/python*/site-packages"))
        shutil.copytree(libs, site, dirs_exist_ok=True)
        subprocess.run([self.python, "-m", "compileall", "-q", site], check=True)
        script = venv / "bin" / APP
        script.write_text(f"#!{venv}/bin/python\n# -*- coding: utf-8 -*-\nimport re\nimport sys\nfrom {APP} import main\n"
                          "if __name__ == '__main__':\n"
                          "    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])\n"
                          "    sys.exit(main())\n")
        script.chmod(0o755)
        return script


def whole_starts(commands, rounds):
    measures = {name: (lambda command=command, env=env: wall_of(command, env))
                for name, (command, env) in commands.starts.items()}
    walls = interleaved(measures, rounds)
    base, venv = walls["C floor, the launcher's own command line"], walls["venv console script"]
    rows = [[name, f"{median(ms):.2f}", f"{min(ms):.2f}", f"{paired(ms, base, operator.sub):+.2f}",
             f"{paired(ms, venv, operator.truediv):.2f}"]
            for name, ms in sorted(walls.items(), key=lambda item: median(item[1]))]
    version = subprocess.run([commands.python, "-V"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    table(f"Warm start, trivial app, {commands.python} ({version}), {rounds} rounds, whole process",
          ["command", "median ms", "min", "over the floor ms", "× venv script"], rows)


def own_part(commands, folder, rounds):
    """From the launcher's exec to Python's: its own part alone, without the interpreter's noise."""
    probe = compile_c("exec_to_exec.c", folder / "exec_to_exec")

    def measure(program, env):
        run = subprocess.run([probe, program], env=env, check=True, stdout=subprocess.PIPE, text=True)
        nanoseconds, faults, kibibytes = map(int, run.stdout.split())
        return nanoseconds / 1000, faults, kibibytes

    env = commands.app.env
    crowded = {**env, **{f"VARIABLE_{number}": "x" * 40 for number in range(100)}}
    programs = {
        "launcher": (commands.app.command, env), "C floor": (commands.floor, env),
        "launcher, 100 more variables": (commands.app.command, crowded),
        "C floor, 100 more variables": (commands.floor, crowded),
    }
    results = interleaved({name: (lambda p=p, e=e: measure(p, e)) for name, (p, e) in programs.items()}, rounds)
    rows = []
    for name, values in results.items():
        us, faults, rss = zip(*values)
        base = next(zip(*results[name.replace("launcher", "C floor")]))
        rows.append([name, f"{median(us):.0f}", f"{min(us):.0f}", f"{paired(us, base, operator.sub):+.0f}",
                     f"{median(faults):.0f}", max(rss)])
    table(f"The launcher's own part, from exec to exec, {rounds} rounds",
          ["program", "median µs", "min", "over the floor µs", "page faults", "peak RSS KiB"], rows)


def system_calls(commands, folder):
    if not shutil.which("strace"):
        raise LeftOut("no strace")
    for name, program in {"launcher": commands.app.command, "C floor": commands.floor}.items():
        log = folder / "strace"
        subprocess.run(["strace", "-f", "-qq", "-s", "200", "-o", log, program], env=commands.app.env, check=True,
                       stdout=subprocess.DEVNULL)
        calls, execs = [], 0
        for line in log.read_text(errors="replace").splitlines():
            call = re.match(r"\d+ +(\w+)\(", line)
            calls += [call[1]] if call else []
            execs += bool(call) and call[1] == "execve" and line.endswith("= 0")
            if execs == 2:
                break
        counted = collections.Counter(calls)
        print(f"\n{name}: {len(calls) - 2} system calls between its own execve and Python's: "
              + ", ".join(f"{call} {count}" for call, count in counted.most_common() if call != "execve"))
        never = {"write", "clone", "clone3", "fork", "vfork", "socket", "rename", "mkdir", "fsync", "unlink"}
        print(f"{name}: execve {counted['execve'] - 1}; writes, threads, sockets: "
              + (", ".join(sorted(never & set(counted))) or "none"))


def run(pythons, rounds):
    print(f"\nlauncher: {LAUNCHER.stat().st_size} bytes (budget 3 000 000); budgets: {BUDGET}")
    for number, python in enumerate(pythons):
        with workplace("warm") as folder:
            commands = Commands(folder, python)
            whole_starts(commands, rounds)
            if number == 0:
                for part in (lambda: own_part(commands, folder, rounds * 5), lambda: system_calls(commands, folder)):
                    try:
                        part()
                    except LeftOut as why:
                        left_out("the launcher's own part", why)
