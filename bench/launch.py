"""Runs one process and tells what it took: `python launch.py ARGUMENT...` -> JSON on the last line of stderr.

A process of its own, since Linux counts the memory of whoever starts a program as that program's: this one is small.
"""

import json
import os
import sys
import time

if __name__ == "__main__":
    start = time.perf_counter()
    child = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[1:]], os.environ)
    _, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, used.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)]), file=sys.stderr)
