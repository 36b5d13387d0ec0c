"""Requests of senders that no preset describes, each with its record: what the presets leave untried."""

import hashlib
import zlib
import base64

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from senders import b64, mac


def b64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def hmac_sha512(s):
    """Every piece of the template, a key in base64, a signature in base64url, the time and the id outside of the body."""
    s.scheme = {
        "algorithm": "hmac-sha512", "signature": {"header": "Acme-Signature", "prefix": "v2:", "separator": " "},
        "encoding": "base64url", "key": "base64",
        "signed": "{{{id}}}|{timestamp}|{method}|{url}|{header:Acme-Nonce}|{body.crc32}|{body}",
        "timestamp": {"from": {"query": "at"}, "unit": "s"}, "tolerance_seconds": 60, "id": {"header": "Acme-Id"},
        "event_type": [{"query": "kind"}], "require": {"headers": ["Acme-Version"], "body": ["items.0"]}, "forward": ["acme-*"],
    }
    key, identity, nonce = bytes.fromhex(s.token(48)), s.token(8), s.token(8)
    s.secret, s.url, s.method = b64(key), s.url + f"?at={s.seconds}&kind=a%2Fb", "PUT"
    s.json({"items": [{"name": "x"}]}, event_id=identity, dedupe_id=identity, event_type="a/b")
    content = f"{{{identity}}}|{s.seconds}|PUT|{s.url}|{nonce}|{zlib.crc32(s.body.encode())}|{s.body}"
    digest = mac(key, content, hash=hashlib.sha512).digest()
    s.add(("Acme-Signature", f"v1:old v2:{b64url(digest)}"), ("Acme-Id", identity), ("Acme-Nonce", nonce), ("Acme-Version", "2"))


def rsa_sha256(s):
    s.scheme = {"algorithm": "rsa-sha256", "signature": {"header": "Acme-Signature"}, "encoding": "base64", "forward": ["acme-signature"]}
    key = rsa.generate_private_key(65537, 2048)
    s.secret = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    s.json({"name": "x"})
    s.add(("Acme-Signature", b64(key.sign(s.body.encode(), padding.PKCS1v15(), hashes.SHA256()))))


def ecdsa_fixed(s):
    """r and s as 64 bytes, as JOSE has them, in hex; the key too."""
    s.scheme = {"algorithm": "ecdsa-p256", "signature": {"header": "Acme-Signature"}, "key": "hex", "forward": ["acme-signature"]}
    key = ec.generate_private_key(ec.SECP256R1())
    s.secret = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo).hex()
    s.json({"name": "x"})
    r, t = utils.decode_dss_signature(key.sign(s.body.encode(), ec.ECDSA(hashes.SHA256())))
    s.add(("Acme-Signature", (r.to_bytes(32, "big") + t.to_bytes(32, "big")).hex()))


def whsec_key(s):
    """A Standard Webhooks secret under a signature of another form."""
    s.scheme = {"algorithm": "hmac-sha256", "signature": {"query": "sig"}, "key": "whsec"}
    key = bytes.fromhex(s.token(24))
    s.secret = "whsec_" + b64(key)
    s.json({"name": "x"})
    s.url += "?sig=" + mac(key, s.body).hexdigest().upper()


CUSTOMS = {"custom-hmac-sha512": hmac_sha512, "custom-rsa-sha256": rsa_sha256, "custom-ecdsa-fixed": ecdsa_fixed, "custom-whsec": whsec_key}
