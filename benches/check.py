"""A check that finds nothing new: what it asks of the index, and how long the start takes that waits for it."""
from world import APP, App, Index, interleaved, median, table, wheel, workplace

ROUNDS = 10


def run(pythons, _):
    rows = []
    for projects in (1, 16, 51):
        with workplace("check") as folder:
            wheels = folder / "wheels"
            others = [f"dependency{number}" for number in range(1, projects)]
            wheel(wheels, APP, "1.0", requires=others)
            for other in others:
                for version in ("0.9", "1.0"):
                    wheel(wheels, other, version)
            with Index(wheels) as index:
                app = App(folder, pythons[0], index.source, interval="0s", timeout="60s")
                app.run()
                app.settle()
                index.counts()

                def start(app=app, index=index):
                    wall, _ = app.run()
                    app.settle()
                    return wall, index.counts()

                results = interleaved({"start": start}, ROUNDS)["start"]
            counts = results[-1][1]
            rows.append([projects, counts["requests"], int(counts["not_modified"]), counts["body"],
                         f"{counts['received'] / counts['requests']:.0f}", f"{counts['sent'] / counts['requests']:.0f}",
                         f"{median([wall for wall, _ in results]) * 1000:.0f}"])
    table(f"A check with nothing new, {ROUNDS} rounds",
          ["projects", "requests", "of them 304", "bytes of bodies", "bytes asked a request", "bytes answered a request",
           "ms of the start that waits for it"], rows)
