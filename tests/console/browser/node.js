// A real node: started with a configuration of its own, stopped and killed by its process id.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BINARY = process.env.SPICA_BIN ?? '';
const DEADLINE = 30_000;

/** Asks until there is an answer that is true. */
export async function until(ask, what) {
  const end = performance.now() + DEADLINE;
  for (;;) {
    const found = await ask();
    if (found) return found;
    if (performance.now() > end) throw new Error(`no ${what} within ${DEADLINE} ms`);
    await new Promise((resolve) => { setTimeout(resolve, 30); });
  }
}

/** A port of the loopback that is free now: a node that is started again must have the same. */
export async function freePort(host = '127.0.0.1') {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

export class Node {
  /** @param {string} [more] configuration @param {string} [host] an address of the loopback */
  static async start(more = '', host = '127.0.0.1') {
    assert.ok(BINARY, 'SPICA_BIN names the binary');
    const node = new Node();
    node.directory = mkdtempSync(join(tmpdir(), 'spica-console-'));
    node.port = await freePort(host);
    node.base = `http://${host}:${node.port}`;
    const config = `[node]\ndata_dir = "${join(node.directory, 'data')}"\n[http]\nlisten = "${host}:${node.port}"\n[identicom]\nlisten = "127.0.0.1:0"\n${more}`;
    writeFileSync(join(node.directory, 'spica.toml'), config);
    await node.run();
    node.token = readFileSync(join(node.directory, 'token'), 'utf8').trim();
    return node;
  }

  async run() {
    const log = openSync(join(this.directory, 'log'), 'a');
    const file = (name) => join(this.directory, name);
    const first = this.token ? [] : ['--admin-token-file', file('token')];
    rmSync(file('data/run.json'), { force: true });
    this.process = spawn(BINARY, ['serve', '--config', file('spica.toml'), ...first], { stdio: ['ignore', log, log] });
    try {
      await until(async () => {
        assert.equal(this.process.exitCode, null, readFileSync(file('log'), 'utf8'));
        const answer = await fetch(`${this.base}/health/ready`).catch(() => null);
        return answer?.ok && existsSync(file('data/run.json'));
      }, 'ready node');
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.addresses = JSON.parse(readFileSync(file('data/run.json'), 'utf8'));
  }

  /** Ends it as a power cut does. */
  async kill() {
    this.process.kill('SIGKILL');
    await once(this.process, 'exit');
  }

  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** @param {string} path @param {unknown} [body] */
  async ask(method, path, body, type = 'application/json') {
    const answer = await fetch(this.base + path, {
      method, headers: { authorization: `Bearer ${this.token}`, 'content-type': type },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** @param {string} role @returns {Promise<string>} a token */
  async tokenFor(role) {
    return (await this.ask('POST', '/v1/tokens', { name: role, role })).token;
  }

  /** @param {string} serial @param {{name?: string, index: number, code: number, detail?: number[]}[]} events */
  async dialIn(serial, events) {
    const { dialIn } = await import('./device.js');
    const [host, port] = this.addresses.identicom.split(/:(?=\d+$)/);
    await dialIn(host, Number(port), serial, events);
  }
}
