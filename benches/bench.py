#!/usr/bin/env python3
"""Measures the launcher beside its peers, all in one run, and prints tables.

usage: bench.py [warm] [trouble] [check] [cold] [repositories] [hostile] [--rounds N]      (all by default, 60 rounds)
LAUNCHER names the executable; BENCH_PYTHONS (separated by colons) the interpreters.
Servers listen on 127.0.0.1 only; all that is written lies below target/.
"""
import argparse
import os
import platform
import time

import check
import cold
import hostile
import repositories
import trouble
import warm
from world import LAUNCHER, pythons

PARTS = {"warm": warm, "trouble": trouble, "check": check, "cold": cold,
         "repositories": repositories, "hostile": hostile}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=60)
    arguments = parser.parse_args()
    if not LAUNCHER.exists():
        parser.error(f"there is no {LAUNCHER}; scripts/build-static makes it")
    interpreters = pythons()
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {platform.system()} {platform.release()} "
          f"{platform.machine()}, load {os.getloadavg()[0]:.1f}; {', '.join(map(str, interpreters))}")
    for name in arguments.parts or PARTS:
        PARTS[name].run(interpreters, arguments.rounds)


main()
