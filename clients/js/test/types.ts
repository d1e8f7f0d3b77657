// Read by the type checker only: what is declared is what is there.

import type * as declared from '../index.d.ts';
import * as there from '../src/client.js';
import { LiveError } from '../src/errors.js';
import type { Options } from '../src/client.js';
import { Subscription } from '../src/subscription.js';

declare const client: there.Client;
declare const subscription: Subscription;
declare const options: declared.Options;
declare const error: LiveError;

// The tests use the JavaScript itself, so each declaration is held against it here.
export const asClient: declared.Client = client as Omit<there.Client, 'subscribe'> & {
  subscribe(filter: string, options?: declared.SubscribeOptions | ((event: declared.LiveEvent) => unknown), listener?: (event: declared.LiveEvent) => unknown): Subscription;
};
export const asSubscription: declared.Subscription = subscription;
export const asOptions: Options = options;
export const asError: declared.LiveError = error;
