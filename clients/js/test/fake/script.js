// Runs a scenario of `clients/contract`: the steps of the server and those of the client.

import assert from 'node:assert/strict';
import { connect } from '../../index.js';
import { FakeServer } from './server.js';

/** @typedef {Record<string, any>} Step */

const DEADLINE_MS = 5_000;
export const WELCOME = {
  t: 'welcome',
  session: 'named-by-the-runner',
  node: 'root',
  engine: 'e1',
  time: 1_000_000,
  heartbeat_ms: 60_000,
  role: 'operator',
  max_frame: 65_536,
  max_subs: 100,
};
/** Frames of the client that are no part of what a scenario says. */
const ASIDE = ['ping', 'stats', 'credit'];

export class Script {
  /**
   * @param {Step} scenario
   * @param {string} run
   */
  constructor(scenario, run) {
    this.scenario = scenario;
    this.run = run;
    /** @type {FakeServer[]} */
    this.servers = [];
    /** @type {Map<string, any>} what `$names` are bound to */
    this.names = new Map();
    /** @type {Map<string, { subscription: any, seen: any[] }>} */
    this.subscriptions = new Map();
    /** @type {Map<string, Promise<any>>} */
    this.results = new Map();
    /** @type {string[]} */
    this.states = ['connecting'];
    /** @type {import('./server.js').FakeSession | null} */
    this.session = null;
    /** @type {any} */
    this.client = null;
    this.wake = () => {};
    this.stepEnded = 0;
  }

  async play() {
    for (const ways of this.scenario.servers ?? [['ws', 'sse', 'poll']]) {
      const server = await new FakeServer(ways).start();
      server.changed = () => this.wake();
      this.names.set(`$server${this.servers.length}`, server.url);
      this.servers.push(server);
    }
    try {
      for (const [index, step] of this.scenario.steps.entries()) {
        try {
          await this.step(step);
        } catch (error) {
          const failure = this.client?.lastFailure;
          const about = `step ${index} ${JSON.stringify(step).slice(0, 200)}, last failure ${JSON.stringify(failure)}`;
          throw new Error(`${about}\n${/** @type {Error} */ (error).message}`, { cause: error });
        }
        this.stepEnded = Date.now();
      }
      this.atTheEnd();
    } finally {
      this.client?.close();
      for (const server of this.servers) server.stop();
    }
  }

  atTheEnd() {
    const left = this.session?.inbox.filter((it) => ![...ASIDE, 'bye'].includes(it.t)) ?? [];
    assert.deepEqual(left, [], 'frames that no step expected');
    for (const session of this.servers.flatMap((it) => [...it.all])) {
      assert.ok(session.given <= session.dataBytes, `credit for ${session.given} of ${session.dataBytes} bytes`);
    }
  }

  /** @param {Step} step */
  async step(step) {
    if (step.do) return this.act(step);
    if (step.accept) await this.accept(step.accept);
    else if (step.open) {
      await this.accept(step.open);
      const { engine = 'e1', heartbeat_ms = 60_000 } = step.open;
      this.current().send({ ...WELCOME, engine, heartbeat_ms });
    } else if (step.refuse) {
      const session = await this.arrival(step.refuse.server ?? 0);
      session.answerOpening?.(step.refuse.status, [], step.refuse.retry_after_s);
    } else if (step.expect) await this.expect(step.expect);
    else if (step.send) for (const frame of step.send) this.current().send(this.filled(frame));
    else if (step.raw !== undefined) this.current().sendRaw(step.raw);
    else if (step.raw_hex) this.current().sendRaw(new Uint8Array(Buffer.from(step.raw_hex, 'hex')));
    else if (step.cut) this.current().cut();
    else if (step.drop) this.current().drop();
    else if (step.way) await this.until(() => this.current().way === step.way, () => `the way is ${this.current().way}`);
    else await this.look(step);
  }

