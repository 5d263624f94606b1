import { type Answer, htmlAnswer } from './answer.js';
import type { CallLog, OpenCall } from './calls.js';
import type { Clock } from './clock.js';
import type { FaultBook } from './fault-book.js';
import type { FaultRule } from './faults.js';
import type { LateWork } from './late-work.js';
import type { Mount, PlatformCall, Refusal } from './platform.js';
import type { SandboxRequest } from './request.js';
import type { Timers } from './timers.js';

/** The way back to the caller. */
export interface Reply {
  send(answer: Answer): void;
  /** Cuts the connection without an answer. */
  destroy(): void;
}

export interface PerformParts {
  readonly clock: Clock;
  readonly log: CallLog;
  readonly faults: FaultBook;
  readonly late: LateWork;
  readonly timers: Timers;
}

/** Handles one platform call: finds its fault, does or leaves the work, writes the log, answers. */
export function perform(parts: PerformParts, mount: Mount, request: SandboxRequest, reply: Reply): void {
  const call = mount.open(request);
  const { endpoint, account, subject } = call;
  const rule = parts.faults.take({ platform: mount.platform, endpoint, path: request.path, account, subject });
  const entry = parts.log.add({
    at: parts.clock.now(),
    platform: mount.platform,
    method: request.method,
    endpoint,
    ...(account !== undefined && { account }),
    ...(subject !== undefined && { subject }),
    outcome: 'pending',
    ...(rule && { fault: rule.kind }),
  });
  new Performance(parts, call, entry, reply).run(rule);
}

class Performance {
  readonly #parts: PerformParts;
  readonly #call: PlatformCall;
  readonly #entry: OpenCall;
  readonly #reply: Reply;

  constructor(parts: PerformParts, call: PlatformCall, entry: OpenCall, reply: Reply) {
    this.#parts = parts;
    this.#call = call;
    this.#entry = entry;
    this.#reply = reply;
  }

  run(rule: FaultRule | undefined): void {
    if (rule === undefined) this.#answer(this.#call.work());
    else if (rule.kind === 'drop') this.#lose(this.#call.work());
    else if (rule.kind === 'late') this.#putOff(rule);
    else this.#answer(this.#faulty(rule), rule.kind === 'delay' ? rule.delayMs : 0);
  }

  #faulty(rule: FaultRule): Answer {
    switch (rule.kind) {
      case 'status':
        return this.#spoilt(rule, rule.work ?? false, () => emptyAnswer(rule.status ?? 503));
      case 'html':
        return this.#spoilt(rule, rule.work ?? false, () => gatewayPage(rule.status ?? 200));
      case 'malformed':
        return this.#spoilt(rule, rule.work ?? true, halfAnswer);
      case 'code':
        return this.#call.refuse(refusal(rule, { code: '' }));
      case 'busy':
        return this.#call.refuse(refusal(rule, this.#call.busy));
      case 'maintenance':
        return this.#call.refuse(refusal(rule, this.#call.maintenance));
      default:
        return this.#call.work();
    }
  }

  #answer(answer: Answer, extraDelayMs = 0): void {
    if (answer.lost) {
      this.#lose(answer);
      return;
    }
    this.#entry.outcome = answer.outcome;
    this.#entry.status = answer.status;
    const send = () => this.#reply.send(answer);
    const cancel = this.#parts.timers.after((answer.delayMs ?? 0) + extraDelayMs, send);
    answer.hurry?.(() => {
      cancel();
      send();
    });
  }

  #lose(answer: Answer): void {
    this.#entry.outcome = 'drop';
    this.#entry.effect = answer.outcome;
    this.#reply.destroy();
  }

  #putOff(rule: FaultRule): void {
    this.#entry.outcome = 'late';
    if (!rule.hold) this.#reply.destroy();
    const work = () => {
      const answer = this.#call.work();
      this.#entry.effect = answer.outcome;
      if (rule.hold) this.#reply.send(answer);
    };
    this.#parts.late.add(work, rule.delayMs);
  }

  #spoilt(rule: FaultRule, work: boolean, spoil: (answer: Answer | undefined) => Answer): Answer {
    const answer = work ? this.#call.work() : undefined;
    if (answer) this.#entry.effect = answer.outcome;
    return { ...spoil(answer), outcome: rule.kind };
  }
}

function refusal(rule: FaultRule, usual: Refusal): Refusal {
  return {
    ...usual,
    ...(rule.code !== undefined && { code: String(rule.code) }),
    ...(rule.message !== undefined && { message: rule.message }),
    ...(rule.status !== undefined && { status: rule.status }),
    ...(rule.work !== undefined && { work: rule.work }),
  };
}

function emptyAnswer(status: number): Answer {
  return { status, headers: { 'content-type': 'text/plain' }, body: '', outcome: '' };
}

function gatewayPage(status: number): Answer {
  return htmlAnswer(status, '', 'Gateway', '<h1>The service is not available</h1>');
}

function halfAnswer(answer: Answer | undefined): Answer {
  const whole = answer ?? { ...emptyAnswer(200), headers: { 'content-type': 'application/json' }, body: '{"result' };
  return { ...whole, body: answer ? whole.body.slice(0, Math.ceil(whole.body.length / 2)) : whole.body };
}
