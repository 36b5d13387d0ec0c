const { taken, listen } = require('../prelude.js'); // prelude

const express = require('express');
const crypto = require('crypto');
const app = express();

app.use(express.json());

const WEBHOOK_SECRET = process.env.WEBHOOK_SECRET;

app.post('/webhooks/broxi', (req, res) => {
  if (!verifyWebhookSignature(req)) {
    return res.status(401).json({ error: 'Invalid signature' });
  }
  const { event, data, timestamp } = req.body;
  try {
    switch (event) {
      case 'workflow.completed':
        handleWorkflowCompleted(data);
        break;
      case 'workflow.failed':
        handleWorkflowFailed(data);
        break;
      case 'user.message.received':
        handleUserMessage(data);
        break;
      default:
        taken([event, timestamp.length]); // prelude: it logs that the event is not handled
    }
    res.json({ status: 'success' });
  } catch (error) {
    console.log(`failed ${error.message}`); // prelude: stands for console.error
    res.status(500).json({ error: 'Processing failed' });
  }
});

function verifyWebhookSignature(req) {
  const signature = req.headers['x-broxi-signature'];
  if (!signature) return false;
  const payload = JSON.stringify(req.body);
  const expectedSignature = crypto.createHmac('sha256', WEBHOOK_SECRET).update(payload).digest('hex');
  return crypto.timingSafeEqual(Buffer.from(signature), Buffer.from(expectedSignature));
}

function handleWorkflowCompleted(data) {
  taken([data.workflow_id, data.run_id, data.output]);
}

function handleWorkflowFailed(data) {
  taken([data.workflow_id, data.run_id, data.error.code]);
}

function handleUserMessage(data) {
  taken([data.user_id, data.session_id, data.message.id]);
}

listen(app); // prelude
