import hashlib
import hmac
import os.path
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import prelude  # noqa: E402

from flask import Flask, jsonify, request  # noqa: E402

WEBHOOK_SECRET = "your_webhook_secret"


def verify_webhook_signature(payload, signature, secret, tolerance=300):
    timestamp = request.headers.get("X-Broxi-Timestamp")
    if not timestamp:
        return False
    current_time = int(time.time())
    if abs(current_time - int(timestamp)) > tolerance:
        return False
    signed_payload = f"{timestamp}.{payload}"
    expected_signature = hmac.new(secret.encode(), signed_payload.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(signature, expected_signature)


def secure_webhook_handler(request):
    signature = request.headers.get("X-Broxi-Signature")
    timestamp = request.headers.get("X-Broxi-Timestamp")
    if not signature or not timestamp:
        return {"error": "Missing security headers"}, 401
    payload = request.get_data(as_text=True)
    if not verify_webhook_signature(payload, signature, WEBHOOK_SECRET):
        return {"error": "Invalid signature"}, 401
    return process_webhook(request.get_json()), 200


# prelude: the app around it
def process_webhook(payload):
    prelude.taken([payload["event"], payload["delivery_id"][:4]])
    return {"status": "success"}


app = Flask(__name__)


@app.route("/webhooks/broxi", methods=["POST"])
def handle():
    answer, status = secure_webhook_handler(request)
    return jsonify(answer), status


prelude.serve_wsgi(app)
