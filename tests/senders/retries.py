import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

import base64, os  # prelude
credentials = os.environ["REASONER_WEBHOOK_USERNAME"] + ":" + os.environ["REASONER_WEBHOOK_PASSWORD"]  # prelude
headers = {"Authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}  # prelude
payload = {"event": "data_update", "timestamp": "2023-06-15T14:22:10Z", "data": {"key1": "value1"}}  # prelude

retry_strategy = Retry(
    total=3,
    backoff_factor=1,
    status_forcelist=[429, 500, 502, 503, 504],
)

session = requests.Session()
session.mount("https://", HTTPAdapter(max_retries=retry_strategy))

response = session.post(
    "https://webhook.reasoner.com",
    headers=headers,
    json=payload
)

print(response.status_code, response.text)  # prelude
