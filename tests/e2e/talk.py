#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Payloads over TCP and UDP, there and back.

usage: talk.py serve PORT SECONDS          echo on TCP and UDP
       talk.py call PORT SIZE... -- ADDRESS...

call sends payloads of each size to each address and compares what comes back;
it prints what went wrong, and ends with code 1 then. The first UDP datagram that
is longer than the path's MTU tells the sender so, and another is sent; one that
comes back and is too long tells the server so, of which nobody hears here.
"""
import errno
import hashlib
import selectors
import socket
import sys
import time

FITS = 1200  # less than any path's MTU: nothing of that length is ever sent again


def payload(size, peer):
    """Bytes that differ by size and peer and do not sum to nothing."""
    block = hashlib.sha256(("%d %s" % (size, peer)).encode()).digest()
    return (block * (size // len(block) + 1))[:size]


def serve(port, seconds):
    selector, end = selectors.DefaultSelector(), time.monotonic() + seconds
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("", port))
    tcp = socket.create_server(("", port), backlog=64)
    selector.register(udp, selectors.EVENT_READ)
    selector.register(tcp, selectors.EVENT_READ)
    while time.monotonic() < end:
        for key, _ in selector.select(0.5):
            sock = key.fileobj
            if sock is udp:
                data, sender = udp.recvfrom(65536)
                udp.sendto(data, sender)
            elif sock is tcp:
                selector.register(tcp.accept()[0], selectors.EVENT_READ)
            else:
                data = sock.recv(65536)
                if data:
                    sock.sendall(data)
                else:
                    selector.unregister(sock)
                    sock.close()


def call_tcp(address, port, data):
    with socket.create_connection((address, port), timeout=30) as sock:
        sock.sendall(data)
        back = b""
        while len(back) < len(data):
            part = sock.recv(65536)
            if not part:
                break
            back += part
    return back


def call_udp(address, port, data):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((address, port))
        for patience in (2, 20) if len(data) > FITS else (20,):
            sock.settimeout(patience)
            try:
                return exchange_udp(sock, data)
            except socket.timeout as error:
                last = error
        raise last


def exchange_udp(sock, data):
    try:
        sock.send(data)
        return sock.recv(65536)
    except OSError as error:
        if error.errno != errno.EMSGSIZE:
            raise
    sock.send(data)
    return sock.recv(65536)


def call(port, sizes, addresses):
    bad = 0
    for address in addresses:
        for size in sizes:
            for name, exchange in (("tcp", call_tcp), ("udp", call_udp)):
                data = payload(size, address)
                try:
                    why = "" if exchange(address, port, data) == data else "other bytes came back"
                except OSError as error:
                    why = str(error)
                if why:
                    print("%s, %d bytes to %s: %s" % (name, size, address, why))
                    bad += 1
    return bad


def main():
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]), float(sys.argv[3]))
        return
    split = sys.argv.index("--")
    sys.exit(call(int(sys.argv[2]), [int(size) for size in sys.argv[3:split]], sys.argv[split + 1:]) > 0)


if __name__ == "__main__":
    main()
