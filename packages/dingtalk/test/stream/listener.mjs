// A program that listens to a stream, and ends once it is told to: nothing but the stream keeps it alive.
const [, , entry, api, clientId, clientSecret] = process.argv;
const { startStream } = await import(entry);

try {
  const stream = await startStream({
    clientId,
    clientSecret,
    baseUrls: { api },
    onEvent({ eventType }) {
      process.stdout.write(`event ${eventType}\n`);
    },
  });
  process.stdout.write(stream.connected ? 'connected\n' : 'waiting\n');
  process.once('SIGTERM', async () => {
    await stream.close();
    process.stdout.write('closed\n');
  });
} catch (error) {
  process.stdout.write(`${error.code}: ${error.message}\n`);
}
