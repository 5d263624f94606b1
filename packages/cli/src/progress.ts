import type { ProgramIO } from './program-io.js';

/** Shows how far something has come; never a token, never a subject. */
export interface Progress {
  /** After each step. `total` may grow. */
  at(done: number, total: number, detail: string): void;
  /** Leaves the terminal as it was. */
  end(): void;
}

/** Lines at least so many steps apart, where there is no terminal: a log wants a few, not one per key. */
const FEWEST_STEPS = 10;

/**
 * A bar on a terminal, plain lines at each tenth elsewhere; on stderr, so that stdout holds the answer alone. An interruption
 * ends the bar: what is said of it then stands on a line of its own.
 */
export async function progressOn({ stderr, env }: ProgramIO, interruption: AbortSignal): Promise<Progress> {
  if (!stderr.isTTY || env['TERM'] === 'dumb') return lines(stderr);
  const { default: cliProgress } = await import('cli-progress');
  const bar = new cliProgress.SingleBar({
    stream: stderr,
    format: '{bar} {value}/{total} {detail}',
    barsize: 30,
    clearOnComplete: true,
  });
  let phase: 'new' | 'shown' | 'ended' = interruption.aborted ? 'ended' : 'new';
  const end = () => {
    if (phase === 'shown') bar.stop();
    phase = 'ended';
  };
  interruption.addEventListener('abort', end, { once: true });
  return {
    at(done, total, detail) {
      if (phase === 'ended') return;
      if (phase === 'new') bar.start(total, done, { detail });
      phase = 'shown';
      bar.setTotal(total);
      bar.update(done, { detail });
    },
    end,
  };
}

function lines(stderr: NodeJS.WritableStream): Progress {
  let next = FEWEST_STEPS;
  return {
    at(done, total, detail) {
      if (done < next || done >= total) return;
      stderr.write(`${`${done}/${total} ${detail}`.trimEnd()}\n`);
      next = done + Math.max(FEWEST_STEPS, Math.ceil(total / 10));
    },
    end() {},
  };
}
