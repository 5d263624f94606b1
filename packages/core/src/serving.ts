import { aborted, untilAborted } from './abort.js';
import { closed } from './closed.js';
import type { Copy } from './copies.js';
import { type Engine, keyEvent } from './engine.js';
import { TokenError } from './errors.js';
import { configurationError } from './options.js';
import { idsOf, labelOf } from './platform-request.js';
import { canBringMore } from './policy.js';
import { rejectedAgain } from './rejected-again.js';
import type { TokenSource } from './source.js';
import type { TokenRecord } from './store/record.js';
import type { Token } from './token.js';
import type { GetOptions } from './tokens.js';
import type { Want } from './want.js';

/** What is known of a key: the copy to serve, and the record if it has just been read. */
interface Looked {
  readonly copy: Copy | undefined;
  readonly seen?: TokenRecord;
}

/** Gives callers their tokens, where no answer lies ready: from copies, from the store, from the platform. */
export class Serving {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** `Tokens.get`, where no ready answer suffices. */
  async get(source: TokenSource, options: GetOptions = {}): Promise<Token> {
    const { signal, minValidityMs = 0 } = options;
    if (signal?.aborted) throw aborted(source);
    if (!(minValidityMs >= 0)) throw configurationError('"minValidityMs" must be a number of at least 0');
    const known = this.#engine.memory.copy(source);
    const age = known && this.#engine.memory.age(source, known);
    if (age === 'old') this.#engine.own(this.#engine.memory.read(source).catch(() => {}));
    const looked =
      age === undefined || age === 'unchecked'
        ? await untilAborted(this.#look(source, known), source, signal)
        : { copy: known };
    return untilAborted(this.#fresh(source, { ...looked, minValidityMs }), source, signal);
  }

  /** The three cases: fresh, refresh soon, refresh now. */
  async #fresh(source: TokenSource, { copy, seen, minValidityMs }: Looked & { minValidityMs: number }): Promise<Token> {
    const now = this.#engine.clock.now();
    const short =
      copy !== undefined &&
      minValidityMs > 0 &&
      now + minValidityMs > copy.endsAt &&
      canBringMore(copy, source, { now, minValidityMs });
    if (copy && now < copy.mustAt && !short) {
      // Behind the caller: a failure is noted in the record and told as an event, the flight owns it.
      if (now >= copy.soonAt) this.#join(source, { mode: 'soon', ...(seen && { seen }) }).catch(() => {});
      return this.#engine.memory.serve(source, copy);
    }
    try {
      const landed = await this.#join(source, { mode: 'need', minValidityMs, ...(seen && { seen }) });
      if (landed.copy) return this.#engine.memory.serve(source, landed.copy);
    } catch (error) {
      // While the token lives, a platform or store that is down is invisible to callers.
      const living = await this.#atHand(source);
      if (living && this.#engine.clock.now() < living.endsAt) return this.#engine.memory.serve(source, living);
      throw error;
    }
    throw new TokenError('ERR_TOKEN_TRANSPORT', `${labelOf(source)}: the refresh brought no token`, idsOf(source));
  }

  /** The copy that may still be served after a flight, which may have taken long, or have met another token in the store. */
  async #atHand(source: TokenSource): Promise<Copy | undefined> {
    const copy = this.#engine.memory.copy(source);
    if (!copy || this.#engine.memory.age(source, copy) !== 'unchecked') return copy;
    return (await this.#look(source, copy).catch(() => undefined))?.copy;
  }

  /** What the store says, or the copy at hand while it lives if the store cannot be reached. */
  async #look(source: TokenSource, copy: Copy | undefined): Promise<Looked> {
    try {
      // Handed on to the flight, if there is one: it need not read again.
      const seen = await this.#engine.memory.read(source);
      return { copy: this.#engine.memory.copy(source), seen };
    } catch (error) {
      if (copy && this.#engine.clock.now() < copy.endsAt) return { copy };
      throw error;
    }
  }

  /** `Tokens.reject`: once for all who report the same value. */
  async reject(source: TokenSource, value: string): Promise<Token> {
    this.#engine.memory.refuse(source, value);
    const event = keyEvent(this.#engine, source);
    const record = await this.#engine.memory.read(source);
    const stored = this.#engine.memory.copy(source);
    if (stored && stored.value !== value && this.#engine.clock.now() < stored.mustAt) {
      this.#engine.events.emit('reject', { ...event, outcome: 'better' });
      return this.#engine.memory.serve(source, stored);
    }
    try {
      const { copy } = await this.#join(source, { mode: 'forced', refused: value, seen: record });
      if (!copy || copy.value === value) throw rejectedAgain(source, undefined, 'repeated');
      this.#engine.events.emit('reject', { ...event, outcome: 'renewed' });
      return this.#engine.memory.serve(source, copy);
    } catch (error) {
      if (error instanceof TokenError && error.code === 'ERR_TOKEN_REJECTED_AGAIN')
        this.#engine.events.emit('reject', { ...event, outcome: 'again' });
      throw error;
    }
  }

  /** `Tokens.peek`, where no answer is ready. */
  peek(source: TokenSource, now: number): Token | undefined {
    const copy = this.#engine.memory.copy(source);
    if (copy === undefined || now >= copy.endsAt) return undefined;
    // Answering it once makes it a ready answer; its promise is already resolved and nobody has to await it.
    void this.#engine.memory.serve(source, copy);
    return this.#engine.memory.answer(source.key)?.token;
  }

  /** What a drained manager still answers. */
  fromMemory(source: TokenSource): Promise<Token> {
    const copy = this.#engine.memory.copy(source);
    if (copy && this.#engine.clock.now() < copy.endsAt) return this.#engine.memory.serve(source, copy);
    throw closed(source);
  }

  async #join(source: TokenSource, want: Want) {
    return (await this.#engine.flights()).join(source, want);
  }
}
