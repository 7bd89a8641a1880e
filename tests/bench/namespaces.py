# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Network namespaces without names: they go with this process, however it ends."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bird"))

import bird  # noqa: E402


class Namespace:
    """Held by a process that sleeps."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], preexec_fn=bird.die_with_parent)
        self.path = f"/proc/{self.holder.pid}/ns/net"
        own = os.stat("/proc/self/ns/net").st_ino
        while os.stat(self.path).st_ino == own:
            time.sleep(0.005)
        self.fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)

    def enter(self):
        bird.die_with_parent()
        if bird.LIBC.setns(self.fd, bird.CLONE_NEWNET):
            os._exit(126)

    def start(self, *command, **kwargs):
        return subprocess.Popen(command, preexec_fn=self.enter, pass_fds=[self.fd], **kwargs)

    def run(self, *command, text=None):
        run = subprocess.run(command, input=text, text=True, capture_output=True, preexec_fn=self.enter,
                             pass_fds=[self.fd], check=False)
        if run.returncode:
            raise RuntimeError(f"{' '.join(command)}: {run.stderr.strip()}")
        return run.stdout

    def ip(self, *commands):
        self.run("ip", "-batch", "-", text="\n".join(commands))

    def set(self, name, value):
        self.run("sh", "-c", f"echo {value} >/proc/sys/net/{name}")

    def close(self):
        os.close(self.fd)
        self.holder.kill()
        self.holder.wait()


class Named(Namespace):
    """One that somebody else has made, under its name."""

    def __init__(self, name):  # pylint: disable=super-init-not-called
        self.path = f"/run/netns/{name}"
        self.fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self):
        os.close(self.fd)
