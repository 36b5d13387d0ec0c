"""Requests as each provider sends them, signed by the provider's documented formula with Python's standard library and
`cryptography`. Written from the documentation that `docs/verification.md` names, not from the Rust code."""

import base64
import datetime
import hashlib
import hmac
import json
import zlib
from urllib.parse import quote_plus

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

URL = "https://hooks.example.com/in/src_1"
SNS_CERTIFICATE = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-56e67fcb41f6fec09b0196692625d385.pem"


def b64(data):
    return base64.b64encode(data).decode()


def mac(key, *parts, hash="sha256"):
    key = key.encode() if isinstance(key, str) else key
    return hmac.new(key, b"".join(p.encode() if isinstance(p, str) else p for p in parts), hash)


def iso(now_ms):
    at = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now_ms % 1000:03d}Z"


class Sender:
    """One request in the making. `token` makes texts that differ from run to run; they are hexadecimal digits."""

    def __init__(self, preset, now_ms, token):
        self.preset, self.now_ms, self.seconds, self.token = preset, now_ms, str(now_ms // 1000), token
        self.method, self.url, self.headers, self.body = "POST", URL, [], ""
        self.secret, self.certificate, self.expect, self.scheme = None, None, {}, None

    def json(self, value, **expect):
        self.body = json.dumps(value, ensure_ascii=False)
        self.headers.insert(0, ["Content-Type", "application/json"])
        self.expect.update(expect)

    def add(self, *headers):
        self.headers += [list(header) for header in headers]

    def result(self):
        return {
            "preset": self.preset, "scheme": self.scheme, "secret": self.secret, "now_unix_ms": self.now_ms, "method": self.method,
            "url": self.url, "headers": self.headers, "body": self.body, "certificate": self.certificate,
            "expect": self.expect,
        }


def standard(s, names="webhook", type_field="type"):
    key = bytes.fromhex(s.token(24))
    s.secret = "whsec_" + b64(key)
    message = "msg_" + s.token(12)
    s.json({type_field: "order.paid", "timestamp": iso(s.now_ms), "data": {"id": s.token(4), "name": "Grüße 🎺"}},
           event_id=message, dedupe_id=message, event_type="order.paid")
    signature = b64(mac(key, message, ".", s.seconds, ".", s.body).digest())
    s.add((f"{names}-id", message), (f"{names}-timestamp", s.seconds), (f"{names}-signature", "v1," + signature))


def svix(s):
    standard(s, "svix")


def gitlab_signed(s):
    standard(s, type_field="object_kind")
    s.add(("X-Gitlab-Event", "Push Hook"))
    s.expect["event_type"] = "Push Hook"


def conversation(s):
    standard(s)
    s.body = s.body.replace('"type"', '"conversation_id"')
    key = base64.b64decode(s.secret[len("whsec_"):])
    identity = s.headers[1][1]
    s.headers[3][1] = "v1," + b64(mac(key, identity, ".", s.seconds, ".", s.body).digest())
    s.expect["event_type"] = None


def broxi(s, content="{body}"):
    s.secret = "whsec_" + s.token(16)
    delivery = "del_" + s.token(6)
    s.json({"event": "workflow.completed", "timestamp": iso(s.now_ms), "webhook_id": "wh_1", "delivery_id": delivery,
            "data": {"workflow_id": "flow_1", "cost": 0.0045}}, dedupe_id=delivery, event_type="workflow.completed")
    signed = content.format(body=s.body, timestamp=s.seconds)
    s.add(("X-Broxi-Signature", mac(s.secret, signed).hexdigest()), ("X-Broxi-Timestamp", s.seconds))


# Those whose signature is an HMAC over the body alone: header, text around the digest, other headers, body, what is expected.
def over_body(header, write, hash="sha256", key=lambda secret: secret.encode(), secret=lambda s: s.token(20)):
    def build(fill):
        def sender(s):
            s.secret = secret(s)
            fill(s)
            s.add((header, write(mac(key(s.secret), s.body, hash=hash))))
        return sender
    return build


HEX, B64 = (lambda m: m.hexdigest()), (lambda m: b64(m.digest()))


def prefixed(prefix, write):
    return lambda m: prefix + write(m)


def with_header(dedupe, kind, body):
    """A body whose id and type stand in headers."""
    def fill(s):
        identity = s.token(16)
        expect = {"dedupe_id": identity} if dedupe else {}
        if isinstance(kind, tuple):
            s.json(body, event_type=kind[1], **expect)
            s.add((kind[0], kind[1]))
        else:
            s.json(body, event_type=kind, **expect)
        if dedupe:
            s.add((dedupe, identity))
    return fill


def in_body(id_field, type_field, kind, **more):
    """A body that has its id and type."""
    def fill(s):
        identity = s.token(12)
        body = dict(more)
        expect = {"event_type": kind}
        body[type_field] = kind
        if id_field:
            body[id_field] = identity
            expect.update(event_id=identity, dedupe_id=identity)
        s.json(body, **expect)
    return fill


def parts(header, timestamp_name, mark, separator, between, fill):
    def sender(s):
        s.secret = "whsec_" + s.token(20)
        fill(s)
        digest = mac(s.secret, s.seconds, between, s.body).hexdigest()
        s.add((header, separator.join([f"{timestamp_name}={s.seconds}", f"{mark}={'0' * 64}", f"{mark}={digest}"])))
    return sender


def slack(s):
    s.secret = s.token(16)
    event = "Ev" + s.token(5)
    s.json({"type": "event_callback", "event_id": event, "event": {"type": "message", "text": "hi"}},
           event_id=event, dedupe_id=event, event_type="message")
    s.add(("X-Slack-Request-Timestamp", s.seconds),
          ("X-Slack-Signature", "v0=" + mac(s.secret, f"v0:{s.seconds}:{s.body}").hexdigest()))


def zoom(s):
    s.secret = s.token(11)
    s.json({"event": "meeting.started", "payload": {"object": {"id": 1}}}, event_type="meeting.started")
    s.add(("x-zm-request-timestamp", s.seconds),
          ("x-zm-signature", "v0=" + mac(s.secret, f"v0:{s.seconds}:{s.body}").hexdigest()))


def twilio(s):
    s.secret, identity = s.token(16), s.token(16)
    s.url = URL + "?foo=1&bar=a%20b"
    form = {"From": "+15551234", "Body": "Grüße & mehr", "AccountSid": "AC" + s.token(16), "Empty": ""}
    s.body = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in form.items())
    content = s.url + "".join(name + form[name] for name in sorted(form))
    s.add(("Content-Type", "application/x-www-form-urlencoded"), ("I-Twilio-Idempotency-Token", identity),
          ("X-Twilio-Signature", b64(mac(s.secret, content, hash="sha1").digest())))
    s.expect = {"dedupe_id": identity}


