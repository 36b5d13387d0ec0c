const { taken, listen } = require('../prelude.js'); // prelude

const express = require('express');
const app = express();

// prelude: stands for the work
async function processWebhook(payload) {
  taken(payload.data.id);
}

app.post('/webhook', express.json(), async (req, res) => {
  try {
    const payload = req.body;
    await processWebhook(payload);
    res.sendStatus(200);
  } catch (err) {
    console.log(`failed ${err.message}`); // prelude: a logger
    res.sendStatus(200);
  }
});

listen(app); // prelude
