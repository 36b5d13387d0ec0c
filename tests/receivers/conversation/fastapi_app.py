import os.path
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import prelude  # noqa: E402

import uvicorn  # noqa: E402
from fastapi import FastAPI, Request  # noqa: E402
from fastapi.responses import JSONResponse  # noqa: E402

app = FastAPI()


@app.post("/webhook")
async def webhook_handler(request: Request):
    try:
        payload = await request.json()
        prelude.taken(payload["data"]["id"])  # prelude: stands for process_webhook.delay(payload)
        return JSONResponse(content=None, status_code=200)  # prelude: content
    except Exception as error:
        prelude.say(f"failed {error!r}")  # prelude: stands for the logger
        return JSONResponse(content=None, status_code=200)  # prelude: content


# prelude
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
prelude.say(f"listening on {listener.getsockname()[1]}")
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