def twilio_json(s):
    s.preset, s.secret = "twilio", s.token(16)
    s.json({"type": "com.twilio.messaging.message.sent"}, event_type="com.twilio.messaging.message.sent")
    s.url = URL + "?bodySHA256=" + hashlib.sha256(s.body.encode()).hexdigest()
    s.add(("X-Twilio-Signature", b64(mac(s.secret, s.url.replace(".com/", ".com:443/"), hash="sha1").digest())))


def twilio_shared_key(s):
    s.preset, s.secret, s.body = "twilio", s.token(16), "A=1"
    s.add(("Content-Type", "application/x-www-form-urlencoded"),
          ("X-Twilio-Webhooks-Signature-Settings", "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"),
          ("X-Twilio-Signature", b64(mac(s.secret, s.url + "A1").digest())))


def sendgrid(s):
    key = ec.generate_private_key(ec.SECP256R1())
    s.secret = b64(key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
    identity = s.token(12)
    s.json([{"email": "a@example.com", "event": "delivered", "sg_event_id": identity}], dedupe_id=identity, event_type="delivered")
    signature = key.sign((s.seconds + s.body).encode(), ec.ECDSA(hashes.SHA256()))
    s.add(("X-Twilio-Email-Event-Webhook-Signature", b64(signature)), ("X-Twilio-Email-Event-Webhook-Timestamp", s.seconds))


def discord(s):
    key = ed25519.Ed25519PrivateKey.generate()
    s.secret = key.public_key().public_bytes_raw().hex()
    s.json({"version": 1, "application_id": "1", "type": 1, "event": {"type": "ENTITLEMENT_CREATE", "data": {}}},
           event_type="ENTITLEMENT_CREATE")
    s.add(("X-Signature-Ed25519", key.sign((s.seconds + s.body).encode()).hex()), ("X-Signature-Timestamp", s.seconds))


def certificate(key, now_ms):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "signer.example")])
    now = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + 365 * day)
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def paypal(s):
    key = rsa.generate_private_key(65537, 2048)
    s.secret, s.certificate = s.token(9).upper(), certificate(key, s.now_ms)
    event, transmission = "WH-" + s.token(8), s.token(16)
    s.json({"id": event, "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {"id": "1"}},
           event_id=event, dedupe_id=event, event_type="PAYMENT.CAPTURE.COMPLETED")
    time = iso(s.now_ms)[:19] + "Z"
    content = f"{transmission}|{time}|{s.secret}|{zlib.crc32(s.body.encode())}"
    signature = key.sign(content.encode(), padding.PKCS1v15(), hashes.SHA256())
    s.add(("PAYPAL-TRANSMISSION-ID", transmission), ("PAYPAL-TRANSMISSION-TIME", time),
          ("PAYPAL-TRANSMISSION-SIG", b64(signature)), ("PAYPAL-AUTH-ALGO", "SHA256withRSA"),
          ("PAYPAL-CERT-URL", "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270"))


def sns(s, version="2"):
    key = rsa.generate_private_key(65537, 2048)
    s.secret, s.certificate = "arn:aws:sns:us-east-1:123456789012:orders", certificate(key, s.now_ms)
    message = s.token(16)
    fields = {"Type": "Notification", "MessageId": message, "TopicArn": s.secret, "Subject": "Grüße", "Message": "{\"a\":1}",
              "Timestamp": iso(s.now_ms)}
    content = "".join(f"{name}\n{fields[name]}\n" for name in ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"])
    algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
    fields["SignatureVersion"] = version
    fields["Signature"] = b64(key.sign(content.encode(), padding.PKCS1v15(), algorithm))
    fields["SigningCertURL"] = SNS_CERTIFICATE
    fields["UnsubscribeURL"] = "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe"
    s.json(fields, event_id=message, dedupe_id=message, event_type="Notification")
    s.headers[0][1] = "text/plain; charset=UTF-8"


def sns_confirmation(s):
    s.preset = "aws-sns"
    key = rsa.generate_private_key(65537, 2048)
    s.secret, s.certificate = "arn:aws:sns:us-east-1:123456789012:orders", certificate(key, s.now_ms)
    message = s.token(16)
    fields = {"Type": "SubscriptionConfirmation", "MessageId": message, "Token": s.token(32), "TopicArn": s.secret,
              "Message": "You have chosen to subscribe to the topic.", "Timestamp": iso(s.now_ms), "SignatureVersion": "1",
              "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37"}
    names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    content = "".join(f"{name}\n{fields[name]}\n" for name in names)
    fields.update(Signature=b64(key.sign(content.encode(), padding.PKCS1v15(), hashes.SHA1())), SigningCertURL=SNS_CERTIFICATE)
    s.json(fields, event_id=message, dedupe_id=message, event_type="SubscriptionConfirmation")


def sns_version_1(s):
    s.preset = "aws-sns"
    sns(s, "1")


def square(s):
    s.secret, identity = s.token(11), s.token(16)
    s.json({"merchant_id": "M", "type": "payment.created", "event_id": identity, "data": {}},
           event_id=identity, dedupe_id=identity, event_type="payment.created")
    s.add(("x-square-hmacsha256-signature", b64(mac(s.secret, s.url, s.body).digest())))


def adyen(s):
    s.secret, reference = s.token(32).upper(), s.token(8).upper()
    item = {"pspReference": reference, "merchantAccountCode": "TestMerchant", "merchantReference": "order:1\\2",
            "amount": {"value": 1130, "currency": "EUR"}, "eventCode": "AUTHORISATION", "success": "true",
            "eventDate": iso(s.now_ms)}
    content = f"{reference}::TestMerchant:order:1\\2:1130:EUR:AUTHORISATION:true"
    item["additionalData"] = {"hmacSignature": b64(mac(bytes.fromhex(s.secret), content).digest())}
    s.json({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}, event_id=reference,
           dedupe_id=f"AUTHORISATION:{reference}:true", event_type="AUTHORISATION")


def linear(s):
    s.secret, identity = "lin_wh_" + s.token(16), s.token(16)
    s.json({"action": "create", "type": "Issue", "webhookTimestamp": s.now_ms}, event_type="Issue", dedupe_id=identity)
    s.add(("Linear-Event", "Issue"), ("Linear-Delivery", identity), ("Linear-Signature", mac(s.secret, s.body).hexdigest()))


def hubspot(s, version="v3"):
    s.secret, s.url = s.token(16), URL + "?a=b%20c"
    s.json([{"eventId": 531833541, "subscriptionType": "contact.creation"}], dedupe_id="531833541", event_type="contact.creation")
    if version == "v3":
        signature = b64(mac(s.secret, "POST", s.url, s.body, str(s.now_ms)).digest())
        s.add(("X-HubSpot-Signature-v3", signature), ("X-HubSpot-Request-Timestamp", str(s.now_ms)))
    else:
        middle = "POST" + s.url if version == "v2" else ""
        s.add(("X-HubSpot-Signature-Version", version),
              ("X-HubSpot-Signature", hashlib.sha256((s.secret + middle + s.body).encode()).hexdigest()))


def hubspot_v1(s):
    s.preset = "hubspot-legacy"
    hubspot(s, "v1")


def docusign(s):
    s.secret = b64(bytes.fromhex(s.token(32)))
    s.json({"event": "envelope-completed", "data": {"envelopeId": s.token(16)}}, event_type="envelope-completed")
    s.add(("X-DocuSign-Signature-1", b64(mac("another key", s.body).digest())),
          ("X-DocuSign-Signature-2", b64(mac(s.secret, s.body).digest())))


def zendesk(s):
    s.secret, identity = s.token(20), s.token(13)
    s.json({"type": "zen:event-type:user.created", "id": identity, "event": {}}, dedupe_id=identity,
           event_type="zen:event-type:user.created")
    time = iso(s.now_ms)[:19] + "Z"
    s.add(("X-Zendesk-Webhook-Signature-Timestamp", time), ("X-Zendesk-Webhook-Invocation-Id", identity),
          ("X-Zendesk-Webhook-Signature", b64(mac(s.secret, time, s.body).digest())))


def webflow(s):
    s.secret = s.token(32)
    s.json({"triggerType": "form_submission", "payload": {}}, event_type="form_submission")
    s.add(("x-webflow-timestamp", str(s.now_ms)), ("x-webflow-signature", mac(s.secret, f"{s.now_ms}:{s.body}").hexdigest()))


def plain(header, write, fill, secret=lambda s: s.token(16)):
    def sender(s):
        s.secret = secret(s)
        fill(s)
        s.add((header, write(s.secret)))
    return sender


def basic(fill):
    return plain("Authorization", lambda pair: "Basic " + b64(pair.encode()), fill, lambda s: "user:pass:wörd" + s.token(4))


def gitlab_token(s):
    identity = s.token(16)
    s.json({"object_kind": "push"}, event_type="Push Hook", dedupe_id=identity)
    s.add(("X-Gitlab-Event", "Push Hook"), ("Idempotency-Key", identity))


def sha256(prefix="sha256=", header="X-Hub-Signature-256", write=HEX):
    return over_body(header, prefixed(prefix, write))


SENDERS = {
    "standard": standard, "openai": standard, "svix": svix, "clerk": svix, "resend": svix, "gitlab-signed": gitlab_signed,
    "conversation": conversation, "broxi": broxi, "broxi-timestamped": lambda s: broxi(s, "{timestamp}.{body}"),
    "resource": over_body("X-Webhook-Signature", HEX)(in_body("id", "type", "customer.updated", previous_data=None)),
    "github": sha256()(with_header("X-GitHub-Delivery", ("X-GitHub-Event", "push"), {"ref": "refs/heads/main"})),
    "bitbucket": sha256(header="X-Hub-Signature")(with_header("X-Request-UUID", ("X-Event-Key", "repo:push"), {"push": {}})),
    "jira": sha256(header="X-Hub-Signature")(with_header("X-Atlassian-Webhook-Identifier", "jira:issue_created",
                                                         {"webhookEvent": "jira:issue_created"})),
    "gitea": over_body("X-Gitea-Signature", HEX)(with_header("X-Gitea-Delivery", ("X-Gitea-Event", "push"), {"ref": "x"})),
    "forgejo": over_body("X-Forgejo-Signature", HEX)(with_header("X-Forgejo-Delivery", ("X-Forgejo-Event", "push"), {"ref": "x"})),
    "gitlab": plain("X-Gitlab-Token", str, gitlab_token),
    "linear": linear, "webflow": webflow,
    "vercel": over_body("x-vercel-signature", HEX, "sha1")(in_body("id", "type", "deployment.created")),
    "sentry": over_body("Sentry-Hook-Signature", HEX)(with_header("Request-ID", ("Sentry-Hook-Resource", "issue"), {"action": "created"})),
    "stripe": parts("Stripe-Signature", "t", "v1", ",", ".", in_body("id", "type", "invoice.paid", object="event")),
    "calendly": parts("Calendly-Webhook-Signature", "t", "v1", ",", ".", in_body(None, "event", "invitee.created")),
    "paddle": parts("Paddle-Signature", "ts", "h1", ";", ":", in_body("event_id", "event_type", "transaction.paid")),
    "shopify": over_body("X-Shopify-Hmac-SHA256", B64)(with_header("X-Shopify-Webhook-Id", ("X-Shopify-Topic", "orders/create"), {"id": 820982911946154508})),
    "paypal": paypal, "square": square, "adyen": adyen,
    "adyen-platform": over_body("HmacSignature", B64, key=bytes.fromhex, secret=lambda s: s.token(32).upper())(
        in_body(None, "type", "balancePlatform.transfer.created")),
    "woocommerce": over_body("X-WC-Webhook-Signature", B64)(with_header("X-WC-Webhook-Delivery-ID", ("X-WC-Webhook-Topic", "order.created"), {"id": 1})),
    "razorpay": over_body("X-Razorpay-Signature", HEX)(with_header("X-Razorpay-Event-Id", "payment.captured", {"event": "payment.captured"})),
    "lemon-squeezy": over_body("X-Signature", HEX)(with_header(None, ("X-Event-Name", "order_created"), {"data": {}})),
    "chargebee": basic(in_body("id", "event_type", "invoice_generated")),
    "slack": slack, "zoom": zoom, "twilio": twilio, "twilio-json": twilio_json, "twilio-shared-key": twilio_shared_key, "sendgrid": sendgrid, "discord": discord,
    "intercom": over_body("X-Hub-Signature", prefixed("sha1=", HEX), "sha1")(in_body("id", "topic", "conversation.user.created")),
    "meta": sha256()(in_body(None, "object", "page")),
    "x": sha256(header="X-Twitter-Webhooks-Signature", write=B64)(lambda s: s.json({"for_user_id": "1", "favorite_events": []})),
    "telegram": plain("X-Telegram-Bot-Api-Secret-Token", str, lambda s: s.json({"update_id": 10000, "message": {}}, dedupe_id="10000")),
    "postmark": basic(in_body(None, "RecordType", "Bounce")),
    "hubspot": hubspot, "hubspot-legacy": lambda s: hubspot(s, "v2"), "hubspot-legacy-1": hubspot_v1,
    "typeform": sha256(header="Typeform-Signature", write=B64)(in_body("event_id", "event_type", "form_response")),
    "docusign": docusign,
    "xero": over_body("x-xero-signature", B64)(lambda s: s.json(
        {"events": [{"eventType": "CREATE", "eventCategory": "INVOICE"}], "firstEventSequence": 7, "lastEventSequence": 7, "entropy": s.token(10)},
        dedupe_id="7", event_type="CREATE")),
    "zendesk": zendesk,
    "okta": plain("Authorization", str, lambda s: s.json({"eventId": "okta", "data": {"events": [{"eventType": "user.session.start"}]}},
                                                         event_id="okta", dedupe_id="okta", event_type="user.session.start")),
    "aws-sns": sns, "aws-sns-1": sns_version_1, "aws-sns-confirmation": sns_confirmation,
    "dropbox": over_body("X-Dropbox-Signature", HEX)(lambda s: s.json({"list_folder": {"accounts": []}})),
    "pagerduty": over_body("X-PagerDuty-Signature", lambda m: "v1=" + "0" * 64 + ",v1=" + m.hexdigest())(
        lambda s: s.json({"event": {"id": "01A", "event_type": "incident.triggered"}}, event_id="01A", dedupe_id="01A", event_type="incident.triggered")),
    "cloudevents": plain("Authorization", lambda token: "Bearer " + token, lambda s: (
        s.json({"a": 1}, dedupe_id="e-1", event_type="com.example.x"), s.add(("ce-id", "e-1"), ("ce-type", "com.example.x")))),
    "basic": basic(in_body(None, "event", "user.created")),
    "token": plain("Authorization", lambda token: "Bearer " + token, in_body(None, "type", "user.created")),
}