  /**
   * Looks at the client.
   *
   * @param {Step} step
   */
  async look(step) {
    if (step.view) {
      const { subscription } = this.of(step.view);
      const view = () => Object.fromEntries([...subscription.values].map(([topic, held]) => [topic, plain(held)]));
      const fits = () => {
        assert.deepEqual(Object.keys(view()).sort(), Object.keys(step.is).sort());
        this.match(step.is, view(), 'view');
      };
      await this.untilFits(fits);
    } else if (step.seen) {
      const it = this.of(step.seen);
      await this.until(() => it.seen.length >= step.are.length, () => `only ${JSON.stringify(it.seen)}`);
      assert.deepEqual(it.seen.splice(0), step.are);
    } else if (step.stale) {
      const { subscription } = this.of(step.stale);
      await this.until(() => subscription.stale === step.is, () => `stale is ${subscription.stale}`);
    } else if (step.states) {
      const fits = () => {
        assert.equal(this.states.length, step.states.length, this.states.join());
        for (const [i, want] of step.states.entries()) {
          const has = this.states[i] ?? '';
          assert.equal(want.includes(':') ? has : has.split(':')[0], want);
        }
      };
      await this.untilFits(fits);
    } else if (step.result) {
      const answer = await this.deadline(/** @type {Promise<any>} */ (this.results.get(step.result)), step.result);
      if (step.error) assert.equal(answer.error, step.error);
      else this.match(step.is, answer, step.result);
    } else throw new Error('no such step');
  }

  /** @param {Step} step */
  act(step) {
    const { client } = this;
    switch (step.do) {
      case 'connect':
        return this.connect();
      case 'subscribe': {
        /** @type {any[]} */
        const seen = [];
        const subscription = client.subscribe(step.filter, step.options ?? {}, (/** @type {any} */ event) => {
          seen.push(told(event));
          this.wake();
        });
        return void this.subscriptions.set(step.as, { subscription, seen });
      }
      case 'unsubscribe':
        return this.of(step.of).subscription.unsubscribe();
      case 'change':
        return (step.of ? this.of(step.of).subscription : client).change(step.limits);
      case 'call':
        return this.answer(step, client.call(step.method, step.path, step.body, { key: step.key, timeout_ms: step.timeout_ms }));
      case 'publish':
        return this.answer(step, client.publish(step.topic, step.value));
      case 'command':
        return this.answer(step, client.command(step.device, step.name, step.arguments));
      case 'acknowledge':
        return this.answer(step, client.acknowledge(step.case, { why: step.why }));
      case 'close':
        return client.close();
      default:
        throw new Error('no such thing to do');
    }
  }

  connect() {
    const [transport, encoding] = this.run.split('+');
    this.client = connect({
      endpoints: this.servers.map((server) => /** @type {string} */ (server.url)),
      token: 'secret',
      client: 'contract',
      backoff: { base_ms: 10, cap_ms: 20 },
      ...(this.run === 'auto' ? {} : { transports: [/** @type {any} */ (transport)] }),
      ...(encoding ? { encoding: /** @type {any} */ (encoding) } : {}),
      ...this.scenario.client,
    });
    this.client.on('state', (/** @type {any} */ { state, reason }) => {
      this.states.push(reason ? `${state}:${reason}` : state);
      this.wake();
    });
    this.client.on('error', (/** @type {unknown} */ error) => {
      this.states.push(`error:${error}`);
    });
  }

  /**
   * @param {Step} step
   * @param {Promise<any>} promise
   */
  answer(step, promise) {
    const error = (/** @type {any} */ it) => ({ error: it.refusal ? `${it.code}:${it.refusal}` : (it.code ?? String(it)) });
    this.results.set(step.as, promise.catch(error));
  }

  /** @param {Step} want */
  async accept({ server = 0, hello, after_ms = 0 }) {
    const from = this.stepEnded;
    const session = await this.arrival(server);
    assert.ok(Date.now() - from >= after_ms, `it came after ${Date.now() - from} ms, wanted ${after_ms}`);
    session.accept();
    await this.until(() => session.hello !== null, () => 'no hello');
    if (hello) this.match(hello, session.hello, 'hello');
    assert.equal(session.hello?.token, 'secret');
    this.session = session;
  }

