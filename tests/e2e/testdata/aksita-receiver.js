const crypto = require('crypto');
const express = require('express');
const app = express();

// IMPORTANT: Use express.raw() to get raw body for signature verification
app.post('/webhook', express.raw({type: 'application/json'}), (req, res) => {
  const signature = req.headers['x-webhook-signature'];
  const webhookSecret = process.env.WEBHOOK_SECRET; // From agent settings
  
  // Verify signature if provided
  if (signature && webhookSecret) {
    const hmac = crypto.createHmac('sha256', webhookSecret);
    hmac.update(req.body); // Raw body as buffer
    const calculatedSignature = hmac.digest('hex');
    
    if (calculatedSignature !== signature) {
      return res.status(400).json({ error: 'Invalid signature' });
    }
  }
  
  // Parse and process webhook
  const payload = JSON.parse(req.body);
  console.log('Human agent replied:', payload.response[0]);
  console.log('Conversation ID:', payload.conversation_id);
  console.log('Source:', payload.source); // "human_agent"
  
  // Respond with 200 OK
  res.json({ received: true });
});

app.listen(3000);
