"""Network trouble: how long an installed app takes to start when the index is away and a check is due."""
import contextlib
import shutil
import socket
import subprocess

from world import APP, App, Index, left_out, table, wheel, workplace

TIMEOUT = 1.0


@contextlib.contextmanager
def refused(_):
    yield ()


@contextlib.contextmanager
def silent(port):
    """Connections are made by the kernel, and nobody ever answers."""
    with listener(port, 128):
        yield ()


@contextlib.contextmanager
def full(port):
    """A backlog that is full: no handshake is ever completed."""
    with listener(port, 0), contextlib.ExitStack() as fillers:
        for _ in range(4):
            filler = fillers.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield ()


@contextlib.contextmanager
def no_network(_):
    yield ("unshare", "-rn")


@contextlib.contextmanager
def listener(port, backlog):
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen(backlog)
        yield server


def installed(folder, python):
    """An app that checks at every start, and the port its index had."""
    wheel(folder / "wheels", APP, "1.0")
    with Index(folder / "wheels") as index:
        app = App(folder, python, index.source, interval="0s", timeout=f"{TIMEOUT:.0f}s")
        app.run()
        app.settle()
        healthy, _ = app.run()
        app.settle()
    return app, index.port, healthy


def run(pythons, _):
    rows = []
    modes = {"refused": refused, "silent": silent, "full backlog": full, "no network": no_network}
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rn", "true"]).returncode != 0:
        left_out("no network", "unshare -rn is not possible here")
        del modes["no network"]
    for name, mode in modes.items():
        with workplace("trouble") as folder:
            app, port, healthy = installed(folder, pythons[0])
            with mode(port) as prefix:
                times = [app.run(prefix=prefix)[0] for _ in range(3)]
                app.end()
            rows.append([name, f"{healthy:.3f}", *(f"{wall:.3f}" for wall in times),
                         "yes" if times[0] <= TIMEOUT + healthy + 0.05 else "NO"])
    table(f"Seconds until an installed app had started and ended, a check due, timeout {TIMEOUT:.0f} s",
          ["index", "healthy", "first start", "next", "the one after", "first ≤ timeout + 50 ms"], rows)
