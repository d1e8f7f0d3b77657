// The client of Spica's live sessions. `docs/live.md` says what the words mean.

/** Opaque: everything up to it is known. Give it back unchanged. */
export type Place = [number, number, number, number];
export type Lane = 'critical' | 'normal';
export type Quality = 'good' | 'uncertain' | 'bad';
export type Kind = 'state' | 'event';
export type Transport = 'ws' | 'sse' | 'poll';
/** The place of one record. */
export interface Position {
  lane: Lane;
  epoch: number;
  number: number;
}

export interface Options {
  /** `http://host:port` or `https://…`, in order of preference. */
  endpoints: string | string[];
  /** A function is asked for each connection. */
  token?: string | (() => string | Promise<string>);
  /** Of WebSockets; `json` by default. */
  encoding?: 'json' | 'cbor';
  /** In order; `['ws', 'sse', 'poll']` by default. */
  transports?: Transport[];
  /** A name for operators, at most 64 bytes. */
  client?: string;
  /** Bytes that may be on their way or wait in iterators; 1 MiB by default, 0: no limit. */
  credit?: number;
  /** Bytes per second of the session. */
  bytes_per_s?: number;
  /** Bounds of the pauses between attempts: 500 and 30,000 ms by default. */
  backoff?: { base_ms?: number; cap_ms?: number };
  /** For a welcome, and for a call; 10,000 ms by default. */
  timeout_ms?: number;
  /** Where another way is in use: when WebSocket is tried again; ten minutes by default. */
  retry_ws_after_ms?: number;
  /** For tests: time and chance. */
  time?: { now(): number; after(ms: number, then: () => void): () => void; random(): number };
}

export interface Window {
  kind: 'tumbling' | 'sliding' | 'periodic' | 'monotonic';
  size?: number;
  ms?: number;
  every?: number;
  ops: ('count' | 'sum' | 'min' | 'max' | 'mean' | 'variance' | 'stdev' | 'first' | 'last')[];
  /** A JSON pointer to the number. */
  field?: string;
}

export interface Limits {
  min_interval_ms?: number;
  bytes_per_s?: number;
}

/** The keys of a `subscribe` frame, but `sub` and `filter`. */
export interface SubscribeOptions extends Limits {
  kinds?: 'all' | Kind;
  deliver?: 'auto' | 'latest' | 'each';
  recovery?: 'auto' | 'precise' | 'gap' | 'repeating' | 'convergent' | 'divergent';
  after?: Place;
  snapshot?: boolean;
  delta?: boolean;
  window?: Window;
  merge?: 'patch';
  max_queue?: number;
}

/** A value that has come. Do not change what is in it: deltas build on it. */
export interface Update {
  type: 'update';
  topic: string;
  /** What JSON gives (numbers as JavaScript has them), a text, or a `Uint8Array`. */
  value: any;
  quality: Quality;
  /** µs since 1970, by the node's clock. */
  received: number;
  /** µs since 1970, by the source's clock. */
  source: number | null;
  position: Position;
  kind: Kind | 'window';
  contentType: string;
  /** Of a window: when its first and last value were received. */
  from?: number;
  to?: number;
}

export interface Deletion {
  type: 'deleted';
  topic: string;
  quality: Quality;
  received: number;
  source: number | null;
  position: Position;
}

/** What is told of a subscription, in order. */
export type LiveEvent =
  | Update
  | Deletion
  /** The snapshot, or what was missed, is complete. */
  | { type: 'ready' }
  /** Events of these numbers, inclusive, were not and will not be sent. */
  | { type: 'gap'; lane: Lane; from: number; to: number; reason: string }
  /** What was held is dropped; a snapshot follows. */
  | { type: 'reset' }
  | { type: 'refused'; code: string; detail: string }
  | { type: 'ended'; code: string; detail: string };

