import hashlib
import hmac
import os.path
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import prelude  # noqa: E402

from flask import Flask, jsonify, request  # noqa: E402

app = Flask(__name__)
WEBHOOK_SECRET = "your_webhook_secret"


@app.route("/webhooks/broxi", methods=["POST"])
def handle_webhook():
    if not verify_webhook_signature(request):
        return jsonify({"error": "Invalid signature"}), 401
    payload = request.get_json()
    event_type = payload.get("event")
    try:
        if event_type == "workflow.completed":
            handle_workflow_completed(payload)
        elif event_type == "workflow.failed":
            handle_workflow_failed(payload)
        elif event_type == "user.message.received":
            handle_user_message(payload)
        else:
            prelude.taken([event_type])  # prelude: it prints that the event is not handled
        return jsonify({"status": "success"}), 200
    except Exception as error:
        prelude.say(f"failed {error!r}")  # prelude: stands for print
        return jsonify({"error": "Processing failed"}), 500


def verify_webhook_signature(request):
    signature = request.headers.get("X-Broxi-Signature")
    if not signature:
        return False
    payload = request.get_data()
    expected_signature = hmac.new(WEBHOOK_SECRET.encode(), payload, hashlib.sha256).hexdigest()
    return hmac.compare_digest(signature, expected_signature)


def handle_workflow_completed(payload):
    data = payload["data"]
    prelude.taken([data["workflow_id"], data["run_id"], data["output"]])


def handle_workflow_failed(payload):
    data = payload["data"]
    prelude.taken([data["workflow_id"], data["run_id"], data["error"]["code"]])


def handle_user_message(payload):
    data = payload["data"]
    prelude.taken([data["user_id"], data["session_id"], data["message"]["id"]])


prelude.serve_wsgi(app)  # prelude
