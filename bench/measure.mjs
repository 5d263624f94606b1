// Medians of alternated runs: what disturbs the machine disturbs both sides alike.

/** Runs floor and candidate in turn; the ratio is the median of the pairs' ratios, times are medians in ms. */
export async function alternate(floor, candidate, { runs = 31, warmUp = 4 } = {}) {
  const times = { floor: [], candidate: [] };
  const work = { floor, candidate };
  for (let run = 0; run < warmUp + runs; run++) {
    for (const side of run % 2 ? ['floor', 'candidate'] : ['candidate', 'floor']) {
      const start = performance.now();
      await work[side]();
      if (run >= warmUp) times[side].push(performance.now() - start);
    }
  }
  const ratio = median(times.candidate.map((ms, run) => ms / times.floor[run]));
  return { floorMs: median(times.floor), candidateMs: median(times.candidate), ratio };
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
