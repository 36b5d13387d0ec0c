#!/usr/bin/env python3
"""A gateway in a hundred lines, with bugs on request (MODEL_BUG), to prove that the crash harness finds them.

It speaks as much of the API as the harness uses. Its database is a file of JSON lines, appended before the answer.
"""

import http.client
import json
import os
import queue
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

BUG = os.environ.get("MODEL_BUG", "none")
DATABASE = os.open("model.jsonl", os.O_RDWR | os.O_CREAT | os.O_APPEND)
keys = {}
pending = queue.Queue()
unwritten = queue.Queue()
webhooks = []
in_flight = 0


def commit(line):
    os.write(DATABASE, (json.dumps(line) + "\n").encode())


def write_late():
    while True:
        time.sleep(0.05)
        while not unwritten.empty():
            commit(unwritten.get())


def accept(event):
    line = {"event": event}
    keys[event.get("key")] = event["id"]
    if BUG == "ack_before_commit":
        unwritten.put(line)
    else:
        commit(line)
    pending.put(event)


def deliver():
    global in_flight
    connection = None
    while True:
        event = pending.get()
        # Slower than acceptance, so that a kill always leaves work behind.
        time.sleep(0.002)
        in_flight += 1
        for _ in range(2 if BUG == "double_claim" else 1):
            connection = connection or http.client.HTTPConnection(urlsplit(webhooks[0]).netloc)
            body = '{"type":"%s","timestamp":"","data":%s}' % (event["type"], event["data"])
            connection.request("POST", urlsplit(webhooks[0]).path, body, {"webhook-id": event["id"]})
            connection.getresponse().read()
        commit({"delivered": event["id"]})
        in_flight -= 1


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        encoded = body.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def do_GET(self):
        if self.path.startswith("/v1/events"):
            rows = [line for line in read() if "event" in line]
            self.answer(200, json.dumps({"data": [line["event"] for line in rows], "next_cursor": None}))
        else:
            self.answer(200, f"stentor_in_flight {in_flight}\n")

    def take_in(self, data):
        key = self.headers["idempotency-key"] or "signed " + self.headers["x-delivery"]
        event_id = keys.get(key)
        if event_id is None:
            event_id = "evt_" + uuid.uuid4().hex
            accept({"id": event_id, "type": "received", "data": data, "key": key})
        self.answer(200, json.dumps({"status": "ok", "id": event_id}))

    def do_POST(self):
        text = self.rfile.read(int(self.headers["content-length"])).decode()
        if self.path == "/v1/webhooks":
            webhooks.append(json.loads(text)["url"])
            commit({"webhook": webhooks[0]})
            self.answer(201, json.dumps({"id": "wh_1", "secret": "whsec_"}))
        elif self.path == "/v1/events":
            # The data's own bytes: all between the member's name and the last brace.
            data = text[text.index('"data":') + 7 : -1]
            event = {"id": "evt_" + uuid.uuid4().hex, "type": json.loads(text)["type"], "data": data}
            accept(event)
            self.answer(202, json.dumps({"id": event["id"], "type": event["type"], "deliveries": 1}))
        elif self.path == "/" or self.path.startswith("/in/"):
            self.take_in(text)
        else:
            made = {"id": "tnt_1", "token": "token", "username": "name", "password": "word"}
            self.answer(201, json.dumps(made))


def read():
    with open("model.jsonl") as lines:
        return [json.loads(line) for line in lines]


def recover():
    lines = read()
    if BUG != "forget_keys":
        keys.update((line["event"].get("key"), line["event"]["id"]) for line in lines if "event" in line)
    delivered = {line.get("delivered") for line in lines}
    webhooks.extend(line["webhook"] for line in lines if "webhook" in line)
    left = [line["event"] for line in lines if "event" in line and line["event"]["id"] not in delivered]
    for event in left[:1] if BUG == "forget_at_start" else left:
        pending.put(event)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


recover()
server = Server(("127.0.0.1", 0), Handler)
for work in (deliver, write_late):
    threading.Thread(target=work, daemon=True).start()
print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()
