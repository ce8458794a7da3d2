"""A name server (RFC 1035) for one test: every name is 127.0.0.1, after so many seconds, or no answer ever comes."""

import socket
import sys
import threading
import time

late = sys.argv[1]
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))


def answer(question, client):
    time.sleep(float(late))
    end = question.index(b"\0", 12) + 5
    kind = int.from_bytes(question[end - 4 : end - 2], "big")
    found = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" if kind == 1 else b""
    head = question[:2] + b"\x81\x80\0\1" + (b"\0\1" if found else b"\0\0") + b"\0\0\0\0"
    server.sendto(head + question[12:end] + found, client)


while True:
    question, client = server.recvfrom(512)
    if late != "never":
        threading.Thread(target=answer, args=(question, client), daemon=True).start()
