// The verification of Aksita's page "Human Agent Webhook", Node example, word for word between the marks: each line of the input is one
// webhook, each line of the output the signature that the example compares with the header.
const crypto = require('crypto');
const readline = require('readline');

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const given = JSON.parse(line);
  const webhookSecret = given.secret;
  const req = { body: Buffer.from(given.body, 'base64') }; // what express.raw() gives
  // ---
  const hmac = crypto.createHmac('sha256', webhookSecret);
  hmac.update(req.body); // Raw body as buffer
  const calculatedSignature = hmac.digest('hex');
  // ---
  console.log(calculatedSignature);
});
