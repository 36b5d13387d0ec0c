curl -X POST "https://webhook.reasoner.com" \
  -H "Content-Type: application/json" \
  -H "Authorization: Basic $(echo -n 'USERNAME:PASSWORD' | base64)" \
  -d '{"message": "Hello from webhook!"}'
