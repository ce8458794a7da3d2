#!/usr/bin/env python3
"""A bucket on loopback that counts: ListObjectsV2, objects with conditions and ranges. Signatures are not looked at.

usage: bucket.py FOLDER      (prints its port, serves until standard input ends; FOLDER is a bucket called "bench")
GET /counts answers what was asked since the last GET /counts: requests, listings, objects, body (bytes of bodies).
"""
import collections
import hashlib
import http.server
import json
import os
import re
import sys
import threading
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 1000

counts = collections.Counter()
counting = threading.Lock()


def etag(path):
    """S3 has it ready; so has this, from what a change of the file changes."""
    stat = path.stat()
    # As of a multipart upload: no client may take it for an MD5.
    return hashlib.md5(f"{path.name} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest() + "-1"


def listing(folder, query):
    prefix, after = query.get("prefix", [""])[0], query.get("continuation-token", [""])[0]
    place = folder / prefix
    names = sorted(entry.name + ("/" if entry.is_dir() else "") for entry in os.scandir(place) if entry.name > after)
    page, rest = names[:PAGE], names[PAGE:]
    parts = [f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult><Name>bench</Name>'
             f"<Prefix>{escape(quote(prefix))}</Prefix><MaxKeys>{PAGE}</MaxKeys><EncodingType>url</EncodingType>"
             f"<KeyCount>{len(page)}</KeyCount><IsTruncated>{str(bool(rest)).lower()}</IsTruncated>"]
    for name in page:
        key = escape(quote(prefix + name))
        if name.endswith("/"):
            parts.append(f"<CommonPrefixes><Prefix>{key}</Prefix></CommonPrefixes>")
            continue
        path = place / name
        parts.append(f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                     f"<ETag>&quot;{etag(path)}&quot;</ETag><Size>{path.stat().st_size}</Size></Contents>")
    if rest:
        parts.append(f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>")
    return "".join([*parts, "</ListBucketResult>"]).encode()


def handler(folder):
    class Bucket(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_):
            pass

        def reply(self, status, body=b"", kind="application/xml", **headers):
            with counting:
                counts.update(requests=1, body=len(body))
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": len(body), **headers}.items():
                self.send_header(name.replace("_", "-"), str(value))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            address = urlsplit(self.path)
            if address.path == "/counts":
                with counting:
                    body = json.dumps(counts).encode()
                    counts.clear()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return
            if address.path.rstrip("/") == "/bench":
                with counting:
                    counts.update(listings=1)
                return self.reply(200, listing(folder, parse_qs(address.query)))
            path = folder / unquote(address.path).removeprefix("/bench/")
            if not path.is_file():
                return self.reply(404, b"<Error><Code>NoSuchKey</Code></Error>")
            tag, size = f'"{etag(path)}"', path.stat().st_size
            if self.headers.get("If-Match") not in (None, tag):
                return self.reply(412, b"<Error><Code>PreconditionFailed</Code></Error>")
            with counting:
                counts.update(objects=1)
            span = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
            with path.open("rb") as file:
                if span:
                    first, last = span.groups()
                    start = int(first) if first else max(0, size - int(last))
                    end = min(size, int(last) + 1) if first and last else size
                    file.seek(start)
                    return self.reply(206, file.read(end - start), "application/zip", ETag=tag,
                                      Content_Range=f"bytes {start}-{end - 1}/{size}")
                with counting:
                    counts.update(requests=1, body=size)
                self.send_response(200)
                for name, value in {"Content-Type": "application/zip", "Content-Length": size, "ETag": tag}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.flush()
                while sent := os.sendfile(self.connection.fileno(), file.fileno(), None, 1 << 20):
                    size -= sent

    return Bucket


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    with Server(("127.0.0.1", 0), handler(Path(sys.argv[1]))) as server:
        print(server.server_address[1], flush=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.buffer.read()
        os._exit(0)


if __name__ == "__main__":
    main()
