const { taken, listen } = require('../prelude.js'); // prelude

const express = require('express');
const crypto = require('crypto');
const app = express();

app.use(express.raw({ type: 'application/json' }));

const WEBHOOK_SECRET = process.env.WEBHOOK_SECRET; // prelude

function verifyWebhookSignature(payload, signature, secret) {
  const expectedSignature = crypto.createHmac('sha256', secret).update(payload).digest('hex');
  return crypto.timingSafeEqual(Buffer.from(signature), Buffer.from(expectedSignature));
}

// prelude
const handleResourceCreated = (resource) => taken([resource.id, resource.name, resource.status]);
const handleResourceUpdated = (resource) => taken([resource.id, resource.name]);

app.post('/webhooks', (req, res) => {
  const signature = req.headers['x-webhook-signature'];
  const payload = req.body.toString();
  if (!verifyWebhookSignature(payload, signature, WEBHOOK_SECRET)) {
    return res.status(401).json({ error: 'Invalid signature' });
  }
  const event = JSON.parse(payload);
  switch (event.type) {
    case 'resource.created':
      handleResourceCreated(event.data.object);
      break;
    case 'resource.updated':
      handleResourceUpdated(event.data.object);
      break;
  }
  res.json({ status: 'received' });
});

listen(app); // prelude
