// What each store costs: round trips of a read, a refresh and a page of due keys, counted between client and server, their
// times, and whether a page of 100 due keys costs the same among 1,000,000 records as among 10,000.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileStore } from '@evertoken/core/file';
import { redisStore } from '@evertoken/store-redis';
import { mysqlStore } from '@evertoken/store-sql/mysql';
import { postgresStore } from '@evertoken/store-sql/postgres';
import { sqliteStore } from '@evertoken/store-sql/sqlite';
import { startServer } from '@evertoken/test-servers';
import { countingProxy } from './counting-proxy.mjs';
import { fillMariadb, fillPostgres, fillSqlite } from './fill.mjs';
import { median } from './measure.mjs';

const ACCOUNT = 'bench/app';
const DUE = 100;
const SMALL = 10_000;
const LARGE = Number(process.env.EVERTOKEN_BENCH_RECORDS ?? 1_000_000);
const RUNS = 41;
const REFRESH_TRIPS = 3;
const DUE_LIMIT = 2;

const keyOf = (n) => `et1/${ACCOUNT}/access_token/${n}`;
const token = (value) => ({
  value,
  refreshToken: `refresh-${value}`,
  issuedAt: Date.now(),
  firstSeenAt: Date.now(),
  expiresAt: Date.now() + 7_200_000,
  seen: [],
  lineage: { cause: 'issue', actor: 'bench', at: Date.now(), durationMs: 1 },
});

/** Median time of one piece of work, ms. */
async function time(work, runs = RUNS) {
  const times = [];
  for (let run = -3; run < runs; run++) {
    const start = performance.now();
    await work(run);
    if (run >= 0) times.push(performance.now() - start);
  }
  return median(times);
}

/** One refresh, as a manager makes it: what the last one learned is not used again. */
async function refresh(store, key, value) {
  const { record } = await store.read(key);
  const { generation, attempt } = record;
  const lease = await store.claim({ key, generation, epoch: attempt.epoch }, 'bench', 30_000, { generation });
  if (lease.kind !== 'lease') throw new Error('no lease although nobody else is here');
  const refreshAt = Date.now() + 3_600_000;
  const answer = await store.commit(key, token(value), { predecessor: generation, lease, release: true, refreshAt });
  if (answer !== 'accepted') throw new Error('a commit was refused although nobody else is here');
}

/** Makes `DUE` of `count` records due, spread evenly. */
async function makeDue(store, count) {
  for (let n = 0; n < DUE; n++) {
    const key = keyOf(Math.floor((n * count) / DUE));
    const { record } = await store.read(key);
    const options = { predecessor: record.generation, refreshAt: Date.now() - 60_000 + n };
    if ((await store.commit(key, token(`due-${n}`), options)) !== 'accepted') throw new Error('not made due');
  }
}

async function page(store) {
  const { keys } = await store.due({ limit: DUE, accounts: [ACCOUNT] });
  if (keys.length !== DUE) throw new Error(`${keys.length} due keys instead of ${DUE}`);
}

async function fillByCommits(store, from, to) {
  const work = Array.from({ length: 400 }, async (_, lane) => {
    for (let n = from + lane; n < to; n += 400) {
      await store.commit(keyOf(n), token(`t${n}`), { predecessor: 0, refreshAt: Date.now() + 3_600_000 + n });
    }
  });
  await Promise.all(work);
}

async function measure(name, { open, fill, trips, large }) {
  const store = await open();
  await store.open();
  const line = { name };
  const key = keyOf('one');
  await store.commit(key, token('first'), { predecessor: 0 });
  line.readMs = await time(() => store.read(key));
  line.refreshMs = await time((run) => refresh(store, key, `next-${run}`));
  if (trips) {
    trips.take();
    await store.read(key);
    line.readTrips = trips.take();
    await refresh(store, key, 'counted');
    line.refreshTrips = trips.take();
  }
  await fill(store, 0, SMALL);
  await makeDue(store, SMALL);
  line.smallMs = await time(() => page(store));
  if (trips) {
    trips.take();
    await page(store);
    line.dueTrips = trips.take();
  }
  if (large) {
    await fill(store, SMALL, LARGE);
    line.largeMs = await time(() => page(store));
  }
  await store.close();
  return line;
}

const directory = await mkdtemp(join(tmpdir(), 'evertoken-bench-'));
const chosen = process.env.EVERTOKEN_BENCH_STORES?.split(',');
const lines = [];
const local = async (name, options) => chosen?.includes(name) !== false && lines.push(await measure(name, options));
async function server(name, kind, { create, fill }) {
  if (chosen?.includes(name) === false) return;
  const started = await startServer(kind);
  const trips = await countingProxy(started.port);
  const url = started.url.replace(`:${started.port}`, `:${trips.port}`);
  lines.push(await measure(name, { open: () => create(url), fill: fill(started.url), trips, large: true }));
  trips.close();
  await started.stop();
}

await local('fileStore', { open: () => fileStore({ directory: join(directory, 'tokens') }), fill: fillByCommits });
const filename = join(directory, 'tokens.db');
await local('sqliteStore', { open: () => sqliteStore({ filename }), fill: fillSqlite(filename), large: true });
await server('postgresStore', 'postgres', { create: (url) => postgresStore({ url }), fill: fillPostgres });
await server('mysqlStore', 'mariadb', { create: (url) => mysqlStore({ url }), fill: fillMariadb });
await server('redisStore', 'redis', { create: (url) => redisStore({ url }), fill: () => fillByCommits });
await rm(directory, { recursive: true, force: true });

const number = (value, digits = 2) => (value === undefined ? '–' : value.toFixed(digits)).padStart(9);
console.log('\nRound trips between client and server, and medians in ms');
console.log(
  `  ${'store'.padEnd(14)}     read  refresh      due     read   refresh  due of 10k  due of ${LARGE}  ratio`,
);
for (const line of lines) {
  const ratio = line.largeMs === undefined ? undefined : line.largeMs / line.smallMs;
  const verdicts = [
    line.refreshTrips !== undefined &&
      (line.refreshTrips <= REFRESH_TRIPS ? '' : `  refresh ABOVE ${REFRESH_TRIPS} round trips`),
    ratio !== undefined && (ratio <= DUE_LIMIT ? `  ok (at most ${DUE_LIMIT})` : `  ABOVE ${DUE_LIMIT}`),
  ].filter(Boolean);
  console.log(
    `  ${line.name.padEnd(14)}${number(line.readTrips, 0)}${number(line.refreshTrips, 0)}${number(line.dueTrips, 0)}${number(line.readMs)} ${number(line.refreshMs)}   ${number(line.smallMs)}        ${number(line.largeMs)}${number(ratio)}${verdicts.join('')}`,
  );
}
