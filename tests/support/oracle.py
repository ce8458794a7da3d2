"""Answers the pure operations of `everfresh rpc` with the `packaging` library: the judge of our own answers."""

import json
import sys

from packaging import tags
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version


def valid(name):
    return canonicalize_name(name, validate=True)


def requirement(request):
    parsed = Requirement(request["requirement"])
    if parsed.url and not parsed.url.isprintable():
        raise ValueError("no address has white space or control characters, though `packaging` lets them in")
    return {
        # `packaging` takes `name_` for a name, PEP 508 does not.
        "name": valid(parsed.name),
        "extras": sorted({valid(extra) for extra in parsed.extras}),
        "url": parsed.url,
        "specifier": str(parsed.specifier),
        "marker": parsed.marker and str(parsed.marker),
    }


def evaluate(request):
    environment = dict(request["environment"])
    environment["extras"] = set(environment.get("extras", ()))
    environment["dependency_groups"] = set()
    return {"result": Marker(request["marker"]).evaluate(environment)}


def wheel(request):
    stem = request["filename"][:-4]
    name, version, build, accepted = parse_wheel_filename(request["filename"])
    valid(stem.split("-")[0])
    return {"name": name, "version": str(version), "build": list(build), "tags": sorted(map(str, accepted))}


def sdist(request):
    name, version = parse_sdist_filename(request["filename"])
    valid(name)
    return {"name": name, "version": str(version)}


def compare(request):
    left, right = Version(request["left"]), Version(request["right"])
    return {"cmp": (left > right) - (left < right)}


def contains(request):
    specifier = SpecifierSet(request["specifier"])
    return {"contains": specifier.contains(request["version"], prereleases=request["prereleases"])}


def matching(request):
    specifier = SpecifierSet(request["specifier"])
    return {"versions": list(specifier.filter(request["versions"], prereleases=request["prereleases"]))}


def version(request):
    parsed = Version(request["version"])
    return {"version": str(parsed), "prerelease": parsed.is_prerelease}


OPERATIONS = {
    "version.parse": version,
    "version.cmp": compare,
    "specifier.parse": lambda request: SpecifierSet(request["specifier"]) and {} or {},
    "specifier.contains": contains,
    "specifier.filter": matching,
    "requirement.parse": requirement,
    "marker.parse": lambda request: Marker(request["marker"]) and {},
    "marker.evaluate": evaluate,
    "wheel.parse": wheel,
    "sdist.parse": sdist,
    "name.normalize": lambda request: {"name": valid(request["name"])},
    "tags": lambda request: {"tags": list(map(str, tags.sys_tags()))},
}


def answer(request):
    try:
        return {"ok": True, **OPERATIONS[request["op"]](request)}
    except Exception as error:
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))))
