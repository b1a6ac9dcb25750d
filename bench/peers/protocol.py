"""The peer's half of the line protocol: one JSON request a line on stdin, one JSON answer a line on stdout (see bench/src/peer.ts)."""
import json
import os
import sys
import traceback


def peak_bytes():
    """The process's largest resident memory so far (VmHWM), in bytes."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


def serve(handle):
    """Answers requests until stdin ends. An exception becomes {"error": traceback}; anything printed goes to stderr, so that answers stay clean."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            answer = handle(json.loads(line))
        except Exception:
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
