/**
 * What @actions/http-client and @actions/github use of undici, for the bundle: fetch, and the agent that goes through a proxy. Its own index brings mocks, WebSocket,
 * caches and interceptors with it, which would be a third of what a runner loads. The versions are pinned by package-lock.json, so these paths cannot move unseen.
 */
import api from "undici/lib/api/index.js";
import Dispatcher from "undici/lib/dispatcher/dispatcher.js";
import ProxyAgent from "undici/lib/dispatcher/proxy-agent.js";
import web from "undici/lib/web/fetch/index.js";

// As undici's own index does: without it a dispatcher has no connect(), which the way through a proxy begins with.
Object.assign(Dispatcher.prototype, api);

const { fetch } = web;
export { fetch, ProxyAgent };
