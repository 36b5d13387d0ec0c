import json
import os.path
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import prelude  # noqa: E402

# prelude: a Django project of one view
from django.conf import settings  # noqa: E402

settings.configure(SECRET_KEY="unused", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"])

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402


@csrf_exempt
def webhook_handler(request):
    try:
        payload = json.loads(request.body)
        prelude.taken(payload["data"]["id"])  # prelude: stands for process_webhook.delay(payload)
        return HttpResponse(status=200)
    except Exception as error:
        prelude.say(f"failed {error!r}")  # prelude: stands for the logger
        return HttpResponse(status=200)


# prelude
urlpatterns = [path("webhook", webhook_handler)]
prelude.serve_wsgi(get_wsgi_application())
