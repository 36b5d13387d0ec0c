import os.path
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import prelude  # noqa: E402

from flask import Flask, request  # noqa: E402

app = Flask(__name__)


@app.route("/webhook", methods=["POST"])
def webhook_handler():
    try:
        payload = request.get_json()
        prelude.taken(payload["data"]["id"])  # prelude: stands for process_webhook.delay(payload)
        return "", 200
    except Exception as error:
        prelude.say(f"failed {error!r}")  # prelude: stands for the logger
        return "", 200


prelude.serve_wsgi(app)  # prelude
