"""Stands for the proxies that look into TLS: takes CONNECT, shows a certificate of its own, and passes on in a second
TLS connection what it has read. Arguments: port, certificate, key.

With a further port and a root it is the TLS side of the proxy at that port, for clients with a certificate of that root."""

import socket
import ssl
import sys
import threading

port, certificate, key, *behind = sys.argv[1:]
ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ours.load_cert_chain(certificate, key)
if behind:
    ours.verify_mode = ssl.CERT_REQUIRED
    ours.load_verify_locations(behind[1])
theirs = ssl.create_default_context()
theirs.check_hostname = False
theirs.verify_mode = ssl.CERT_NONE


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for side in (source, target):
        try:
            side.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def shake_hands(client):
    inside = ours.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
    try:
        inside.do_handshake()
    except OSError:
        # Closed with words of the client unread, the connection would be reset, and our alert lost with it.
        with socket.socket(fileno=inside.detach()) as raw:
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(65536):
                pass
        raise
    return inside


def front(client):
    inside = shake_hands(client)
    print("CLIENT", dict(pair[0] for pair in inside.getpeercert()["subject"])["commonName"], flush=True)
    outside = socket.create_connection(("127.0.0.1", int(behind[0])))
    threading.Thread(target=copy, args=(inside, outside), daemon=True).start()
    copy(outside, inside)


def serve(client):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = client.recv(1)
        if not byte:
            return
        head += byte
    host, _, at = head.split()[1].decode().rpartition(":")
    print("CONNECT", host, at, flush=True)
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    inside = shake_hands(client)
    outside = theirs.wrap_socket(socket.create_connection((host, int(at))), server_hostname=host)
    threading.Thread(target=copy, args=(inside, outside), daemon=True).start()
    copy(outside, inside)


def guarded(client):
    try:
        front(client) if behind else serve(client)
    except (OSError, ValueError) as error:
        print(error, flush=True)


listener = socket.create_server(("127.0.0.1", int(port)))
while True:
    threading.Thread(target=guarded, args=(listener.accept()[0],), daemon=True).start()
