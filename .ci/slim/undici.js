/**
 * What @actions/http-client and @actions/github use of undici, for the bundle: fetch, which Node itself has, and the agent that goes through a proxy, which Node's fetch
 * takes as its dispatcher. undici's own index brings fetch once more, mocks, WebSocket, caches and interceptors with it, which would be a third of what a runner loads.
 * The versions are pinned by package-lock.json, so these paths cannot move unseen.
 */
import api from "undici/lib/api/index.js";
import Dispatcher from "undici/lib/dispatcher/dispatcher.js";
import ProxyAgent from "undici/lib/dispatcher/proxy-agent.js";

// As undici's own index does: without it a dispatcher has no connect(), which the way through a proxy begins with.
Object.assign(Dispatcher.prototype, api);

const fetch = globalThis.fetch;
export { fetch, ProxyAgent };
