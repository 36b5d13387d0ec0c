"""Makes requests of every provider.

`make.py vectors DIRECTORY` writes one file per request, with the libraries that accepted it; `make.py fresh COUNT` prints others, made with new
keys, one JSON a line. Either fails when a library that is installed refuses one."""

import json
import os
import pathlib
import secrets
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import customs  # noqa: E402
import judges  # noqa: E402
import senders  # noqa: E402

SENDERS = {**senders.SENDERS, **customs.CUSTOMS}


def make(name):
    sender = senders.Sender(name, time.time_ns() // 1_000_000, secrets.token_hex)
    SENDERS[name](sender)
    return sender.result()


def judged(requests):
    """The libraries that accepted each request."""
    found = {name: [said] if (said := judges.judge(request)) else [] for name, request in requests.items()}
    lines = "".join(json.dumps(request) + "\n" for request in requests.values())
    script = pathlib.Path(__file__).with_name("judges.js")
    ran = subprocess.run(["node", script], input=lines, capture_output=True, text=True, check=False, env=os.environ)
    if ran.returncode != 0:
        raise SystemExit(ran.stderr)
    for line in ran.stdout.splitlines():
        preset, library = line.split("\t")
        for name, request in requests.items():
            if request["preset"] == preset and library not in found[name]:
                found[name].append(library)
    return found


def check_judges(requests):
    """A judge that accepts anything proves nothing."""
    for name, request in requests.items():
        forged = dict(request, body=request["body"].replace("e", "f", 1).replace("A", "B", 1))
        try:
            accepted = judges.judge(forged)
        except Exception:  # Each library has its own way to refuse.
            continue
        if accepted and name != "adyen":
            raise SystemExit(f"{accepted} accepts a forgery of {name}")


def main(command, argument):
    if command == "vectors":
        requests = {name: make(name) for name in SENDERS}
        check_judges(requests)
        for name, libraries in judged(requests).items():
            vector = {"accepted_by": libraries, **requests[name]}
            text = json.dumps(vector, indent=1, ensure_ascii=False) + "\n"
            pathlib.Path(argument, name + ".json").write_text(text, encoding="utf-8")
            print(name, *libraries, sep="\t")
    else:
        for _ in range(int(argument)):
            requests = {name: make(name) for name in SENDERS}
            check_judges(requests)
            for name, libraries in judged(requests).items():
                print(json.dumps({"accepted_by": libraries, **requests[name]}))


main(*sys.argv[1:])
