#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Packets that no well-behaved host sends, and those that the controller sends.

usage: raw.py spoof SOURCE DESTINATION COUNT      ICMP echo requests from somebody else's address
       raw.py expire DESTINATION RATE SECONDS     ICMP echo requests with TTL 1
       raw.py garbage INTERFACE RATE SECONDS      frames of every wrong kind, and random ones
       raw.py hello INTERFACE PEER RATE SECONDS   BFD control packets to the interface at the other end, in a fabric
"""
import os
import random
import socket
import struct
import sys
import time

SEED = 20180911  # the same frames each time


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def echo(number):
    head = struct.pack("!BBHHH", 8, 0, 0, os.getpid() & 0xffff, number & 0xffff)
    return head[:2] + struct.pack("!H", checksum(head)) + head[4:]


def ipv4(source, destination, payload, ttl=64, **change):
    """An IPv4 packet; change = version, ihl, total, fragment, protocol or check makes it a wrong one."""
    field = {"version": 4, "ihl": 5, "total": 20 + len(payload), "fragment": 0, "protocol": 1, "check": None, **change}
    head = struct.pack("!BBHHHBBH4s4s", field["version"] << 4 | field["ihl"], 0, field["total"], 0, field["fragment"],
                       ttl, field["protocol"], 0, socket.inet_aton(source), socket.inet_aton(destination))
    check = checksum(head) if field["check"] is None else field["check"]
    return head[:10] + struct.pack("!H", check) + head[12:] + payload


def paced(rate, seconds):
    """Yields numbers at the rate; never more than 32 at once, so that no queue of ours overflows."""
    start, number = time.monotonic(), 0
    while True:
        now = time.monotonic() - start
        if now > seconds:
            return
        for _ in range(min(32, int(now * rate) - number)):
            number += 1
            yield number
        time.sleep(0.001)


def spoof(source, destination, count):
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for number in range(int(count)):
        sock.sendto(ipv4(source, destination, echo(number)), (destination, 0))


def expire(destination, rate, seconds):
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
    for number in paced(float(rate), float(seconds)):
        sock.sendto(echo(number), (destination, 0))


def wrong_frames(own, gateway, rng):
    """One frame of each wrong kind; gateway is the MAC address of the device at the other end."""
    def frame(payload, to=gateway, kind=0x0800):
        return to + own + struct.pack("!H", kind) + payload

    there = "10.10.30.4"
    good = ipv4("10.2.30.10", there, echo(1))
    return [
        frame(good[:12]), frame(good, kind=0x8100), frame(good, kind=0x88a8), frame(good, kind=0x86dd),
        frame(good, kind=0x0806), frame(good, to=b"\xff" * 6), frame(good, to=b"\x02" * 6),
        frame(ipv4("10.2.30.10", there, echo(1), version=5)), frame(ipv4("10.2.30.10", there, echo(1), ihl=4)),
        frame(ipv4("10.2.30.10", there, echo(1), total=19)), frame(ipv4("10.2.30.10", there, echo(1), total=1400)),
        frame(ipv4("10.2.30.10", there, echo(1), check=1)), frame(ipv4("10.2.30.10", there, echo(1), ttl=0)),
        frame(ipv4("10.2.30.10", there, echo(1), protocol=253)), frame(ipv4("10.2.30.10", there, b"", fragment=0x2000)),
        frame(ipv4("10.2.30.10", there, b"x" * 8, fragment=100)), frame(ipv4("10.2.30.10", "224.0.0.5", echo(1))),
        frame(ipv4("10.2.30.10", "8.8.8.8", echo(1))), frame(ipv4("10.2.30.10", "10.2.30.3", b"x", protocol=253)),
        frame(rng.randbytes(rng.randrange(20, 1400))), rng.randbytes(rng.randrange(20, 1400)),
    ]


def neighbour(interface):
    """MAC address of the host's gateway; it is there once the host has sent a packet."""
    with open("/proc/net/route") as file:
        routes = [line.split() for line in file if line.split()[0] == interface]
    gateway = next(route[2] for route in routes if route[1] == "00000000")
    address = socket.inet_ntoa(struct.pack("=I", int(gateway, 16)))
    with open("/proc/net/arp") as file:
        return next(bytes.fromhex(line.split()[3].replace(":", "")) for line in file if line.split()[0] == address)


def garbage(interface, rate, seconds):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((interface, 0))
    own, gateway, rng = sock.getsockname()[4], neighbour(interface), random.Random(SEED)
    frames = []
    for _ in paced(float(rate), float(seconds)):
        frames = frames or wrong_frames(own, gateway, rng)
        try:
            sock.send(frames.pop())
        except OSError:
            pass  # the host's own queue is full


def hello(interface, peer, rate, seconds):
    sock, other = (socket.socket(socket.AF_PACKET, socket.SOCK_RAW) for _ in range(2))
    sock.bind((interface, 0))
    other.bind((peer, 0))
    bfd = struct.pack("!BBBBIIIII", 1 << 5, 3 << 6, 3, 24, 7, 9, 300000, 300000, 0)  # RFC 5880 4.1: Up, 300 ms x 3
    udp = struct.pack("!HHHH", 49152, 3784, 8 + len(bfd), 0) + bfd
    packet = ipv4("192.0.2.1", "192.0.2.2", udp, ttl=255, protocol=17)
    frame = other.getsockname()[4] + sock.getsockname()[4][:5] + b"\0" + struct.pack("!H", 0x0800) + packet
    for _ in paced(float(rate), float(seconds)):
        try:
            sock.send(frame)
        except OSError:
            pass  # the link is down


if __name__ == "__main__":
    {"spoof": spoof, "expire": expire, "garbage": garbage, "hello": hello}[sys.argv[1]](*sys.argv[2:])
