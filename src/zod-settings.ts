/**
 * Read by zod when it is loaded (zod/v4/core/core.js): code that is made for a schema pays for itself after thousands of values, and a run reads a few. It is set without
 * loading zod, which a run that ends early never needs.
 */
Object.assign(globalThis, { __zod_globalConfig: { jitless: true } });
