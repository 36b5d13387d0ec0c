"""Checks deliveries with the webhook libraries of others.

Reads a file of JSON lines {"headers": {...}, "body": "...", "secret": "whsec_..."} as received. Each must be accepted
by every library as it is, and refused with a flipped byte, a stale time, a time of the future, or another secret.
Exits with 1 at the first that is not.
"""

import base64
import hashlib
import hmac
import json
import sys
import time

import standardwebhooks.webhooks
import svix.webhooks

LIBRARIES = {
    "standardwebhooks": standardwebhooks.webhooks,
    "svix": svix.webhooks,
}
FORGERIES = ("flipped byte", "stale time", "future time", "other secret")


def accepts(library, headers, body, secret):
    try:
        library.Webhook(secret).verify(body, headers)
    except library.WebhookVerificationError:
        return False
    except json.JSONDecodeError:
        # Raised only once the signature was found good.
        return True
    return True


def forge(kind, headers, body, secret):
    """The delivery with one thing wrong. Times are signed anew, so that only the age speaks against them."""
    if kind == "flipped byte":
        flipped = bytearray(body)
        position = next(i for i in range(len(flipped) // 2, len(flipped)) if flipped[i] < 128)
        flipped[position] ^= 1
        return headers, bytes(flipped), secret
    if kind == "other secret":
        key = bytearray(base64.b64decode(secret.removeprefix("whsec_")))
        key[-1] ^= 1
        return headers, body, "whsec_" + base64.b64encode(key).decode()
    offset = -301 if kind == "stale time" else 330
    return sign_anew(headers, body, secret, int(time.time()) + offset), body, secret


def sign_anew(headers, body, secret, timestamp):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {**headers, "webhook-timestamp": str(timestamp), "webhook-signature": "v1," + signature}


def problem(delivery):
    """What is wrong with a delivery, or None."""
    headers = {name.lower(): value for name, value in delivery["headers"].items()}
    body, secret = delivery["body"].encode(), delivery["secret"]
    now = int(time.time())
    for name, library in LIBRARIES.items():
        if not accepts(library, headers, body, secret):
            return f"{name} refuses it"
        if not accepts(library, sign_anew(headers, body, secret, now), body, secret):
            return f"{name} refuses a signature made anew; the forgeries would prove nothing"
        for kind in FORGERIES:
            if accepts(library, *forge(kind, headers, body, secret)):
                return f"{name} accepts it with {kind}"
    return None


def main(path):
    count = 0
    with open(path, encoding="utf-8") as file:
        for count, line in enumerate(file, start=1):
            found = problem(json.loads(line))
            if found:
                sys.exit(f"line {count}: {found}")
    if count == 0:
        sys.exit("no deliveries")
    print(f"{count} deliveries accepted by {' and '.join(LIBRARIES)}; each of {len(FORGERIES)} forgeries refused")


if __name__ == "__main__":
    main(sys.argv[1])
