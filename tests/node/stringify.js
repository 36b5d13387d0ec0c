// Reads JSON texts, one per line in base64, and writes what JSON.stringify(JSON.parse(text)) yields, in the same form.
'use strict';

const lines = require('readline').createInterface({ input: process.stdin, crlfDelay: Infinity });
const answers = [];
lines.on('line', (line) => {
  const text = Buffer.from(line, 'base64').toString('utf8');
  answers.push(Buffer.from(JSON.stringify(JSON.parse(text)), 'utf8').toString('base64'));
});
lines.on('close', () => process.stdout.write(answers.join('\n') + '\n'));
