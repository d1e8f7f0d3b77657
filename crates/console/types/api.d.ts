// The shapes of the HTTP interface that the console reads; `/openapi.json` has them all.
declare namespace Api {
  interface Signature { by: string; at: string; why: string | null }
  interface Case {
    id: string; source: string; condition: string; severity: string; state: string; text: string;
    name: string | null; customer: string | null; active: boolean; quiet: boolean;
    raised_at: string; received_at: string; happened_at: string | null; last_raised_at: string;
    repeats: number; cleared_at: string | null; acknowledged: Signature | null;
    confirmed: Signature | null; closed: Signature | null; owner: string | null; cause: string;
    detail: Detail | null;
  }
  interface Detail {
    battery_percent?: number; signal_dbm?: number; minutes?: number; text?: string;
    location?: { latitude: number; longitude: number };
    cell?: { mcc: number; mnc: number; lac: number; cell: number };
    [key: string]: unknown;
  }
  interface Condition {
    source: string; condition: string; active: boolean; case: string | null;
    shelved: { until: string | null; once: boolean; by: string; at: string; why: string | null } | null;
    suppressed: Signature | null; out_of_service: Signature | null;
  }
  interface Step {
    what: string; by: string; at: string; why?: string | null; to?: string | null;
    source: string; condition: string; severity: string; state?: string | null;
  }
  interface Record {
    position: string; topic: string; class: string; kind: 'state' | 'event'; op: 'put' | 'delete';
    quality: 'good' | 'uncertain' | 'bad'; received: string; source_time: string | null;
    content_type: string; value?: unknown; text?: string; base64?: string; cause: string | null;
  }
  interface Device {
    serial: string; name: string | null; customer: string | null; note: string | null; enabled: boolean;
    check_in_minutes: number; grace_minutes: number; allowed_versions: string[]; registered_at: string;
    last_check_in: string | null; missed_at: string | null; software_version: string | null;
  }
  interface Command {
    id: number; code: number; name: string; arguments: string; state: string; queued_at: string;
    expires_at: string; sent_at: string | null; settled_at: string | null; attempts: number;
    result: number | null; by: string;
  }
  interface Media {
    device: string; received: string; source_time: string | null; picture: number; size: number;
    address: string; content_type: string;
  }
  interface Notice {
    person?: string; channel?: string; address?: string; reason?: string; state?: string;
    attempts?: number; last_answer?: string | null; created_at?: string; settled_at?: string | null;
  }
  interface Handler {
    name: string; class: string; state: string; paused: { at: string; by: string; why: string } | null;
    cursor: number; through: number; lag_records: number; lag_seconds: number; handled: number;
    failed: number; retries: number; restarts: number; missed: number; dead_letters: number;
    last_error: string | null; last_error_at: string | null;
  }
  interface DeadLetter {
    id: string; topic: string; position: string; attempts: number; error: string;
    first_failed: string; last_failed: string; payload_bytes: number;
  }
  interface Ban { source: string; from: string[]; until: string; reason: string; automatic: boolean }
  interface MqttSession {
    id: string; user: string | null; connected: boolean; since: string; subscriptions: number; queued: number; queued_bytes: number;
    behind: boolean; dropped: { queue_full: number; too_large: number; expired: number };
  }
  interface MqttClient { id: string; user: string | null; address: string; version: string; since: string; session: MqttSession }
  interface Token { id: string; name: string; role: string; serial?: string | null; created: string }
  interface Lane { class: string; ready: boolean; epoch: number; last: number; durable: number; bytes: number; failure: string | null }
  interface Ready {
    ready: boolean; stopping: boolean; journal: Lane[];
    views: { ready: boolean; behind_critical: number; behind_normal: number; failure: string | null };
    pair: { ready: boolean; state: string; sync: string } | null;
  }
  interface Pair {
    state: string; side: string; serves: boolean; epoch: number; gate: string; sync: string; behind: number;
    sound: boolean; version: string; notices: string[];
    partner: { alive: boolean; heard_ms: number | null; http: string | null; state: string | null };
  }
  interface Channel {
    name: string; kind: string; well: boolean; in_flight: number; delivered: number; refused: number;
    retries: number; last_delivered: string | null; last_failed: string | null; last_failure: string | null;
  }
  interface Desk {
    serves: boolean; behind_critical: number; behind_normal: number; open_cases: number; channels: Channel[];
  }
  interface Point { at: string; count: number; min: number; max: number; mean: number; last: number }
}
