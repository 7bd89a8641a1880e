# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is no request, at random, on both sockets of a controller. Also alone: junk.py /run/erxdp/LAB [SEED]"""
import json
import random
import socket
import sys

REQUESTS = [
    {"do": "fail", "target": "er1.primary", "how": "down"},
    {"do": "restore", "target": "er1.primary"},
    {"do": "fastpath", "connection": "hub-er1", "on": True},
    {"do": "events", "last": 100, "follow": True},
    {"do": "status", "id": 7},
]
STRANGE = [None, True, -1, 0, 1e308, 2**64, "", "\0", "x" * 5000, "er1\n", "ä€😀", [], {}, [[[[]]]], {"do": {"do": []}}]


def no_line(random_):
    """Bytes that are no JSON, or nothing that the protocol has."""
    kind = random_.randrange(6)
    text = json.dumps(random_.choice(REQUESTS)).encode()
    if kind == 0:
        return random_.randbytes(random_.randrange(1, 3000))
    if kind == 1:
        return text[: random_.randrange(1, len(text))]
    if kind == 2:
        at = random_.randrange(len(text))
        return text[:at] + bytes([random_.randrange(128, 256)]) + text[at:] + b"}"
    if kind == 3:
        return b"[" * random_.randrange(1, 60000)
    if kind == 4:
        return b'{"do": "' + b"f" * random_.randrange(1, 200000) + b'"}'
    request = dict(random_.choice(REQUESTS[:3]))
    request[random_.choice(["do", "target", "connection"])] = random_.choice(STRANGE)
    request.pop("how", None)
    request.pop("on", None)
    return json.dumps({**request, "do": request["do"] if request["do"] != "restore" else "Restore"}).encode()


def connect(directory, which):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(5)
    sock.connect(f"{directory}/{which}.sock")
    return sock


def ask(directory):
    """Whether the controller still answers, and with what."""
    with connect(directory, "read") as sock:
        sock.sendall(b'{"do": "status", "id": "still there"}\n')
        answer = json.loads(sock.makefile("rb").readline())
    return answer.get("ok") is True and answer.get("id") == "still there"


def send(directory, rounds, seed):
    """Returns the number of lines that were sent; leaves some clients hanging in the middle of a line meanwhile."""
    random_, hanging = random.Random(seed), []
    for i in range(rounds):
        try:
            sock = connect(directory, random_.choice(["read", "change"]))
            hanging.append(sock)
            sock.sendall(no_line(random_) + random_.choice([b"\n", b"\n", b"\n\n", b"\r\n", b"", b"\0\n"]))
            if random_.randrange(3):
                sock.settimeout(0.05)
                sock.recv(random_.choice([1, 65536]))
        except OSError:
            pass  # it need not listen to this
        while len(hanging) > 20:
            hanging.pop(random_.randrange(len(hanging))).close()
        if i % 50 == 49 and not ask(directory):
            raise OSError(f"no answer after {i + 1} lines, seed {seed}")
    for sock in hanging:
        sock.close()
    if not ask(directory):
        raise OSError(f"no answer at the end, seed {seed}")
    return rounds


if __name__ == "__main__":
    print(send(sys.argv[1], 500, int(sys.argv[2]) if len(sys.argv) > 2 else 1), "lines")
