"""Prelude of the Python receivers: a free port, and a line for each webhook that is taken."""

import json
import os
import socketserver
import sys
import wsgiref.simple_server

SECRET = os.environ.get("WEBHOOK_SECRET", "")


def say(line):
    print(line, flush=True)


def taken(what):
    """Stands for the work that the printed receivers leave out."""
    say("taken " + json.dumps(what, sort_keys=True))


class QuietHandler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True


def serve_wsgi(application):
    server = wsgiref.simple_server.make_server("127.0.0.1", 0, application, Server, QuietHandler)
    say(f"listening on {server.server_port}")
    server.serve_forever()


sys.path.insert(0, os.path.dirname(__file__))
