"""Starts sandboxes by forking, each a process of its own that runs what `python -m lib.sandbox` runs.

A line on stdin holds the arguments; the answers are the pid and, when the process has ended, its exit status. The
imports, most of a start, are made once. No gRPC object may exist before a fork, and none does.
"""

from __future__ import annotations

import importlib
import os
import shlex
import sys

from lib.sandbox import methods, server

methods.all_verbs()
for part in ("app", "rpc", "vip", *server.PARTS):
    importlib.import_module(f"lib.sandbox.{part}")

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        os._exit(server.main(shlex.split(line)))
    for answer in (pid, None):
        sys.stdout.write(f"{answer or os.waitpid(pid, 0)[1]}\n")
        sys.stdout.flush()
