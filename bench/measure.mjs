// Medians of alternated runs: what disturbs the machine disturbs both sides alike.

/** Runs floor and candidate in turn and compares their medians, in ms. */
export async function alternate(floor, candidate, { runs = 21, warmUp = 4 } = {}) {
  const times = { floor: [], candidate: [] };
  for (let run = 0; run < warmUp + runs; run++) {
    for (const [side, work] of run % 2
      ? [
          ['floor', floor],
          ['candidate', candidate],
        ]
      : [
          ['candidate', candidate],
          ['floor', floor],
        ]) {
      const start = performance.now();
      await work();
      if (run >= warmUp) times[side].push(performance.now() - start);
    }
  }
  const floorMs = median(times.floor);
  const candidateMs = median(times.candidate);
  return { floorMs, candidateMs, ratio: candidateMs / floorMs };
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
}

/** Prints a table; a row with a limit says whether it is kept. `calls`: turns totals into ns per call. */
export function print(title, rows, calls) {
  console.log(`\n${title}`);
  for (const { name, ratio, limit, floorMs, candidateMs, unit = 'ms', note = '' } of rows) {
    const per = (ms) => (calls ? `${((ms / calls) * 1e6).toFixed(1)} ns` : `${ms.toFixed(2)} ${unit}`);
    const verdict = limit === undefined ? '' : ratio <= limit ? `  ok (at most ${limit})` : `  ABOVE ${limit}`;
    console.log(
      `  ${name.padEnd(44)} ${per(candidateMs).padStart(12)} / ${per(floorMs).padStart(12)} = ${ratio.toFixed(2)}${verdict}${note && `  ${note}`}`,
    );
  }
}
