"""The handshakes of providers, as their documentation describes them: what each sends, how it signs that, and what it accepts as the answer.

Takes the URLs and secrets of sources as one JSON object by preset, and prints a line for each case that went as the provider wants it.
"""

import base64
import hashlib
import hmac
import json
import secrets
import sys
import time

import nacl.signing
import requests

SOURCES = json.loads(sys.argv[1])


def mac(secret, content):
    return hmac.new(secret.encode(), content.encode(), hashlib.sha256)


def post(provider, body, headers):
    return requests.post(SOURCES[provider]["url"], data=body, headers={"Content-Type": "application/json", **headers})


def want(provider, case, answer, holds):
    if not holds:
        sys.exit(f"{provider}, {case}: {answer.status_code} {dict(answer.headers)} {answer.text!r}")
    print(provider, case, flush=True)


def refused(provider, answer, code):
    holds = answer.status_code == 401 and answer.json()["errors"][0]["code"] == code
    want(provider, code, answer, holds)


# https://docs.slack.dev/reference/events/url_verification: the challenge comes back, as text, a form or JSON.
def slack(provider="slack"):
    challenge = secrets.token_urlsafe(30)
    body = json.dumps({"token": "x", "challenge": challenge, "type": "url_verification"})

    def ask(secret, at):
        at = str(int(at))
        signature = "v0=" + mac(secret, f"v0:{at}:{body}").hexdigest()
        return post(provider, body, {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": signature})

    secret = SOURCES[provider]["secret"]
    answer = ask(secret, time.time())
    plain = answer.headers["Content-Type"].startswith("text/plain")
    want(provider, "answered", answer, answer.status_code == 200 and plain and answer.text == challenge)
    refused(provider, ask("another", time.time()), "no_key_matches")
    refused(provider, ask(secret, time.time() - 600), "too_old")
    refused(provider, post(provider, body, {}), "missing_header")


# https://developers.zoom.us/docs/api/webhooks/: within three seconds, the token and its HMAC.
def zoom(provider="zoom"):
    token = secrets.token_urlsafe(16)
    body = json.dumps({"payload": {"plainToken": token}, "event_ts": 1, "event": "endpoint.url_validation"})
    secret = SOURCES[provider]["secret"]

    def ask(secret):
        at = str(int(time.time()))
        signature = "v0=" + mac(secret, f"v0:{at}:{body}").hexdigest()
        return post(provider, body, {"x-zm-request-timestamp": at, "x-zm-signature": signature})

    answer = ask(secret)
    expected = {"plainToken": token, "encryptedToken": mac(secret, token).hexdigest()}
    want(provider, "answered", answer, answer.status_code == 200 and answer.json() == expected)
    refused(provider, ask("another"), "no_key_matches")


# https://developers.facebook.com/docs/graph-api/webhooks/getting-started: the challenge, if the token is ours.
def meta(provider="meta"):
    challenge = str(secrets.randbelow(10**9))

    def ask(token):
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": token}
        return requests.get(SOURCES[provider]["url"], params=query)

    answer = ask(SOURCES[provider]["verify_token"])
    want(provider, "answered", answer, answer.status_code == 200 and answer.text == challenge)
    refused(provider, ask("another"), "wrong_token")


# https://docs.x.com/x-api/webhooks/introduction: base64 of the HMAC of the token, after "sha256=".
def x(provider="x"):
    token = base64.b64encode(secrets.token_bytes(24)).decode()
    answer = requests.get(SOURCES[provider]["url"], params={"crc_token": token, "nonce": "n"})
    digest = base64.b64encode(mac(SOURCES[provider]["secret"], token).digest()).decode()
    holds = answer.status_code == 200 and answer.json() == {"response_token": "sha256=" + digest}
    want(provider, "answered", answer, holds)
    # What would be the content of a webhook is not signed for anybody.
    forged = requests.get(SOURCES[provider]["url"], params={"crc_token": '{"for_user_id":"1"}'})
    want(provider, "not signed", forged, forged.status_code == 401)


# https://developer.okta.com/docs/concepts/event-hooks/: the value of the header as a member of JSON.
def okta(provider="okta"):
    value = secrets.token_hex(20)
    answer = requests.get(SOURCES[provider]["url"], headers={"X-Okta-Verification-Challenge": value})
    want(provider, "answered", answer, answer.status_code == 200 and answer.json() == {"verification": value})


# https://docs.discord.com/developers/interactions/receiving-and-responding: PING, and forged ones that must be 401.
def discord(provider="discord"):
    def ask(key, body):
        at = str(int(time.time()))
        signature = key.sign(at.encode() + body.encode()).signature.hex()
        return post(provider, body, {"X-Signature-Ed25519": signature, "X-Signature-Timestamp": at})

    own = nacl.signing.SigningKey(bytes.fromhex(SOURCES[provider]["private_key"]))
    interaction = json.dumps({"id": "1", "application_id": "2", "token": "t", "type": 1, "version": 1})
    answer = ask(own, interaction)
    want(provider, "answered", answer, answer.status_code == 200 and answer.json() == {"type": 1})
    answer = ask(own, json.dumps({"version": 1, "application_id": "2", "type": 0}))
    want(provider, "answered 204", answer, answer.status_code == 204 and answer.content == b"")
    refused(provider, ask(nacl.signing.SigningKey.generate(), interaction), "no_key_matches")


# https://developer.xero.com/documentation/guides/webhooks/configuring-your-server/: 200 or 401 without a body.
def xero(provider="xero"):
    body = json.dumps({"events": [], "firstEventSequence": 0, "lastEventSequence": 0, "entropy": secrets.token_hex(10)})

    def ask(secret):
        signature = base64.b64encode(mac(secret, body).digest()).decode()
        return post(provider, body, {"x-xero-signature": signature})

    answer = ask(SOURCES[provider]["secret"])
    want(provider, "answered", answer, answer.status_code == 200 and answer.content == b"")
    answer = ask("another")
    want(provider, "no_key_matches", answer, answer.status_code == 401 and answer.content == b"")


# https://www.dropbox.com/developers/reference/webhooks: echoed as text that no browser takes for a page.
def dropbox(provider="dropbox"):
    answer = requests.get(SOURCES[provider]["url"], params={"challenge": "<b>1</b>"})
    headers = (answer.headers["Content-Type"], answer.headers["X-Content-Type-Options"])
    holds = answer.status_code == 200 and answer.text == "<b>1</b>" and headers == ("text/plain", "nosniff")
    want(provider, "answered", answer, holds)


# https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md, section 4.
def cloudevents(provider="cloudevents"):
    headers = {"WebHook-Request-Origin": "eventemitter.example.com", "WebHook-Request-Rate": "120"}
    answer = requests.options(SOURCES[provider]["url"], headers=headers)
    granted = [answer.headers.get(name) for name in ("WebHook-Allowed-Origin", "WebHook-Allowed-Rate", "Allow")]
    holds = answer.status_code == 200 and granted == ["eventemitter.example.com", "120", "POST"]
    want(provider, "answered", answer, holds)


# https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures: each notification is answered [accepted].
def adyen(provider="adyen"):
    item = {
        "pspReference": secrets.token_hex(8), "originalReference": "", "merchantAccountCode": "Shop", "merchantReference": "1",
        "amount": {"value": 100, "currency": "EUR"}, "eventCode": "AUTHORISATION", "success": "true",
    }
    signed = [item[name] for name in ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")]
    signed += [str(item["amount"]["value"]), item["amount"]["currency"], item["eventCode"], item["success"]]
    key = bytes.fromhex(SOURCES[provider]["secret"])
    signature = base64.b64encode(hmac.new(key, ":".join(signed).encode(), hashlib.sha256).digest()).decode()
    item["additionalData"] = {"hmacSignature": signature}
    body = json.dumps({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]})
    for case in ("answered", "answered again"):
        answer = post(provider, body, {})
        want(provider, case, answer, answer.status_code == 200 and answer.text == "[accepted]")


for handshake in (slack, zoom, meta, x, okta, discord, xero, dropbox, cloudevents, adyen):
    handshake()
