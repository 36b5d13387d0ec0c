import hashlib
import hmac
import os.path
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import prelude  # noqa: E402

WEBHOOK_SECRET = prelude.SECRET  # prelude


def verify_webhook_signature(payload, signature, secret):
    expected_signature = hmac.new(
        secret.encode("utf-8"), payload.encode("utf-8"), hashlib.sha256
    ).hexdigest()
    return hmac.compare_digest(signature, expected_signature)


from flask import Flask, jsonify, request  # noqa: E402

app = Flask(__name__)


def handle_resource_created(resource):  # prelude
    prelude.taken([resource["id"], resource["name"], resource["status"]])


@app.route("/webhooks", methods=["POST"])
def handle_webhook():
    payload = request.get_data(as_text=True)
    signature = request.headers.get("X-Webhook-Signature")
    if not verify_webhook_signature(payload, signature, WEBHOOK_SECRET):
        return jsonify({"error": "Invalid signature"}), 401
    event = request.json
    if event["type"] == "resource.created":
        handle_resource_created(event["data"]["object"])
    return jsonify({"status": "received"}), 200


prelude.serve_wsgi(app)  # prelude
