"""What the providers' own libraries say of a request. Each judge answers whether it accepts; one whose library is not installed has no say."""

import base64
import json
import importlib.metadata


def header(request, name):
    return next(value for key, value in request["headers"] if key.lower() == name.lower())


def headers(request):
    return {key.lower(): value for key, value in request["headers"]}


def standardwebhooks(request):
    from standardwebhooks.webhooks import Webhook
    given = headers(request)
    given.update({key.replace("svix-", "webhook-"): value for key, value in given.items() if key.startswith("svix-")})
    Webhook(request["secret"]).verify(request["body"], given)
    return True


def svix(request):
    from svix.webhooks import Webhook
    Webhook(request["secret"]).verify(request["body"], headers(request))
    return True


def stripe(request):
    import stripe
    return stripe.WebhookSignature.verify_header(request["body"], header(request, "stripe-signature"), request["secret"], 300)


def slack(request):
    from slack_sdk.signature import SignatureVerifier
    return SignatureVerifier(request["secret"]).is_valid_request(request["body"], headers(request))


def twilio(request):
    from urllib.parse import parse_qsl
    from twilio.request_validator import RequestValidator
    given = headers(request)
    is_form = "form" in given["content-type"]
    form = dict(parse_qsl(request["body"], keep_blank_values=True)) if is_form else request["body"]
    settings = given.get("x-twilio-webhooks-signature-settings", "")
    return RequestValidator(request["secret"]).validate(request["url"], form, given["x-twilio-signature"],
                                                         "HMAC_SHA256" if "HMAC_SHA256" in settings else "HMAC_SHA1")


def sendgrid(request):
    from sendgrid.helpers.eventwebhook import EventWebhook
    given = [header(request, "x-twilio-email-event-webhook-" + name) for name in ("signature", "timestamp")]
    return EventWebhook(request["secret"]).verify_signature(request["body"], *given)


def square(request):
    from square.utils.webhooks_helper import verify_signature
    return verify_signature(request_body=request["body"], signature_header=header(request, "x-square-hmacsha256-signature"),
                            signature_key=request["secret"], notification_url=request["url"])


def hubspot(request):
    from hubspot.utils.signature import Signature
    given = headers(request)
    version = given.get("x-hubspot-signature-version", "v3")
    signature = given.get("x-hubspot-signature-v3") or given.get("x-hubspot-signature")
    return Signature.is_valid(signature, request["secret"], request["body"], request["url"], "POST", version,
                              given.get("x-hubspot-request-timestamp"))


def adyen(request):
    from Adyen.util import is_valid_hmac_notification
    return is_valid_hmac_notification(json.loads(request["body"]), request["secret"])


def adyen_platform(request):
    from Adyen.util import is_valid_hmac_payload
    return is_valid_hmac_payload(header(request, "hmacsignature"), request["secret"], request["body"].encode())


def discord(request):
    from nacl.signing import VerifyKey
    content = header(request, "x-signature-timestamp") + request["body"]
    VerifyKey(bytes.fromhex(request["secret"])).verify(content.encode(), bytes.fromhex(header(request, "x-signature-ed25519")))
    return True


# Preset: package on PyPI, and its judge.
JUDGES = {
    "standard": ("standardwebhooks", standardwebhooks), "openai": ("standardwebhooks", standardwebhooks),
    "gitlab-signed": ("standardwebhooks", standardwebhooks), "conversation": ("standardwebhooks", standardwebhooks),
    "svix": ("svix", svix), "clerk": ("svix", svix), "resend": ("svix", svix), "stripe": ("stripe", stripe),
    "slack": ("slack_sdk", slack), "twilio": ("twilio", twilio), "sendgrid": ("sendgrid", sendgrid),
    "square": ("squareup", square), "hubspot": ("hubspot-api-client", hubspot), "hubspot-legacy": ("hubspot-api-client", hubspot),
    "adyen": ("Adyen", adyen), "adyen-platform": ("Adyen", adyen_platform), "discord": ("PyNaCl", discord),
}


def judge(request):
    """Name and version of the library that accepted, or nothing where none is installed. Fails when one refuses."""
    if request["preset"] not in JUDGES:
        return None
    package, accepts = JUDGES[request["preset"]]
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
    assert accepts(request), f"{package} refuses the request of {request['preset']}"
    return f"{package} {version} (PyPI)"
