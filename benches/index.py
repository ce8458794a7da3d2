#!/usr/bin/env python3
"""A package index on loopback that counts: PEP 691 and PEP 503 pages, PEP 658 metadata, conditional requests.

usage: index.py WHEELS [PORT]      (prints its port, serves until standard input ends)
GET /counts answers what was asked since the last GET /counts: requests, not_modified, body (bytes of answers'
bodies), sent and received (bytes of all heads and bodies).
"""
import collections
import functools
import hashlib
import html
import http.server
import json
import os
import re
import sys
import threading
import zipfile
from pathlib import Path

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
FOREVER = "max-age=365000000, immutable, public"

counts = collections.Counter()
counting = threading.Lock()


def normalize(name):
    return re.sub(r"[-_.]+", "-", name).lower()


class Wheel:
    def __init__(self, path):
        self.path, self.name, self.size = path, path.name, path.stat().st_size
        self.project = normalize(path.name.split("-")[0])
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        with zipfile.ZipFile(path) as archive:
            member = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
            self.metadata = archive.read(member)
        self.metadata_sha256 = hashlib.sha256(self.metadata).hexdigest()


class Shelf:
    """All wheels below a directory, hashed before the first request is timed; new ones are seen at once."""

    def __init__(self, folder):
        self.folder = folder
        self.wheel = functools.lru_cache(maxsize=None)(Wheel)
        self.wheels()

    def wheels(self):
        return [self.wheel(path) for path in sorted(self.folder.rglob("*.whl"))]

    @functools.lru_cache(maxsize=None)
    def page(self, project, as_json, stamp):
        wheels = [wheel for wheel in self.wheels() if wheel.project == project]
        if not wheels:
            return None
        if as_json:
            return json.dumps({
                "meta": {"api-version": "1.1"}, "name": project, "versions": [w.name.split("-")[1] for w in wheels],
                "files": [{
                    "filename": w.name, "url": f"/files/{w.name}", "hashes": {"sha256": w.sha256}, "size": w.size,
                    "core-metadata": {"sha256": w.metadata_sha256}, "upload-time": "2026-01-01T00:00:00Z",
                } for w in wheels],
            }).encode()
        links = "".join(
            f'<a href="/files/{html.escape(w.name)}#sha256={w.sha256}" '
            f'data-core-metadata="sha256={w.metadata_sha256}">{html.escape(w.name)}</a><br>\n' for w in wheels)
        return f"<!DOCTYPE html><html><body>{links}</body></html>".encode()


def handler(shelf):
    class Index(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 1 << 16

        def log_message(self, *_):
            pass

        def reply(self, body, kind="application/octet-stream", status=200, cache=None):
            tag = '"' + hashlib.sha256(body).hexdigest()[:32] + '"' if len(body) < 1 << 20 else None
            if status == 200 and tag and self.headers.get("If-None-Match") == tag:
                status, body = 304, b""
            self.send_response(status)
            if status != 304:
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
            if tag:
                self.send_header("ETag", tag)
            if cache:
                self.send_header("Cache-Control", cache)
            head = sum(map(len, self._headers_buffer)) + 2
            asked = len(self.raw_requestline) + len(self.headers.as_bytes())
            with counting:
                counts.update(requests=1, not_modified=status == 304, body=len(body), sent=head + len(body),
                              received=asked)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            path = self.path.split("?")[0]
            if path == "/counts":
                with counting:
                    body = json.dumps(counts).encode()
                    counts.clear()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return
            page = re.fullmatch(r"/simple/([^/]+)/?", path)
            if page:
                as_json = SIMPLE_JSON in self.headers.get("Accept", "")
                body = shelf.page(normalize(page[1]), as_json, shelf.folder.stat().st_mtime_ns)
                if body:
                    kind = SIMPLE_JSON if as_json else "text/html; charset=utf-8"
                    return self.reply(body, kind, cache="max-age=600, public")
            elif path.startswith("/files/"):
                name = path[len("/files/"):]
                for wheel in shelf.wheels():
                    if name == wheel.name:
                        return self.reply(wheel.path.read_bytes(), cache=FOREVER)
                    if name == wheel.name + ".metadata":
                        return self.reply(wheel.metadata, cache=FOREVER)
            self.reply(b"not found", status=404)

    return Index


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    folder = Path(sys.argv[1])
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with Server(("127.0.0.1", port), handler(Shelf(folder))) as server:
        print(server.server_address[1], flush=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.buffer.read()
        os._exit(0)


if __name__ == "__main__":
    main()