/** One subscription, over all the connections that it lives through. */
export interface Subscription extends AsyncIterable<LiveEvent> {
  readonly filter: string;
  /** What is held: topic → value. */
  readonly values: ReadonlyMap<string, Update>;
  /** Whether that may be out of date: no connection, or not yet complete. */
  readonly stale: boolean;
  readonly isReady: boolean;
  readonly isOver: boolean;
  /** What the server promises; null before it said so. */
  readonly recovery: string | null;
  readonly deliver: string | null;
  /** As `after` of a later subscription it goes on from here. */
  readonly place: Place | null;
  /** Milliseconds since the value was received, by the node's clock; null if it is not held. */
  age(topic: string): number | null;
  /** Resolves when the values are complete; rejects with a `LiveError` if the subscription ends before. */
  whenReady(): Promise<void>;
  change(limits: Limits): void;
  unsubscribe(): void;
  /**
   * What happens from now on. Values of one topic are conflated while they wait (but with
   * `deliver: 'each'`); everything else waits, and stops the server when the credit is used up.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<LiveEvent>;
}

export interface Result {
  /** HTTP's. */
  status: number;
  /** JSON; a problem document if it was refused. */
  body: any;
}

export interface PublishOptions {
  kind?: Kind;
  class?: Lane;
  quality?: Quality;
  /** RFC 3339, in UTC. */
  source_time?: string;
  content_type?: string;
  /** What makes a repetition harmless; made up if absent. */
  key?: string;
  timeout_ms?: number;
}

export type State = 'connecting' | 'open' | 'lost' | 'closed';

export interface StateEvent {
  state: State;
  /** Of `lost`: `cut`, `silence`, `protocol`, or the code of the server's `bye`. */
  reason: string | null;
  detail: string;
}

export interface Client {
  readonly state: State;
  /** The way, the endpoint and the server in use; null while there is none. */
  readonly way: Transport | null;
  readonly url: string | null;
  readonly welcome: {
    session: string;
    node: string;
    engine: string;
    time: number;
    heartbeat_ms: number;
    role: string;
    max_frame: number;
    max_subs: number;
  } | null;
  /** Why the last attempt or connection ended. */
  readonly lastFailure: { url: string; reason: string; detail: string; at: number } | null;
  /** What returns ends it. */
  on(what: 'state', then: (event: StateEvent) => void): () => void;
  /** Errors of the application's own functions, and refusals that belong to nothing. */
  on(what: 'error', then: (error: unknown) => void): () => void;
  /** The node's clock as far as it is known, ms since 1970. */
  serverNow(): number;
  subscribe(filter: string, listener: (event: LiveEvent) => unknown): Subscription;
  subscribe(filter: string, options?: SubscribeOptions, listener?: (event: LiveEvent) => unknown): Subscription;
  /** The HTTP interface. Sent again after a lost connection if it has a key, or is GET, PUT or DELETE. */
  call(method: string, path: string, body?: unknown, how?: { key?: string; timeout_ms?: number }): Promise<Result>;
  /** One record. Sent again after a lost connection it is the same fact. */
  publish(topic: string, value: unknown, options?: PublishOptions): Promise<Result>;
  /** Queues a command. Never sent twice: `lost` means that nobody knows. */
  command(
    device: string,
    command: string | number,
    args?: Record<string, unknown> | string,
    options?: { expires_in?: string; timeout_ms?: number },
  ): Promise<Result>;
  acknowledge(caseId: string, options?: { why?: string; timeout_ms?: number }): Promise<Result>;
  /** Milliseconds to the server's program and back. */
  ping(): Promise<number>;
  /** What the server counts of this session, and under `client` what we do. */
  stats(): Promise<Record<string, unknown>>;
  /** New limits of the session, also for connections to come. */
  change(limits: Limits): void;
  close(): void;
}

/** What was asked for is not done, or nobody knows. */
export declare class LiveError extends Error {
  readonly code: 'lost' | 'timeout' | 'closed' | 'refused' | 'overflow' | 'limit';
  /** The code of the refusal. */
  readonly refusal: string | undefined;
}

/** Connects by itself from now on, until it is closed. */
export declare function connect(options: Options): Client;
