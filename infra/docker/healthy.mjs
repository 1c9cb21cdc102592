// Ends with 0 when /readyz of this container answers 200, else with 1 and what it answered.
import { get } from 'node:http';

const port = (process.env.RELEARN_HTTP ?? '127.0.0.1:8080').split(':').at(-1);

get(`http://127.0.0.1:${port}/readyz`, (answer) => {
  process.exitCode = answer.statusCode === 200 ? 0 : 1;
  answer.pipe(process.stdout);
}).on('error', (error) => {
  process.stdout.write(error.message);
  process.exitCode = 1;
});
