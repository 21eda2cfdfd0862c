// A receiver as the vendor's page describes it, without express: it verifies the hex HMAC of the raw body and prints what it read.
const crypto = require('node:crypto');
const http = require('node:http');

const server = http.createServer((req, res) => {
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => {
    const raw = Buffer.concat(chunks);
    const expected = crypto.createHmac('sha256', process.env.WEBHOOK_SECRET).update(raw).digest('hex');
    const status = req.headers['x-webhook-signature'] === expected ? 200 : 400;
    const body = status === 200 ? { received: JSON.parse(raw).response[0] } : { error: 'Invalid signature' };
    res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume(); // the test closes it
