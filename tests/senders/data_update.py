import requests
import base64
import json
import os

username = os.environ.get("REASONER_WEBHOOK_USERNAME")
password = os.environ.get("REASONER_WEBHOOK_PASSWORD")

if not username or not password:
    raise ValueError("REASONER_WEBHOOK_USERNAME and REASONER_WEBHOOK_PASSWORD are not set")

credentials = f"{username}:{password}"
encoded_credentials = base64.b64encode(credentials.encode()).decode()
auth_header = f"Basic {encoded_credentials}"

payload = {
    "event": "data_update",
    "timestamp": "2023-06-15T14:22:10Z",
    "data": {
        "key1": "value1",
        "key2": "value2"
    }
}

response = requests.post(
    "https://webhook.reasoner.com",
    headers={
        "Content-Type": "application/json",
        "Authorization": auth_header
    },
    json=payload
)

if response.status_code == 200:
    print("Success! Data sent to Reasoner.")
    print(f"Response: {response.text}")
else:
    print(f"Error: {response.status_code}")
    print(f"Response: {response.text}")