  /** @param {number} index */
  async arrival(index) {
    const server = /** @type {FakeServer} */ (this.servers[index]);
    const live = () => (server.arrived = server.arrived.filter((it) => !it.over));
    await this.until(() => live().length > 0, () => `no session at server ${index}`);
    return /** @type {import('./server.js').FakeSession} */ (server.arrived.shift());
  }

  /** @param {Step} want */
  async expect(want) {
    const session = this.current();
    const isAside = (/** @type {Step} */ it) => ASIDE.includes(it.t) && it.t !== want.t;
    const next = () => {
      while (session.inbox[0] && isAside(session.inbox[0])) session.inbox.shift();
      return session.inbox.length > 0;
    };
    await this.until(next, () => 'the client says nothing');
    this.match(want, session.inbox.shift(), 'frame');
  }

  current() {
    if (!this.session) throw new Error('no session was accepted');
    return this.session;
  }

  /** @param {string} name */
  of(name) {
    const it = this.subscriptions.get(name);
    if (!it) throw new Error(`no subscription ${name}`);
    return it;
  }

  /**
   * @param {any} want
   * @param {any} has
   * @param {string} what
   */
  match(want, has, what) {
    if (want === '*') return assert.ok(has !== undefined && has !== null, `${what} is missing`);
    if (want === null) return assert.ok(has === undefined || has === null, `${what} is ${JSON.stringify(has)}`);
    if (typeof want === 'string' && want.startsWith('$')) {
      if (!this.names.has(want)) {
        assert.ok(has !== undefined && has !== null, `${what} is missing`);
        this.names.set(want, has);
      }
      return assert.deepEqual(has, this.names.get(want), what);
    }
    if (typeof want !== 'object') return assert.deepEqual(has, want, what);
    assert.ok(typeof has === 'object' && has !== null, `${what} is ${JSON.stringify(has)}`);
    if (Array.isArray(want)) assert.equal(has.length, want.length, what);
    for (const key of Object.keys(want)) this.match(want[key], has[key], `${what}.${key}`);
  }

  /**
   * @param {any} frame
   * @returns {any}
   */
  filled(frame) {
    if (typeof frame === 'string' && frame.startsWith('$')) {
      assert.ok(this.names.has(frame), `${frame} is not bound`);
      return this.names.get(frame);
    }
    if (Array.isArray(frame)) return frame.map((it) => this.filled(it));
    if (typeof frame !== 'object' || frame === null) return frame;
    return Object.fromEntries(Object.entries(frame).map(([key, it]) => [key, this.filled(it)]));
  }

  /**
   * @param {() => boolean} condition
   * @param {() => string} otherwise
   */
  async until(condition, otherwise) {
    const end = Date.now() + DEADLINE_MS;
    while (!condition()) {
      if (Date.now() > end) throw new Error(`not in time: ${otherwise()}`);
      await new Promise((/** @type {(_: void) => void} */ done) => {
        // What is awaited is told by events; a look now and then finds what is not.
        const timer = setTimeout(done, 5);
        this.wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
  }

  /** @param {() => void} fits throws until it does */
  async untilFits(fits) {
    let why = '';
    const holds = () => {
      try {
        fits();
        return true;
      } catch (error) {
        why = /** @type {Error} */ (error).message;
        return false;
      }
    };
    await this.until(holds, () => why);
  }

  /**
   * @param {Promise<any>} promise
   * @param {string} what
   */
  async deadline(promise, what) {
    /** @type {any} */
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${what}: not in time`)), DEADLINE_MS);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** @param {any} value */
function plainValue(value) {
  return value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value;
}

/** @param {any} held */
function plain(held) {
  const { position, contentType, value, ...rest } = held;
  const { lane, epoch, number } = position;
  return { ...rest, value: plainValue(value), content_type: contentType, position: [lane, epoch, number] };
}

/** @param {any} event */
function told(event) {
  switch (event.type) {
    case 'update':
      return { update: event.topic, value: plainValue(event.value) };
    case 'deleted':
      return { deleted: event.topic };
    case 'gap':
      return { gap: { lane: event.lane, from: event.from, to: event.to, reason: event.reason } };
    case 'refused':
    case 'ended':
      return { [event.type]: event.code };
    default:
      return { [event.type]: true };
  }
}
